//! How many connections a worker may hold that it has not acknowledged: it follows how soon its answers come.
//!
//! Many keep a quick worker busy, whose next connection is there when it comes to it. A slow one should not have them:
//! behind it they wait, while another could serve them.

use std::time::Duration;

/// A worker begins with so many.
const FIRST: usize = 4;
/// More make nobody faster, and are harder to spread.
pub(super) const WIDEST: usize = 16;
/// An answer within this time is one of a worker that could do with more.
pub(super) const PROMPT: Duration = Duration::from_millis(2);
/// After this time a worker has too many, and gets none before it answers.
pub(super) const LATE: Duration = Duration::from_millis(8);

/// The window of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    size: usize,
    /// What was handed over before this number was so under another size, and says nothing of this one.
    from: u64,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { size: FIRST, from: 0 }
    }

    pub(super) const fn size(self) -> usize {
        self.size
    }

    /// Whether one more may be handed over to who holds so many, the oldest since `oldest`.
    pub(super) fn has_room(self, outstanding: usize, oldest: Option<Duration>, now: Duration) -> bool {
        outstanding < self.size && oldest.is_none_or(|since| now.saturating_sub(since) <= LATE)
    }

    /// An answer has come, `waited` after its hand-over, which had the number `seq`. `held` were outstanding with it;
    /// the next hand-over will have a number from `next` on.
    pub(super) fn answered(&mut self, seq: u64, waited: Duration, held: usize, next: u64) {
        if seq < self.from {
            return;
        }
        let size = match waited {
            // One that was not used up may be wide enough.
            waited if waited <= PROMPT && held >= self.size => (self.size + 1).min(WIDEST),
            waited if waited > LATE => (self.size / 2).max(1),
            _ => return,
        };
        *self = Self { size, from: next };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROMPTLY: Duration = Duration::from_micros(300);
    const TARDILY: Duration = Duration::from_millis(50);

    /// As many answers, each to a hand-over of its own round.
    fn after(answers: &[(Duration, usize)]) -> usize {
        let mut window = Window::new();
        for (seq, (waited, held)) in answers.iter().enumerate() {
            window.answered(seq as u64, *waited, *held, seq as u64 + 1);
        }
        window.size()
    }

    #[test]
    fn prompt_answers_open_it_and_late_ones_shut_it() {
        assert_eq!(after(&[]), 4);
        assert_eq!(after(&[(PROMPTLY, 4)]), 5);
        assert_eq!(after(&[(PROMPTLY, WIDEST); 40]), WIDEST);
        assert_eq!(after(&[(TARDILY, 4); 40]), 1);
        assert_eq!(after(&[(Duration::from_millis(4), 4); 40]), 4, "neither prompt nor late");
    }

    #[test]
    fn one_that_is_not_used_up_stays() {
        assert_eq!(after(&[(PROMPTLY, 2); 40]), 4);
    }

    #[test]
    fn one_step_a_round() {
        let mut window = Window::new();
        for seq in 1..=4 {
            window.answered(seq, TARDILY, 4, 5);
        }
        assert_eq!(window.size(), 2);
        window.answered(5, TARDILY, 2, 6);
        assert_eq!(window.size(), 1);
    }

    #[test]
    fn who_is_late_gets_nothing_more() {
        let window = Window::new();
        let now = Duration::from_secs(1);
        assert!(window.has_room(0, None, now));
        assert!(window.has_room(1, Some(now.saturating_sub(LATE)), now));
        assert!(!window.has_room(1, Some(now.saturating_sub(LATE + PROMPTLY)), now));
        assert!(!window.has_room(4, Some(now), now));
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            answers in prop::collection::vec((0..100_000u64, 0..40usize, 0..4u64), 0..200)
        ) {
            let (mut window, mut seq) = (Window::new(), 0);
            for (waited, held, back) in answers {
                seq += 1;
                let before = window.size();
                window.answered(seq - back.min(seq), Duration::from_micros(waited), held, seq + 1);
                prop_assert!((1..=WIDEST).contains(&window.size()));
                prop_assert!(window.size() <= before + 1 && window.size() >= before / 2);
            }
        }
    }
}
