//! What an app writes on its channel: the same messages however it is cut into reads, and no line is a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpm_native::ipc::{Inbound, Lines, decode};

fn read(bytes: &[u8], step: usize) -> Vec<Inbound> {
    let (mut lines, mut messages) = (Lines::default(), Vec::new());
    for part in bytes.chunks(step) {
        lines.push(part, |line| messages.push(decode(line))).expect("it is shorter than the longest line");
    }
    assert_eq!(lines.is_empty(), bytes.last().is_none_or(|last| *last == b'\n'));
    messages
}

fuzz_target!(|bytes: &[u8]| {
    let Some((step, bytes)) = bytes.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(whole, read(bytes, usize::from(*step).max(1)));
    assert_eq!(whole.len(), bytes.iter().filter(|byte| **byte == b'\n').count());
});
