//! How many messages a worker may send that nobody has asked it for. Pure.
//!
//! Node sends some for each server that is opened or closed. A worker that sends them without end keeps the daemon from
//! everything else.

use crate::domain::BootMs;

/// So many at once.
pub(super) const BURST: u32 = 10_000;
/// And one in so many milliseconds, for ever.
const EVERY: u64 = 10;

/// What is left of it, as the time that it has taken to come by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: u64,
    counted_at: BootMs,
}

impl Allowance {
    const MOST: u64 = BURST as u64 * EVERY;

    pub(super) fn new(now: BootMs) -> Self {
        Self { left: Self::MOST, counted_at: now }
    }

    /// One more. False when it is one too many.
    pub(super) fn spend(&mut self, now: BootMs) -> bool {
        let gained = now.saturating_sub(self.counted_at);
        self.left = self.left.saturating_add(gained).min(Self::MOST);
        self.counted_at = now.max(self.counted_at);
        let is_enough = self.left >= EVERY;
        if is_enough {
            self.left -= EVERY;
        }
        is_enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_is_allowed_and_a_flood_is_not() {
        let mut allowance = Allowance::new(5);
        assert!((0..BURST).all(|_| allowance.spend(5)));
        assert!(!allowance.spend(5));
        assert!(!allowance.spend(5 + EVERY - 1) && allowance.spend(5 + EVERY));
        assert!((2..100_000).all(|n| allowance.spend(5 + n * EVERY)), "100 a second are no flood");
    }

    proptest! {
        /// Never more than the burst and what the time has brought.
        #[test]
        fn it_is_bounded(gaps in prop::collection::vec(0..40u64, 1..3000), each in 1..200u32) {
            let (mut allowance, mut now, mut spent) = (Allowance::new(0), 0, 0u64);
            for gap in gaps {
                now += gap;
                spent += (0..each).filter(|_| allowance.spend(now)).count() as u64;
                prop_assert!(spent <= u64::from(BURST) + now / EVERY);
            }
        }
    }
}
