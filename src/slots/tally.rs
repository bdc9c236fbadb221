//! The connections that the workers of one process were handed: counted on by whichever daemon, from run to run.

use super::standing::{Standing, TALLY};
use crate::domain::UnixMs;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const TALLY_WORDS: usize = 4;
const SINCE: usize = TALLY;
const DISPATCHED: usize = TALLY + 1;
const REFUSED: usize = TALLY + 2;
const REDISPATCHED: usize = TALLY + 3;

/// What was counted. A daemon that is killed may have been about to count one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// When counting began; `None` before there was anything to count.
    pub since: Option<UnixMs>,
    /// Handed to a worker of the process, some of them perhaps given back.
    pub dispatched: u64,
    /// A worker has said that it doesn't want them.
    pub refused: u64,
    /// Taken back, to be given to another: refused, or not taken by a worker when it ended.
    pub redispatched: u64,
}

/// One thread counts: nothing is lost between reading and writing.
fn add(word: &AtomicU64, more: u64) {
    word.store(word.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl Standing {
    /// Counting begins, unless it has before.
    pub fn begin_tally(&self, now: UnixMs) {
        let since = self.words.word(SINCE);
        if since.load(Ordering::Relaxed) == 0 {
            since.store(now as u64, Ordering::Relaxed);
        }
    }

    pub fn count_dispatched(&self) {
        add(self.words.word(DISPATCHED), 1);
    }

    pub fn count_refused(&self) {
        add(self.words.word(REFUSED), 1);
    }

    pub fn count_redispatched(&self, connections: usize) {
        add(self.words.word(REDISPATCHED), connections as u64);
    }

    pub fn tally(&self) -> Tally {
        let get = |word| self.words.word(word).load(Ordering::Relaxed);
        Tally {
            since: (get(SINCE) != 0).then(|| get(SINCE) as UnixMs),
            dispatched: get(DISPATCHED),
            refused: get(REFUSED),
            redispatched: get(REDISPATCHED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Table;

    #[test]
    fn counting_goes_on_in_the_next_run_and_daemon() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slots");
        let (table, _) = Table::in_file(&path, "boot");
        let (slot, other) = (table.slot().unwrap(), table.slot().unwrap());
        let standing = slot.standing();
        assert_eq!(standing.tally(), Tally::default());
        standing.begin_tally(77);
        standing.count_dispatched();
        standing.count_refused();
        standing.count_redispatched(3);
        standing.reset();
        standing.begin_tally(78);
        standing.count_dispatched();
        let wanted = Tally { since: Some(77), dispatched: 2, refused: 1, redispatched: 3 };
        assert_eq!(standing.tally(), wanted);
        assert_eq!((other.standing().tally(), standing.has_joined(0)), (Tally::default(), false));
        let again = Table::in_file(&path, "boot").0;
        drop(again);
        assert_eq!(slot.standing().tally(), wanted);
        slot.release();
        assert_eq!(table.slot().unwrap().standing().tally(), Tally::default(), "another process has its own");
    }
}
