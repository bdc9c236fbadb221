//! The shared memory as another program, or a damaged disk, may have left it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpm_native::slots::{RECORD_WORDS, Record, Table};
use rpm_native::sys::memory::{SharedWords, anonymous};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

fn record(bytes: &[u8]) -> Option<Record> {
    let mut words = [0; RECORD_WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    }
    Record::decode(&words)
}

/// What is understood is written as what it was understood as.
fn one_record(bytes: &[u8]) {
    if let Some(record) = record(bytes) {
        assert_eq!(Record::decode(&record.encode()), Some(record));
    }
}

/// A whole table: opened, written to, and opened again.
fn memory(bytes: &[u8]) {
    let fd = anonymous(Table::words()).expect("a file in memory");
    let mut file = File::from(fd.try_clone().expect("a descriptor"));
    file.write_all(&bytes[..bytes.len().min(Table::words() * 8)]).expect("room");
    let map = || SharedWords::map(fd.as_fd(), Table::words()).expect("a mapping");
    let (table, found) = Table::open(map(), "boot");
    let written: Vec<Record> = found.iter().map(|(_, record)| *record).collect();
    for (slot, record) in &found {
        slot.write(record);
        slot.standing().set_ready();
    }
    let added = table.slot().zip(record(bytes));
    if let Some((slot, record)) = &added {
        slot.write(record);
    }
    let (again, left) = Table::open(map(), "boot");
    let mut read: Vec<Record> = left.iter().map(|(_, record)| *record).collect();
    let mut expected = written;
    expected.extend(added.as_ref().map(|(_, record)| *record));
    read.sort_by_key(Record::encode);
    expected.sort_by_key(Record::encode);
    assert_eq!(read, expected);
    assert_eq!(again.next_run(), table.next_run());
}

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0, rest)) => memory(rest),
        Some((_, rest)) => one_record(rest),
        None => {}
    }
});
