//! The slots, in memory that outlives us.

use super::journal::{JOURNAL_WORDS, Journal};
use super::record::{Record, WORDS};
use super::standing::{Standing, WORDS as STANDING_WORDS};
use crate::domain::BootMs;
use crate::sys::memory::SharedWords;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// "rpmslot" and the version: another layout is another number, and begins empty.
const MAGIC: u64 = 0x7270_6d73_6c6f_7406;
/// Processes beyond this are not kept: they would be unknown to a daemon that follows a killed one.
const CAPACITY: usize = 4096;

const HEADER: usize = 8 + JOURNAL_WORDS;
const MAGIC_WORD: usize = 0;
/// Names the boot of the machine that the records belong to.
const BOOT_WORD: usize = 1;
const IN_FLIGHT_WORD: usize = 2;
/// Slots from here on were never used: nobody reads them, so that their pages stay unmapped.
const USED_WORD: usize = 3;
/// A number above those of all runs.
const NEXT_RUN_WORD: usize = 4;
/// Connections that killed daemons have lost, in all.
const LOST_WORD: usize = 5;
/// When the machine's budget of restarts is full again.
const BUDGET_WORD: usize = 6;
const JOURNAL_AT: usize = 8;

/// Stamp, record, sum.
const HALF: usize = WORDS + 2;
/// No slot is ever written as often: a stamp from here on is not one of ours.
const LAST_STAMP: u64 = 1 << 63;
/// Two halves, and the standing.
const SLOT: usize = 2 * HALF + STANDING_WORDS;
const STANDING: usize = 2 * HALF;

/// All slots. Cheap to clone; one thread.
#[derive(Debug, Clone)]
pub struct Table {
    inner: Rc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) memory: Arc<SharedWords>,
    free: RefCell<BTreeSet<usize>>,
}

/// A slot of one process. It is emptied by [`Slot::release`] alone, however else the program ends.
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
    /// The table in this memory (see [`Table::words`]), with the slots that another generation has left in this boot
    /// of the machine. They stay as they are until they are written or dropped.
    pub fn open(memory: SharedWords, boot: &str) -> (Self, Vec<(Slot, Record)>) {
        let boot = hash(boot.bytes().map(u64::from));
        let words = memory.words();
        let known =
            words[MAGIC_WORD].load(Ordering::Acquire) == MAGIC && words[BOOT_WORD].load(Ordering::Acquire) == boot;
        if !known {
            words[MAGIC_WORD].store(0, Ordering::Release);
            for word in &words[1..HEADER + used(words) * SLOT] {
                word.store(0, Ordering::Relaxed);
            }
            words[BOOT_WORD].store(boot, Ordering::Release);
            words[MAGIC_WORD].store(MAGIC, Ordering::Release);
        }
        // In this order: a death in between counts them twice, and loses none.
        let lost = words[IN_FLIGHT_WORD].load(Ordering::Acquire);
        words[LOST_WORD].fetch_add(lost, Ordering::AcqRel);
        words[IN_FLIGHT_WORD].fetch_sub(lost, Ordering::AcqRel);
        let found: Vec<(usize, Record)> =
            (0..used(words)).filter_map(|index| Some((index, read(words, index)?))).collect();
        let taken: BTreeSet<usize> = found.iter().map(|(index, _)| *index).collect();
        let free = (0..CAPACITY).filter(|index| !taken.contains(index)).collect();
        let inner = Rc::new(Inner { memory: Arc::new(memory), free: RefCell::new(free) });
        let slot = |index| Slot { table: Rc::clone(&inner), index };
        let left = found.into_iter().map(|(index, record)| (slot(index), record)).collect();
        (Self { inner }, left)
    }

    /// The same in a file, for tests of others.
    #[cfg(test)]
    pub(crate) fn in_file(path: &std::path::Path, boot: &str) -> (Self, Vec<(Slot, Record)>) {
        Self::open(SharedWords::open(path, Self::words()).expect("a directory to write to"), boot)
    }

    /// Whether the program that wrote this as the first word of the memory arranged it as this one does. 0 is nothing
    /// yet.
    pub const fn is_known(first_word: u64) -> bool {
        matches!(first_word, 0 | MAGIC)
    }

    /// Has its memory not count as ours, until it is needed.
    pub fn release(&self) {
        self.inner.memory.release();
    }

    /// How much memory a table needs.
    pub const fn words() -> usize {
        HEADER + CAPACITY * SLOT
    }

    /// A slot for a process; `None` when all are taken.
    pub fn slot(&self) -> Option<Slot> {
        let index = self.inner.free.borrow_mut().pop_first()?;
        let slot = Slot { table: Rc::clone(&self.inner), index };
        // What a death in the middle of emptying it may have left.
        slot.empty();
        self.inner.memory.words()[USED_WORD].fetch_max(index as u64 + 1, Ordering::AcqRel);
        Some(slot)
    }

    pub fn in_flight(&self) -> InFlight {
        InFlight { table: Some(Rc::clone(&self.inner)) }
    }

    /// Connections that killed daemons have lost since the table was made.
    pub fn lost_connections(&self) -> u64 {
        self.inner.memory.words()[LOST_WORD].load(Ordering::Acquire)
    }

    pub fn journal(&self) -> Journal {
        Journal::shared(Arc::clone(&self.inner.memory), JOURNAL_AT)
    }

    /// A number above those of all runs that any generation has begun.
    pub fn next_run(&self) -> u64 {
        self.inner.memory.words()[NEXT_RUN_WORD].load(Ordering::Acquire)
    }

    /// When the machine's budget of restarts is full again, by the last daemon that spent of it.
    pub fn budget(&self) -> BootMs {
        self.inner.memory.words()[BUDGET_WORD].load(Ordering::Acquire)
    }

    pub fn note_budget(&self, full_at: BootMs) {
        self.inner.memory.words()[BUDGET_WORD].store(full_at, Ordering::Release);
    }

    /// Runs below this have begun.
    pub fn note_next_run(&self, next: u64) {
        self.inner.memory.words()[NEXT_RUN_WORD].fetch_max(next, Ordering::AcqRel);
    }
}

