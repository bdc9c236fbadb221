//! The slots, in a mapped file of the home.

use super::record::{Record, WORDS};
use crate::sys::memory::SharedWords;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// "rpmslot" and the version: another layout is another number, and begins empty.
const MAGIC: u64 = 0x7270_6d73_6c6f_7401;
/// Processes beyond this are not kept: they would be unknown to a daemon that follows a killed one.
const CAPACITY: usize = 4096;

const HEADER: usize = 8;
const MAGIC_WORD: usize = 0;
/// Names the boot of the machine that the records belong to.
const BOOT_WORD: usize = 1;
const IN_FLIGHT_WORD: usize = 2;
/// Slots from here on were never used: nobody reads them, so that their pages stay unmapped.
const USED_WORD: usize = 3;

/// Stamp, record, sum.
const HALF: usize = WORDS + 2;
const SLOT: usize = 2 * HALF;

/// All slots. Cheap to clone; one thread.
#[derive(Debug, Clone)]
pub struct Table {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    memory: SharedWords,
    free: RefCell<BTreeSet<usize>>,
}

/// A slot of one process. It is emptied when this is dropped, but not when the program ends otherwise.
#[derive(Debug)]
pub struct Slot {
    table: Rc<Inner>,
    index: usize,
}

/// Connections between their accept and their hand-over: what a killed daemon loses.
#[derive(Debug, Clone)]
pub struct InFlight {
    table: Option<Rc<Inner>>,
}

impl Table {
    /// Opens the table, with the records that another generation has left in this boot of the machine, and the number
    /// of connections that it lost.
    pub fn open(path: &Path, boot: &str) -> io::Result<(Self, Vec<Record>, u64)> {
        let memory = SharedWords::open(path, HEADER + CAPACITY * SLOT)?;
        let boot = hash(boot.bytes().map(u64::from));
        let words = memory.words();
        let known =
            words[MAGIC_WORD].load(Ordering::Acquire) == MAGIC && words[BOOT_WORD].load(Ordering::Acquire) == boot;
        let left = if known { (0..used(words)).filter_map(|index| read(words, index)).collect() } else { Vec::new() };
        let lost = if known { words[IN_FLIGHT_WORD].load(Ordering::Acquire) } else { 0 };
        let table = Self { inner: Rc::new(Inner { memory, free: RefCell::new((0..CAPACITY).collect()) }) };
        table.clear();
        table.inner.memory.words()[BOOT_WORD].store(boot, Ordering::Release);
        table.inner.memory.words()[MAGIC_WORD].store(MAGIC, Ordering::Release);
        Ok((table, left, lost))
    }

