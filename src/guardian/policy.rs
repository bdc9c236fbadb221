//! When the daemon is started again, and from which program. Pure: no clock, no processes.

use super::message::End;

/// A daemon that lives this long has nothing to do with the deaths before it. Milliseconds.
const STEADY: u64 = 10_000;
/// Deaths in a row, of daemons that never became ready, before the program that ran before is tried.
const UNREADY_LIMIT: u32 = 5;
/// The same of daemons that did: 5 crashes, or 20 kills.
const BLAME_LIMIT: u32 = 20;
const BLAME_OF_A_CRASH: u32 = 4;
const LONGEST_UNREADY_DELAY: u64 = 5_000;
/// Killed by somebody else it was not ready yet, which says little of whether it can be.
const LONGEST_KILLED_DELAY: u64 = 100;
const LONGEST_DELAY: u64 = 50;
/// Deaths in a row of daemons that were ready before there is any delay.
const FREE: u32 = 3;

/// The deaths in a row that came soon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Deaths {
    /// Of daemons that never became ready.
    unready: u32,
    /// Of daemons that did.
    ready: u32,
    /// How much speaks against the program: a crash is its own doing, a kill may be somebody else's.
    blame: u32,
}

/// What to do about a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// Milliseconds to wait.
    pub(super) delay: u64,
    /// Try the program that ran before this one, if there is one.
    pub(super) fall_back: bool,
}

impl Deaths {
    /// The daemon has ended after so many milliseconds.
    ///
    /// One that never became ready may do so for ever, so the delay grows to seconds. One that was ready served, and
    /// is wanted back at once: the delay stays at what a person doesn't notice.
    pub(super) fn another(&mut self, lived: u64, was_ready: bool, end: End) -> Next {
        if lived >= STEADY {
            *self = Self::default();
        }
        if was_ready {
            self.unready = 0;
            self.ready += 1;
            self.blame += if is_crash(end) { BLAME_OF_A_CRASH } else { 1 };
            let delay = if self.ready <= FREE { 0 } else { u64::from(self.ready * 2).min(LONGEST_DELAY) };
            let fall_back = self.blame >= BLAME_LIMIT;
            if fall_back {
                self.blame = 0;
            }
            return Next { delay, fall_back };
        }
        self.unready += 1;
        let delay = match self.unready {
            1 => 0,
            number => {
                let longest = if is_kill(end) { LONGEST_KILLED_DELAY } else { LONGEST_UNREADY_DELAY };
                (50_u64 << (number - 2).min(16)).min(longest)
            }
        };
        let fall_back = self.unready.is_multiple_of(UNREADY_LIMIT);
        Next { delay, fall_back }
    }
}

/// SIGKILL and SIGTERM come from outside, though a program that grows without end is killed as well.
const fn is_crash(end: End) -> bool {
    match end {
        End::Code(code) => code != 0,
        End::Signal(signal) => matches!(signal, 4 | 5 | 6 | 7 | 8 | 11 | 31),
        End::Unknown => false,
    }
}

/// SIGKILL and SIGTERM: of those we have sent ourselves we know more.
const fn is_kill(end: End) -> bool {
    matches!(end, End::Signal(9 | 15))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KILLED: End = End::Signal(9);

    #[test]
    fn a_daemon_that_served_is_back_at_once() {
        let mut deaths = Deaths::default();
        let delays: Vec<u64> = (0..60).map(|_| deaths.another(50, true, KILLED).delay).collect();
        assert_eq!(delays[..5], [0, 0, 0, 8, 10]);
        assert_eq!(delays[59], LONGEST_DELAY);
        assert_eq!(deaths.another(STEADY, true, KILLED).delay, 0);
    }

    #[test]
    fn one_that_never_serves_is_tried_less_and_less() {
        let mut deaths = Deaths::default();
        let next: Vec<Next> = (0..12).map(|_| deaths.another(1, false, End::Code(1))).collect();
        let delays: Vec<u64> = next.iter().map(|next| next.delay).collect();
        assert_eq!(delays[..5], [0, 50, 100, 200, 400]);
        assert_eq!(delays[11], LONGEST_UNREADY_DELAY);
        let tried: Vec<usize> = (0..12).filter(|at| next[*at].fall_back).collect();
        assert_eq!(tried, [4, 9]);
    }

    #[test]
    fn one_that_is_killed_before_it_serves_is_back_soon() {
        let mut deaths = Deaths::default();
        let delays: Vec<u64> = (0..8).map(|_| deaths.another(30, false, KILLED).delay).collect();
        assert_eq!(delays, [0, 50, 100, 100, 100, 100, 100, 100]);
        assert!(deaths.another(30, false, End::Unknown).delay > LONGEST_KILLED_DELAY);
    }

    #[test]
    fn crashes_bring_the_program_before_back_sooner_than_kills() {
        for (end, at) in [(KILLED, 19), (End::Signal(11), 4), (End::Code(1), 4), (End::Code(0), 19)] {
            let mut deaths = Deaths::default();
            let fell: Vec<bool> = (0..40).map(|_| deaths.another(5, true, end).fall_back).collect();
            assert_eq!(fell.iter().position(|fell| *fell), Some(at), "{end:?}");
            assert_eq!(fell.iter().filter(|fell| **fell).count(), 40 / (at + 1), "and the next one has its chance");
        }
    }

    proptest! {
        #[test]
        fn delays_are_bounded(deaths in prop::collection::vec((0..20_000_u64, any::<bool>(), any::<u8>()), 0..500)) {
            let mut state = Deaths::default();
            for (lived, ready, signal) in deaths {
                let next = state.another(lived, ready, End::Signal(i32::from(signal)));
                let longest = if ready { LONGEST_DELAY } else { LONGEST_UNREADY_DELAY };
                prop_assert!(next.delay <= longest);
            }
        }
    }
}