impl Slot {
    pub fn write(&self, record: &Record) {
        let words = self.table.memory.words();
        // Over the older half, or one that a death has left unfinished: the newest whole one stays until this one is.
        let stamps = [0, 1].map(|half| whole(words, self.index, half).map_or(0, |(stamp, _)| stamp));
        let target = usize::from(stamps[1] < stamps[0]);
        let stamp = stamps[0].max(stamps[1]) + 1;
        let record = record.encode();
        let start = start_of(self.index, target);
        words[start + HALF - 1].store(0, Ordering::Release);
        for (word, value) in words[start + 1..].iter().zip(record) {
            word.store(value, Ordering::Relaxed);
        }
        words[start].store(stamp, Ordering::Release);
        words[start + HALF - 1].store(sum(stamp, &record), Ordering::Release);
    }

    /// Nobody will ask for this process any more. A slot that is merely dropped stays for the next generation.
    pub fn release(self) {
        self.empty();
        self.table.free.borrow_mut().insert(self.index);
    }

    /// What the run in it has said of itself.
    pub fn standing(&self) -> Standing {
        Standing::shared(Arc::clone(&self.table.memory), HEADER + self.index * SLOT + STANDING)
    }

    /// The sums first: a slot that is emptied half-way is no slot.
    fn empty(&self) {
        let start = HEADER + self.index * SLOT;
        let words = self.table.memory.words();
        for half in [0, 1] {
            words[start + half * HALF + HALF - 1].store(0, Ordering::Release);
        }
        for word in &words[start..start + SLOT] {
            word.store(0, Ordering::Release);
        }
    }
}

impl InFlight {
    /// For a program whose connections nobody else will ask about.
    pub fn unkept() -> Self {
        Self { table: None }
    }

