//! When connections that wait for one worker are taken to another. Pure: queues are looked at, and connections moved, by
//! the caller.
//!
//! A connection that the kernel has put into a worker's queue waits there for that worker, busy or dead. Nobody has
//! accepted it, so it can be given to any other.

use super::worker::Berth;
use std::collections::{BTreeMap, BTreeSet};

/// Looks without anything in a queue until it is not looked any more.
const QUIET_LOOKS: u32 = 8;
/// What one look takes from one queue.
const MOST_AT_ONCE: u32 = 32;

/// What is seen of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) berth: Berth,
    pub(super) length: u32,
    /// A worker that is to have connections accepts from it.
    pub(super) is_served: bool,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Relief {
    /// How many connections to take, from whom.
    pub(super) from: Vec<(Berth, u32)>,
    /// Who can have them, if they come to anything themselves: an empty queue doesn't tell.
    pub(super) to: BTreeSet<Berth>,
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// In a moment.
    Look,
    /// When a worker begins or ceases to listen: until then nobody could have what waits.
    Change,
    /// When something is queued.
    Arrival,
}

/// Looks in a row.
#[derive(Debug)]
pub(super) struct Watch {
    before: BTreeMap<Berth, u32>,
    quiet: u32,
}

impl Watch {
    /// The first look, at once when something was queued.
    pub(super) fn begin(queues: &[Queue]) -> Self {
        let before = queues.iter().map(|queue| (queue.berth, queue.length)).collect();
        Self { before, quiet: 0 }
    }

    /// A worker accepts whenever its event loop comes round. So one whose queue has not become shorter since the last
    /// look is busy with something else, or cannot keep up: what waits goes to workers that have nothing waiting. Where
    /// all are busy it stays, as it would only wait elsewhere. What nobody serves goes to whoever there is.
    pub(super) fn look(&mut self, queues: &[Queue]) -> Relief {
        let waits = queues.iter().any(|queue| queue.length > 0);
        self.quiet = if waits { 0 } else { self.quiet + 1 };
        let before = |queue: &Queue| self.before.get(&queue.berth).copied().unwrap_or(0);
        let is_stuck = |queue: &Queue| queue.length > 0 && before(queue) > 0 && queue.length >= before(queue);
        let idle = berths(queues, |queue| queue.is_served && queue.length == 0);
        let served = berths(queues, |queue| queue.is_served);
        let is_moved = |queue: &&Queue| {
            queue.length > 0 && if queue.is_served { is_stuck(queue) && !idle.is_empty() } else { !served.is_empty() }
        };
        let from = queues.iter().filter(is_moved).map(|queue| (queue.berth, queue.length.min(MOST_AT_ONCE))).collect();
        self.before = queues.iter().map(|queue| (queue.berth, queue.length)).collect();
        Relief { from, to: if idle.is_empty() { served } else { idle } }
    }

    pub(super) fn next(&self, queues: &[Queue]) -> Next {
        if self.quiet >= QUIET_LOOKS {
            Next::Arrival
        } else if queues.iter().any(|queue| queue.is_served) {
            Next::Look
        } else {
            Next::Change
        }
    }
}

fn berths(queues: &[Queue], which: impl Fn(&Queue) -> bool) -> BTreeSet<Berth> {
    queues.iter().filter(|queue| which(queue)).map(|queue| queue.berth).collect()
}

#[cfg(test)]
mod tests {
    use super::super::worker::Seat;
    use super::*;
    use proptest::prelude::*;

    fn at(seat: u32) -> Berth {
        Berth::new(Seat(seat), false)
    }

    fn queue(seat: u32, length: u32, is_served: bool) -> Queue {
        Queue { berth: at(seat), length, is_served }
    }

    fn two(first: u32, second: u32) -> [Queue; 2] {
        [queue(0, first, true), queue(1, second, true)]
    }

    #[test]
    fn a_worker_that_does_not_come_to_its_queue_is_relieved() {
        let mut watch = Watch::begin(&two(1, 0));
        assert_eq!(watch.look(&two(3, 0)), Relief { from: vec![(at(0), 3)], to: BTreeSet::from([at(1)]) });
        // It has accepted since.
        assert_eq!(watch.look(&two(1, 0)).from, []);
        assert_eq!(watch.look(&two(0, 0)).from, []);
        assert_eq!(watch.look(&two(2, 0)).from, [], "they may have come a moment ago");
    }

    #[test]
    fn where_all_are_busy_nothing_moves() {
        let mut watch = Watch::begin(&two(5, 5));
        assert_eq!(watch.look(&two(6, 1)).from, []);
        assert_eq!(watch.next(&two(6, 1)), Next::Look);
    }

    #[test]
    fn what_nobody_serves_goes_to_whoever_there_is() {
        let dead = |others: u32| [queue(0, 40, false), queue(1, others, true)];
        let mut watch = Watch::begin(&dead(0));
        for others in [0, 7] {
            assert_eq!(
                watch.look(&dead(others)),
                Relief { from: vec![(at(0), MOST_AT_ONCE)], to: BTreeSet::from([at(1)]) }
            );
        }
        let all_dead = [queue(0, 3, false), queue(1, 0, false)];
        assert_eq!(watch.look(&all_dead), Relief::default());
        assert_eq!(watch.next(&all_dead), Next::Change);
    }

    #[test]
    fn after_some_quiet_looks_it_rests() {
        let mut watch = Watch::begin(&two(1, 0));
        for _ in 1..QUIET_LOOKS {
            watch.look(&two(0, 0));
            assert_eq!(watch.next(&two(0, 0)), Next::Look);
        }
        watch.look(&two(0, 0));
        assert_eq!(watch.next(&two(0, 0)), Next::Arrival);
    }

    proptest! {
        /// Never from a worker that serves an empty queue, never to the one it is taken from, never into nowhere.
        #[test]
        fn connections_go_to_others(looks in prop::collection::vec(prop::collection::vec((0..4_u32, any::<bool>()), 3), 1..20)) {
            let queues = |look: &[(u32, bool)]| -> Vec<Queue> {
                (0..).zip(look).map(|(seat, (length, is_served))| queue(seat, *length, *is_served)).collect()
            };
            let mut watch = Watch::begin(&queues(&looks[0]));
            for look in &looks {
                let queues = queues(look);
                let Relief { from, to } = watch.look(&queues);
                prop_assert!(from.is_empty() || !to.is_empty());
                for (seat, count) in from {
                    prop_assert!(count > 0 && count <= queues[seat.seat.0 as usize].length);
                    prop_assert!(!to.contains(&seat));
                }
                for seat in to {
                    prop_assert!(queues[seat.seat.0 as usize].is_served);
                }
            }
        }
    }
}