    fn clear(&self) {
        let words = self.inner.memory.words();
        for word in &words[..HEADER + used(words) * SLOT] {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// A slot for a process; `None` when all are taken.
    pub fn slot(&self) -> Option<Slot> {
        let index = self.inner.free.borrow_mut().pop_first()?;
        self.inner.memory.words()[USED_WORD].fetch_max(index as u64 + 1, Ordering::AcqRel);
        Some(Slot { table: Rc::clone(&self.inner), index })
    }

    pub fn in_flight(&self) -> InFlight {
        InFlight { table: Some(Rc::clone(&self.inner)) }
    }
}

impl Slot {
    pub fn write(&self, record: &Record) {
        let words = self.table.memory.words();
        let halves = [0, 1].map(|half| HEADER + self.index * SLOT + half * HALF);
        let stamps = halves.map(|start| words[start].load(Ordering::Acquire));
        // Over the older half: the newer one stays whole until this one is.
        let target = usize::from(stamps[1] < stamps[0]);
        let stamp = stamps[0].max(stamps[1]) + 1;
        let record = record.encode();
        let start = halves[target];
        words[start + HALF - 1].store(0, Ordering::Release);
        for (word, value) in words[start + 1..].iter().zip(record) {
            word.store(value, Ordering::Relaxed);
        }
        words[start].store(stamp, Ordering::Release);
        words[start + HALF - 1].store(sum(stamp, &record), Ordering::Release);
    }

    fn empty(&self) {
        let start = HEADER + self.index * SLOT;
        for word in &self.table.memory.words()[start..start + SLOT] {
            word.store(0, Ordering::Release);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.empty();
        self.table.free.borrow_mut().insert(self.index);
    }
}

impl InFlight {
    /// For a program whose connections nobody else will ask about.
    pub fn unkept() -> Self {
        Self { table: None }
    }

    /// Before an accept.
    pub fn begin(&self) {
        if let Some(table) = &self.table {
            table.memory.words()[IN_FLIGHT_WORD].fetch_add(1, Ordering::AcqRel);
        }
    }

    /// After the hand-over, or when nothing was accepted.
    pub fn end(&self) {
        if let Some(table) = &self.table {
            table.memory.words()[IN_FLIGHT_WORD].fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn used(words: &[AtomicU64]) -> usize {
    usize::try_from(words[USED_WORD].load(Ordering::Acquire)).map_or(CAPACITY, |used| used.min(CAPACITY))
}

/// The newest whole half.
fn read(words: &[AtomicU64], index: usize) -> Option<Record> {
    let half = |half: usize| {
        let start = HEADER + index * SLOT + half * HALF;
        let stamp = words[start].load(Ordering::Acquire);
        let mut record = [0; WORDS];
        for (value, word) in record.iter_mut().zip(&words[start + 1..]) {
            *value = word.load(Ordering::Acquire);
        }
        let whole = stamp != 0 && words[start + HALF - 1].load(Ordering::Acquire) == sum(stamp, &record);
        whole.then_some((stamp, record))
    };
    let (_, record) = half(0).max(half(1))?;
    Record::decode(&record)
}

fn sum(stamp: u64, record: &[u64; WORDS]) -> u64 {
    hash(std::iter::once(stamp).chain(record.iter().copied()))
}

/// FNV-1a over words; never 0, which means "not whole".
fn hash(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3)) | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lifecycle::{Phase, State, StopStep, Then};
    use crate::domain::{Outcome, ProcessId, SpawnId};
    use proptest::prelude::*;

    fn record(id: u32, restarts: u32) -> Record {
        let mut state = State::new(7);
        state.restarts = restarts;
        state.run = SpawnId(99);
        state.phase = Phase::Stopping { step: StopStep::Rest, deadline: 1234, then: Then::Restart };
        state.last_exit = Some(Outcome::Code(-3));
        Record { id: ProcessId(id), state, run: Some((4242, 77)), started_at: -1 }
    }

    #[test]
    fn what_is_written_is_there_for_the_next_generation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        let (table, left, lost) = Table::open(&path, "boot").unwrap();
        assert_eq!((left, lost), (vec![], 0));
        let (first, second) = (table.slot().unwrap(), table.slot().unwrap());
        first.write(&record(1, 1));
        second.write(&record(2, 1));
        second.write(&record(2, 2));
        table.in_flight().begin();
        // A killed program drops nothing.
        std::mem::forget((first, second));
        let (table, left, lost) = Table::open(&path, "boot").unwrap();
        assert_eq!((left, lost), (vec![record(1, 1), record(2, 2)], 1));
        drop(table);
        assert_eq!(Table::open(&path, "boot").unwrap().1, vec![]);
    }

    #[test]
    fn another_boot_begins_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        let (table, ..) = Table::open(&path, "one").unwrap();
        let slot = table.slot().unwrap();
        slot.write(&record(1, 1));
        std::mem::forget(slot);
        assert_eq!(Table::open(&path, "two").unwrap().1, vec![]);
    }

    #[test]
    fn a_dropped_slot_is_empty_and_free() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        let (table, ..) = Table::open(&path, "boot").unwrap();
        let slots: Vec<Slot> = std::iter::from_fn(|| table.slot()).collect();
        assert_eq!(slots.len(), CAPACITY);
        slots[5].write(&record(5, 5));
        drop(slots);
        assert!(table.slot().is_some());
        assert_eq!(Table::open(&path, "boot").unwrap().1, vec![]);
    }

    proptest! {
        /// A write that stops after any word leaves the record before it, or the new one.
        #[test]
        fn a_death_in_the_middle_of_a_write_loses_nothing(word in 0..SLOT, value in any::<u64>()) {
            let directory = tempfile::tempdir().unwrap();
            let (table, ..) = Table::open(&directory.path().join("slots"), "boot").unwrap();
            let slot = table.slot().unwrap();
            slot.write(&record(1, 1));
            slot.write(&record(1, 2));
            table.inner.memory.words()[HEADER + word].store(value, Ordering::Release);
            let seen = read(table.inner.memory.words(), 0);
            prop_assert!(seen == Some(record(1, 1)) || seen == Some(record(1, 2)), "{seen:?}");
        }

        #[test]
        fn no_words_are_a_panic(words in prop::array::uniform17(any::<u64>())) {
            let _ = Record::decode(&words);
        }
    }
}
