//! How many connections a worker may hold that it has not acknowledged: as many as it takes in a few milliseconds.
//!
//! Many keep a quick worker busy: the next one is there when it comes to it. A slow one should not have them: behind it
//! they wait, while another could serve them.

use std::time::Duration;

/// So much work may wait for a worker.
const WORTH: Duration = Duration::from_millis(8);
/// A worker begins with so many.
const FIRST: u32 = 4;
/// More make nobody faster, and are harder to spread.
pub(super) const WIDEST: usize = 16;
/// A worker that has not answered for so long has enough to do, whatever it was like before.
pub(super) const LATE: Duration = Duration::from_millis(16);
/// What it takes longer for one says no more.
const LONGEST: Duration = Duration::from_millis(32);
/// The last answer counts for one of so many.
const WEIGHT: u32 = 8;

/// The window of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// What it needs to take one connection, on an average of late.
    each: Duration,
    /// Its last answer.
    last: Duration,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { each: Duration::from_nanos(WORTH.as_nanos() as u64 / FIRST as u64), last: Duration::ZERO }
    }

    pub(super) fn size(self) -> usize {
        let size = WORTH.as_nanos() / self.each.as_nanos().max(1);
        usize::try_from(size).map_or(WIDEST, |size| size.clamp(1, WIDEST))
    }

    /// Whether one more may be handed over to who holds so many, the oldest since `oldest`.
    pub(super) fn has_room(self, outstanding: usize, oldest: Option<Duration>, now: Duration) -> bool {
        outstanding < self.size() && oldest.is_none_or(|since| now.saturating_sub(since) <= LATE)
    }

    /// It has taken a connection that it was given at `since`.
    pub(super) fn taken(&mut self, since: Duration, now: Duration) {
        // It came to this one when it had done with the one before.
        let needed = now.saturating_sub(since.max(self.last)).min(LONGEST);
        self.each = (self.each * (WEIGHT - 1) + needed) / WEIGHT;
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The window of a worker that has taken connections one after another, all of them given at once.
    fn after(needed: &[Duration]) -> usize {
        let (mut window, mut now) = (Window::new(), Duration::from_secs(1));
        let since = now;
        for needed in needed {
            now += *needed;
            window.taken(since, now);
        }
        window.size()
    }

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn prompt_answers_open_it_and_late_ones_shut_it() {
        assert_eq!(after(&[]), 4);
        assert_eq!(after(&[us(100); 40]), WIDEST);
        assert_eq!(after(&[us(2000); 40]), 4, "four within 8 ms");
        assert_eq!(after(&[us(50_000); 40]), 1);
    }

    #[test]
    fn a_pause_shuts_it_and_is_forgotten_soon() {
        let mut needed = vec![us(100); 40];
        needed.push(us(50_000));
        assert_eq!(after(&needed), 1);
        needed.extend([us(100); 32]);
        assert!(after(&needed) > 8);
    }

    #[test]
    fn answers_that_come_in_bunches_are_one_after_another() {
        let bunches: Vec<Duration> = [us(800), us(0), us(0), us(0)].repeat(20);
        assert_eq!(after(&bunches), WIDEST);
    }

    #[test]
    fn idle_time_is_not_its_own() {
        let mut window = Window::new();
        for second in 1..40 {
            let given = Duration::from_secs(second);
            window.taken(given, given + us(100));
        }
        assert_eq!(window.size(), WIDEST);
    }

    #[test]
    fn who_is_late_gets_nothing_more() {
        let window = Window::new();
        let now = Duration::from_secs(1);
        assert!(window.has_room(0, None, now));
        assert!(window.has_room(1, Some(now.saturating_sub(LATE)), now));
        assert!(!window.has_room(1, Some(now.saturating_sub(LATE + us(1))), now));
        assert!(!window.has_room(4, Some(now), now));
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(answers in prop::collection::vec((any::<u64>(), any::<u64>()), 0..200)) {
            let mut window = Window::new();
            for (since, now) in answers {
                window.taken(Duration::from_nanos(since), Duration::from_nanos(now));
                prop_assert!((1..=WIDEST).contains(&window.size()));
                prop_assert!(window.has_room(0, None, Duration::from_nanos(now)), "who has none may have one");
            }
        }
    }
}
