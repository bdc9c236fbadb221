//! What the guardian holds for the daemon: descriptors by name, the living runs, the exits nobody has taken note of.

use super::message::{Child, End, ExitRecord};
use crate::sys::time::boot_clock;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;

/// Exits beyond this many that nobody acknowledges push out the oldest.
const MOST_EXITS: usize = 65_536;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) tag: Box<[u8]>,
    pub(super) fd: OwnedFd,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    entries: BTreeMap<Box<str>, Entry>,
    /// In order of birth.
    children: Vec<Child>,
    /// In order of their coming; no run twice.
    exits: VecDeque<ExitRecord>,
    /// So many of them, from the first, has this daemon been told.
    told: usize,
}

impl Store {
    /// Never polled by us: a pipe at its end still has its unread rest.
    pub(super) fn put(&mut self, name: &str, tag: &[u8], fd: OwnedFd) {
        self.entries.insert(name.into(), Entry { tag: tag.into(), fd });
    }

    pub(super) fn delete(&mut self, name: &str) {
        self.entries.remove(name);
    }

    /// The first entry after this name.
    pub(super) fn after(&self, name: &str) -> Option<(&str, &Entry)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.entries.range::<str, _>((Excluded(name), Unbounded)).next().map(|(name, entry)| (&**name, entry))
    }

    /// A run that is begun again has one child and no end.
    pub(super) fn born(&mut self, run: u64, pid: i32) {
        self.drop_lost(|child| child.pid != pid || child.run == run);
        self.children.retain(|child| child.run != run);
        self.forget_exit(run);
        self.children.push(Child { run, pid });
    }

    pub(super) fn children(&self) -> &[Child] {
        &self.children
    }

    pub(super) fn is_child(&self, pid: i32) -> bool {
        self.children.iter().any(|child| child.pid == pid)
    }

    /// A child has ended: which run that was.
    pub(super) fn ended(&mut self, pid: i32) -> Option<u64> {
        let index = self.children.iter().position(|child| child.pid == pid)?;
        Some(self.children.remove(index).run)
    }

    /// Children that are none any more have ended, and nobody will ever learn how.
    pub(super) fn drop_lost(&mut self, is_there: impl Fn(&Child) -> bool) {
        let at = boot_clock().as_millis() as u64;
        let lost: Vec<Child> = self.children.extract_if(.., |child| !is_there(child)).collect();
        for Child { run, pid } in lost {
            self.record(ExitRecord { run, pid, end: End::Unknown, cpu_us: 0, max_rss: 0, at });
        }
    }

    pub(super) fn record(&mut self, exit: ExitRecord) {
        if self.exits.len() >= MOST_EXITS {
            self.exits.pop_front();
            self.told = self.told.saturating_sub(1);
        }
        self.exits.push_back(exit);
    }

    /// The daemon has taken note of the end of the run.
    pub(super) fn acknowledge(&mut self, run: u64) {
        self.forget_exit(run);
        self.children.retain(|child| child.run != run);
    }

    /// Mostly it is one of the first.
    fn forget_exit(&mut self, run: u64) {
        let Some(index) = self.exits.iter().position(|exit| exit.run == run) else { return };
        self.exits.remove(index);
        if index < self.told {
            self.told -= 1;
        }
        if self.exits.is_empty() {
            // There may have been many.
            self.exits.shrink_to_fit();
        }
    }

    pub(super) fn exits(&self) -> impl Iterator<Item = &ExitRecord> {
        self.exits.iter()
    }

    /// The next exit that this daemon has not been told.
    pub(super) fn untold(&self) -> Option<ExitRecord> {
        self.exits.get(self.told).copied()
    }

    /// That one it has.
    pub(super) fn next_told(&mut self) {
        self.told = self.exits.len().min(self.told + 1);
    }

    pub(super) fn all_told(&mut self) {
        self.told = self.exits.len();
    }

    /// Another daemon, which has been told nothing.
    pub(super) fn new_listener(&mut self) {
        self.told = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fd() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    fn exit(run: u64) -> ExitRecord {
        ExitRecord { run, pid: 1, end: End::Code(0), cpu_us: 0, max_rss: 0, at: 0 }
    }

    #[test]
    fn names_are_told_one_after_another() {
        let mut store = Store::default();
        for name in ["b", "a", "c", "b"] {
            store.put(name, name.as_bytes(), fd());
        }
        store.delete("c");
        let mut told = vec![];
        let mut last = String::new();
        while let Some((name, _)) = store.after(&last) {
            told.push(name.to_owned());
            last = name.to_owned();
        }
        assert_eq!(told, ["a", "b"]);
    }

    #[test]
    fn an_exit_is_told_to_each_daemon_until_one_has_noted_it() {
        let mut store = Store::default();
        store.born(7, 70);
        assert!(store.is_child(70) && !store.is_child(7));
        assert_eq!(store.ended(70), Some(7));
        assert_eq!(store.ended(70), None);
        store.record(exit(7));
        assert_eq!(store.untold(), Some(exit(7)));
        store.next_told();
        assert_eq!(store.untold(), None);
        store.new_listener();
        assert_eq!(store.untold(), Some(exit(7)));
        store.acknowledge(7);
        assert_eq!(store.untold(), None);
    }

    #[test]
    fn a_run_that_is_tried_again_has_one_child() {
        let mut store = Store::default();
        store.born(7, 70);
        store.born(7, 71);
        assert_eq!(store.children(), [Child { run: 7, pid: 71 }]);
        store.acknowledge(7);
        assert!(store.children().is_empty());
    }

    #[test]
    fn what_is_told_is_told_once_whatever_is_forgotten_meanwhile() {
        let mut store = Store::default();
        (1..=4).for_each(|run| store.record(exit(run)));
        store.next_told();
        store.next_told();
        for (forgotten, next) in [(1, Some(3)), (3, Some(4)), (2, Some(4)), (4, None)] {
            store.acknowledge(forgotten);
            assert_eq!(store.untold().map(|exit| exit.run), next);
        }
        store.record(exit(5));
        assert_eq!(store.untold(), Some(exit(5)));
        store.next_told();
        store.next_told();
        store.record(exit(6));
        assert_eq!(store.untold(), Some(exit(6)));
    }

    /// As many as fit, told and noted one by one: for each a look at all of them would take minutes.
    #[test]
    fn the_oldest_of_too_many_exits_are_forgotten() {
        let mut store = Store::default();
        let most = MOST_EXITS as u64;
        (0..most).for_each(|run| store.record(exit(run)));
        store.all_told();
        (most..most + 10).for_each(|run| store.record(exit(run)));
        assert_eq!(store.exits().count(), MOST_EXITS);
        assert_eq!((store.exits().next(), store.untold()), (Some(&exit(10)), Some(exit(most))));
        store.new_listener();
        for run in 10..most + 10 {
            assert_eq!(store.untold(), Some(exit(run)));
            store.next_told();
        }
        (10..most + 10).for_each(|run| store.acknowledge(run));
        assert_eq!(store.exits().count(), 0);
    }

    #[test]
    fn who_is_no_child_any_more_has_ended_somehow() {
        let mut store = Store::default();
        store.born(7, 70);
        store.born(8, 80);
        store.drop_lost(|child| child.pid != 70);
        assert_eq!(store.children(), [Child { run: 8, pid: 80 }]);
        let told = store.untold().unwrap();
        assert_eq!((told.run, told.pid, told.end), (7, 70, End::Unknown));
        // Somebody else has its number: so it is gone.
        store.born(9, 80);
        assert_eq!(store.children(), [Child { run: 9, pid: 80 }]);
        assert_eq!(store.exits().map(|exit| exit.run).collect::<Vec<_>>(), [7, 8]);
    }

    #[test]
    fn a_run_that_is_begun_again_has_not_ended() {
        let mut store = Store::default();
        store.record(exit(7));
        store.born(7, 70);
        assert_eq!(store.untold(), None);
        store.born(7, 70);
        assert_eq!((store.children().len(), store.exits().count()), (1, 0));
    }
}
