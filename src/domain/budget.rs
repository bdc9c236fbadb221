//! The machine's budget of automatic restarts: many at once, and a steady few after that, so that a crowd of apps
//! with a dead database doesn't burn the host.
//!
//! A token bucket told by one number, the time at which it is full again. Whoever cannot go at once gets a place in
//! time instead: an absolute one, that nobody after it can take or push back.

use super::{BootMs, SpawnId};
use std::collections::BTreeSet;

/// Automatic restarts that may come at once.
pub const AT_ONCE: u64 = 64;
/// Between two of them after that, in milliseconds: 8 a second.
pub const INTERVAL: u64 = 125;
/// More than can ever wait: a number beyond is not one of ours, and must not keep everybody waiting.
const FARTHEST: u64 = 10 * 60_000;

/// Who may be restarted when. One for each engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// When all is there again.
    full_at: BootMs,
    /// Places that were given back, each as good as before. At most as many as there are processes.
    free: BTreeSet<BootMs>,
}

impl Budget {
    /// Goes on from the [`full_at`](Self::full_at) of another generation. The places that its processes wait for are
    /// spent in it already, so that its death neither makes room for another crowd nor sends anybody back.
    pub fn resume(full_at: BootMs, now: BootMs) -> Self {
        Self { full_at: full_at.min(now.saturating_add(FARTHEST)), free: BTreeSet::new() }
    }

    /// What has to be kept for a later generation.
    pub const fn full_at(&self) -> BootMs {
        self.full_at
    }

    /// When one more restart may begin; not after `now` is at once.
    pub fn next(&self, now: BootMs) -> BootMs {
        let last = self.full_at.max(now).saturating_sub((AT_ONCE - 1) * INTERVAL).max(now);
        self.free.range(now..).next().map_or(last, |free| last.min(*free))
    }

    /// The place that [`next`](Self::next) has named is taken.
    pub fn take(&mut self, place: BootMs, now: BootMs) {
        self.free = self.free.split_off(&now);
        if !self.free.remove(&place) {
            self.full_at = self.full_at.max(now).saturating_add(INTERVAL);
        }
    }

    /// Who waited for it doesn't any more.
    pub fn give_back(&mut self, place: BootMs, now: BootMs) {
        if place > now {
            self.free.insert(place);
        }
    }
}

/// A number below `bound` for a run, the same each time it is asked for, and as good as random from run to run.
pub fn jitter(run: SpawnId, bound: u64) -> u64 {
    // The finalizer of splitmix64: neighbours have nothing in common.
    let mut word = run.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word ^ (word >> 31)).checked_rem(bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(budget: &mut Budget, now: BootMs) -> BootMs {
        let place = budget.next(now);
        budget.take(place, now);
        place
    }

    #[test]
    fn many_at_once_then_eight_a_second() {
        let mut budget = Budget::default();
        let places: Vec<u64> = (0..AT_ONCE + 16).map(|_| ask(&mut budget, 10_000)).collect();
        assert!(places[..AT_ONCE as usize].iter().all(|place| *place == 10_000));
        let waits: Vec<u64> = places[AT_ONCE as usize..].iter().map(|place| place - 10_000).collect();
        assert_eq!(waits, (1..=16).map(|n| n * INTERVAL).collect::<Vec<_>>());
        // Eight seconds after the last all are there again.
        let later = 10_000 + 16 * INTERVAL + AT_ONCE * INTERVAL;
        assert!((0..AT_ONCE).all(|_| ask(&mut budget, later) == later));
        assert!(ask(&mut budget, later) > later);
    }

    #[test]
    fn a_place_given_back_is_the_next_ones() {
        let mut budget = Budget::default();
        let places: Vec<u64> = (0..AT_ONCE + 3).map(|_| ask(&mut budget, 0)).collect();
        let [.., first, second, third] = places[..] else { panic!() };
        budget.give_back(second, 0);
        assert_eq!(ask(&mut budget, 0), second);
        assert_eq!(ask(&mut budget, 0), third + INTERVAL);
        budget.give_back(first, first + 1);
        assert_eq!(budget.free.len(), 0, "its time has come and gone");
    }

    #[test]
    fn a_later_generation_goes_on_and_is_not_fooled() {
        let mut budget = Budget::default();
        for _ in 0..AT_ONCE + 5 {
            ask(&mut budget, 500);
        }
        let mut next = Budget::resume(budget.full_at(), 600);
        assert_eq!(next.next(600), budget.next(600));
        assert!(ask(&mut next, 600) > 600);
        assert!(Budget::resume(u64::MAX, 600).next(600) <= 600 + FARTHEST);
    }

    #[test]
    fn jitter_spreads_and_repeats() {
        let all: Vec<u64> = (0..1000).map(|run| jitter(SpawnId(run), 100)).collect();
        assert_eq!(all, (0..1000).map(|run| jitter(SpawnId(run), 100)).collect::<Vec<_>>());
        assert!(all.iter().all(|value| *value < 100));
        let mean = all.iter().sum::<u64>() / 1000;
        assert!((44..=55).contains(&mean), "{mean}");
        assert!(all.iter().collect::<BTreeSet<_>>().len() > 95);
        assert_eq!(jitter(SpawnId(3), 0), 0);
    }

    proptest! {
        /// Whatever is asked, given back and cut off in whatever order: no stretch of time has more restarts than the
        /// budget allows, nobody waits longer than those before it make it, and a place is one process's.
        #[test]
        fn it_holds(steps in prop::collection::vec((0..8u8, 0..400u64), 1..600)) {
            let mut budget = Budget::default();
            let mut now = 0;
            let mut waiting: BTreeSet<BootMs> = BTreeSet::new();
            let mut begun: Vec<BootMs> = Vec::new();
            for (what, amount) in steps {
                match what {
                    0 => now += amount,
                    1 if !waiting.is_empty() => {
                        let nth = amount as usize % waiting.len();
                        let place = *waiting.iter().nth(nth).unwrap();
                        waiting.remove(&place);
                        budget.give_back(place, now);
                    }
                    2 if amount < 20 => budget = Budget::resume(budget.full_at(), now),
                    _ => {
                        let before = waiting.len() as u64;
                        let place = ask(&mut budget, now);
                        prop_assert!(place >= now);
                        if place > now {
                            prop_assert!(waiting.insert(place), "two have the same place");
                        } else {
                            begun.push(now);
                        }
                        // Freed places are lost with a generation: that costs their time, once.
                        prop_assert!(place - now <= (begun.len() as u64 + before + 600) * INTERVAL);
                    }
                }
                while waiting.first().is_some_and(|place| *place <= now) {
                    begun.extend(waiting.pop_first());
                }
            }
            begun.extend(waiting);
            begun.sort_unstable();
            for (first, from) in begun.iter().enumerate() {
                for (count, until) in begun[first..].iter().enumerate() {
                    prop_assert!(count as u64 <= AT_ONCE + (until - from) / INTERVAL, "from {from} to {until}");
                }
            }
        }
    }
}
