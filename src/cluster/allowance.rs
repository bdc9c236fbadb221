//! How many messages a worker may send that nobody has asked it for. Pure.
//!
//! Node sends some for each server that is opened or closed. A worker that sends them without end keeps the daemon from
//! everything else.

use crate::domain::BootMs;

/// So many at once.
pub(super) const BURST: u32 = 10_000;
/// And so many a millisecond, for ever.
const A_MILLISECOND: u64 = 1;

/// What is left of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: u32,
    counted_at: BootMs,
}

impl Allowance {
    pub(super) fn new(now: BootMs) -> Self {
        Self { left: BURST, counted_at: now }
    }

    /// One more. False when it is one too many.
    pub(super) fn spend(&mut self, now: BootMs) -> bool {
        let gained = now.saturating_sub(self.counted_at).saturating_mul(A_MILLISECOND);
        let left = u64::from(self.left).saturating_add(gained).min(u64::from(BURST)) as u32;
        self.counted_at = now.max(self.counted_at);
        self.left = left.saturating_sub(1);
        left > 0
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
        assert!(allowance.spend(6) && !allowance.spend(6));
        assert!((0..100_000).all(|n| allowance.spend(7 + n)), "one a millisecond is no flood");
    }

    proptest! {
        /// Never more than the burst and what the time has brought.
        #[test]
        fn it_is_bounded(gaps in prop::collection::vec(0..40u64, 1..3000), each in 1..200u32) {
            let (mut allowance, mut now, mut spent) = (Allowance::new(0), 0, 0u64);
            for gap in gaps {
                now += gap;
                spent += (0..each).filter(|_| allowance.spend(now)).count() as u64;
                prop_assert!(spent <= u64::from(BURST) + now * A_MILLISECOND);
            }
        }
    }
}