    /// How many there are now.
    pub fn count(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.memory.words()[IN_FLIGHT_WORD].load(Ordering::Acquire))
    }

    /// One that a daemon before this one had handed over, and that was given back to nobody.
    pub fn lost(&self) {
        if let Some(table) = &self.table {
            table.memory.words()[LOST_WORD].fetch_add(1, Ordering::AcqRel);
        }
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

const fn start_of(index: usize, half: usize) -> usize {
    HEADER + index * SLOT + half * HALF
}

/// The stamp and the record of a half that was written to its end.
fn whole(words: &[AtomicU64], index: usize, half: usize) -> Option<(u64, [u64; WORDS])> {
    let start = start_of(index, half);
    let stamp = words[start].load(Ordering::Acquire);
    let mut record = [0; WORDS];
    for (value, word) in record.iter_mut().zip(&words[start + 1..]) {
        *value = word.load(Ordering::Acquire);
    }
    let is_whole = words[start + HALF - 1].load(Ordering::Acquire) == sum(stamp, &record);
    (is_whole && (1..LAST_STAMP).contains(&stamp)).then_some((stamp, record))
}

/// The newest whole half.
fn read(words: &[AtomicU64], index: usize) -> Option<Record> {
    let (_, record) = whole(words, index, 0).max(whole(words, index, 1))?;
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
        state.recycled = 9;
        Record { id: ProcessId(id), state, run: Some((4242, 77)), started_at: -1, unwell: None }
    }

    fn open(path: &std::path::Path, boot: &str) -> (Table, Vec<(Slot, Record)>) {
        Table::open(SharedWords::open(path, Table::words()).unwrap(), boot)
    }

    fn records(left: &[(Slot, Record)]) -> Vec<Record> {
        left.iter().map(|(_, record)| *record).collect()
    }

    #[test]
    fn what_is_written_is_there_for_each_next_generation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        let (table, left) = open(&path, "boot");
        assert!(left.is_empty());
        let (first, second) = (table.slot().unwrap(), table.slot().unwrap());
        first.write(&record(1, 1));
        second.write(&record(2, 1));
        second.write(&record(2, 2));
        second.standing().join(3);
        table.in_flight().begin();
        table.note_next_run(100);
        table.note_budget(5_000);
        drop((first, second));
        for _ in 0..2 {
            let (table, left) = open(&path, "boot");
            assert_eq!(records(&left), [record(1, 1), record(2, 2)]);
            assert!(left[1].0.standing().has_joined(3) && !left[0].0.standing().has_joined(3));
            assert_eq!((table.lost_connections(), table.next_run(), table.budget()), (1, 100, 5_000));
        }
        drop(open(&path, "boot"));
        assert_eq!(open(&path, "boot").1.len(), 2, "what is dropped stays");
        open(&path, "boot").1.into_iter().for_each(|(slot, _)| slot.release());
        assert!(open(&path, "boot").1.is_empty(), "what is released is empty");
    }

    #[test]
    fn another_boot_begins_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        let (table, _) = open(&path, "one");
        let slot = table.slot().unwrap();
        slot.write(&record(1, 1));
        assert!(open(&path, "two").1.is_empty());
    }

    #[test]
    fn a_file_that_was_cut_or_written_over_begins_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        for damage in [0, Table::words() * 8] {
            let (table, _) = open(&path, "boot");
            table.slot().unwrap().write(&record(1, 1));
            drop(table);
            std::fs::write(&path, vec![0xff; damage]).unwrap();
            let (table, left) = open(&path, "boot");
            assert!(left.is_empty());
            assert_eq!((table.next_run(), table.lost_connections()), (0, 0));
            table.slot().unwrap().write(&record(2, 2));
            assert_eq!(records(&open(&path, "boot").1), [record(2, 2)]);
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_released_slot_is_empty_and_free() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        let (table, _) = open(&path, "boot");
        let slots: Vec<Slot> = std::iter::from_fn(|| table.slot()).collect();
        assert_eq!(slots.len(), CAPACITY);
        slots[5].write(&record(5, 5));
        assert!(table.slot().is_none());
        slots.into_iter().for_each(Slot::release);
        assert!(table.slot().is_some());
        assert!(open(&path, "boot").1.is_empty());
    }

    /// A death in the middle of a write, and the death of the next daemon in the middle of its first one.
    #[test]
    fn an_unfinished_half_is_written_over_before_a_whole_one() {
        let directory = tempfile::tempdir().unwrap();
        let (table, _) = open(&directory.path().join("slots"), "boot");
        let words = table.inner.memory.words();
        let cut_off = |half| words[start_of(0, half) + HALF - 1].store(0, Ordering::Release);
        let slot = table.slot().unwrap();
        for restarts in 1..=3 {
            slot.write(&record(1, restarts));
        }
        let half = usize::from(whole(words, 0, 0).map(|(stamp, _)| stamp) != Some(3));
        cut_off(half);
        assert_eq!(read(words, 0), Some(record(1, 2)));
        slot.write(&record(1, 4));
        assert_eq!(read(words, 0), Some(record(1, 4)));
        cut_off(half);
        assert_eq!(read(words, 0), Some(record(1, 2)));
    }

    proptest! {
        /// A write that stops after any word leaves the record before it, or the new one.
        #[test]
        fn a_death_in_the_middle_of_a_write_loses_nothing(word in 0..STANDING, value in any::<u64>()) {
            let directory = tempfile::tempdir().unwrap();
            let (table, _) = open(&directory.path().join("slots"), "boot");
            let slot = table.slot().unwrap();
            slot.write(&record(1, 1));
            slot.write(&record(1, 2));
            table.inner.memory.words()[HEADER + word].store(value, Ordering::Release);
            let seen = read(table.inner.memory.words(), 0);
            prop_assert!(seen == Some(record(1, 1)) || seen == Some(record(1, 2)), "{seen:?}");
        }

        #[test]
        fn no_words_are_a_panic(words in prop::collection::vec(any::<u64>(), WORDS)) {
            let _ = Record::decode(&words.try_into().unwrap());
        }
    }
}
