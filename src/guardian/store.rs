//! What the guardian holds for the daemon: descriptors by name, the living runs, the exits nobody has taken note of.

use super::message::{Child, ExitRecord};
use std::collections::BTreeMap;
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
    exits: Vec<(ExitRecord, bool)>,
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

    pub(super) fn born(&mut self, run: u64, pid: i32) {
        self.children.retain(|child| child.run != run);
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

    pub(super) fn record(&mut self, exit: ExitRecord) {
        if self.exits.len() >= MOST_EXITS {
            self.exits.remove(0);
        }
        self.exits.push((exit, false));
    }

    /// The daemon has taken note of the end of the run.
    pub(super) fn acknowledge(&mut self, run: u64) {
        self.exits.retain(|(exit, _)| exit.run != run);
        self.children.retain(|child| child.run != run);
    }

    pub(super) fn exits(&self) -> impl Iterator<Item = &ExitRecord> {
        self.exits.iter().map(|(exit, _)| exit)
    }

    /// The next exit that this daemon has not been told.
    pub(super) fn untold(&self) -> Option<ExitRecord> {
        self.exits.iter().find(|(_, told)| !told).map(|(exit, _)| *exit)
    }

    pub(super) fn told(&mut self, run: u64) {
        for (exit, told) in &mut self.exits {
            *told |= exit.run == run;
        }
    }

    pub(super) fn all_told(&mut self) {
        for (_, told) in &mut self.exits {
            *told = true;
        }
    }

    /// Another daemon, which has been told nothing.
    pub(super) fn new_listener(&mut self) {
        for (_, told) in &mut self.exits {
            *told = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardian::message::End;

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
        store.told(7);
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
}
