//! Changes of an app, from the first until it is quiet. Pure.

use crate::domain::BootMs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files that are kept by name; the others are counted.
const NAMED: usize = 64;
/// Where it never gets quiet, it is told after so long all the same.
pub(super) const LONGEST: u64 = 10_000;

#[derive(Debug, Default)]
pub(super) struct Pending {
    changes: Vec<Change>,
    more: usize,
    first: BootMs,
    last: BootMs,
}

#[derive(Debug)]
struct Change {
    path: PathBuf,
    /// It was not there before.
    is_new: bool,
}

impl Pending {
    pub(super) fn note(&mut self, path: PathBuf, is_new: bool, now: BootMs) {
        if self.is_empty() {
            self.first = now;
        }
        self.last = now;
        if self.changes.iter().any(|change| change.path == path) {
            return;
        }
        if self.changes.len() < NAMED {
            self.changes.push(Change { path, is_new });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.more == 0
    }

    /// When the first of them was noted.
    pub(super) const fn began(&self) -> BootMs {
        self.first
    }

    /// When it is quiet, unless something changes before.
    pub(super) fn deadline(&self, quiet: Duration) -> Option<BootMs> {
        let quiet = quiet.as_millis() as u64;
        let longest = LONGEST.max(quiet.saturating_mul(10));
        (!self.is_empty()).then(|| self.last.saturating_add(quiet).min(self.first.saturating_add(longest)))
    }

    /// What has changed: the first file, and how many. What came and has gone again is no change.
    pub(super) fn take(&mut self, is_there: impl Fn(&Path) -> bool) -> Option<(PathBuf, usize)> {
        let Self { changes, more, .. } = std::mem::take(self);
        let mut changes = changes.into_iter().filter(|change| !change.is_new || is_there(&change.path));
        let first = changes.next()?;
        Some((first.path, 1 + changes.count() + more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(100);

    #[test]
    fn it_is_told_when_it_is_quiet() {
        let mut pending = Pending::default();
        assert_eq!(pending.deadline(QUIET), None);
        pending.note("/a".into(), false, 1000);
        assert_eq!(pending.deadline(QUIET), Some(1100));
        pending.note("/b".into(), false, 1050);
        pending.note("/a".into(), false, 1080);
        assert_eq!(pending.deadline(QUIET), Some(1180));
        assert_eq!(pending.take(|_| true), Some(("/a".into(), 2)));
        assert!(pending.is_empty());
    }

    #[test]
    fn noise_without_end_is_told_all_the_same() {
        let mut pending = Pending::default();
        for now in (0..60_000).step_by(50) {
            pending.note("/a".into(), false, 1 + now);
        }
        assert_eq!(pending.deadline(QUIET), Some(1 + LONGEST));
        assert_eq!(pending.deadline(Duration::from_secs(5)), Some(50_001));
    }

    #[test]
    fn what_came_and_went_is_nothing() {
        let mut pending = Pending::default();
        pending.note("/4913".into(), true, 0);
        assert_eq!(pending.take(|_| false), None);
        pending.note("/4913".into(), true, 0);
        pending.note("/a".into(), false, 0);
        assert_eq!(pending.take(|_| false), Some(("/a".into(), 1)));
    }

    #[test]
    fn names_are_bounded() {
        let mut pending = Pending::default();
        for number in 0..5000 {
            pending.note(format!("/{number}").into(), false, 0);
        }
        assert_eq!(pending.changes.len(), NAMED);
        assert_eq!(pending.take(|_| true), Some(("/0".into(), 5000)));
    }
}
