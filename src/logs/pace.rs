//! When to let output gather before it is read.
//!
//! Many apps that print a line at a time cost a read and a write a line. When that happens often the thread rests
//! for a moment between two rounds, so that each read finds several lines. A single app, or one that prints as fast
//! as it can, is never made to wait.

use std::time::Duration;

const WINDOW: Duration = Duration::from_millis(8);

/// This many small reads in a window are worth a rest.
const MANY: u32 = 64;

/// A read of this size shows an app in a hurry.
const LARGE: usize = 16 << 10;

/// Somebody is watching.
const SHORT: Duration = Duration::from_micros(1500);

const LONG: Duration = Duration::from_millis(4);

#[derive(Debug, Default)]
pub(super) struct Pace {
    window_end: Duration,
    reads: u32,
    bytes: usize,
    hurry: bool,
    /// The bytes of the window that began the resting: it ends when there are far fewer.
    resting: Option<usize>,
}

impl Pace {
    pub(super) fn note(&mut self, bytes: usize) {
        self.reads += 1;
        self.bytes += bytes;
        self.hurry |= bytes >= LARGE;
    }

    /// How long to rest before the next round; less if followers are waiting.
    pub(super) fn rest(&mut self, now: Duration, followed: bool) -> Option<Duration> {
        if self.hurry {
            self.resting = None;
        }
        if now >= self.window_end {
            self.resting = match self.resting {
                _ if self.hurry => None,
                Some(began) => (self.bytes * 2 >= began).then_some(began),
                None => (self.reads >= MANY).then_some(self.bytes),
            };
            *self = Self { window_end: now + WINDOW, resting: self.resting, ..Self::default() };
        }
        self.resting.map(|_| if followed { SHORT } else { LONG })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One window with `reads` reads of `size` bytes.
    fn window(pace: &mut Pace, number: u32, reads: u32, size: usize) -> bool {
        for _ in 0..reads {
            pace.note(size);
        }
        pace.rest(WINDOW * number, true).is_some()
    }

    #[test]
    fn many_small_reads_begin_a_rest_and_silence_ends_it() {
        let mut pace = Pace::default();
        assert!(!window(&mut pace, 1, 3, 100));
        assert!(window(&mut pace, 2, 800, 100));
        assert!(window(&mut pace, 3, 200, 400), "as much output in fewer reads goes on resting");
        assert!(!window(&mut pace, 4, 10, 100));
    }

    #[test]
    fn an_app_in_a_hurry_is_read_at_once() {
        let mut pace = Pace::default();
        assert!(window(&mut pace, 1, 800, 100));
        pace.note(LARGE);
        assert!(pace.rest(WINDOW, true).is_none());
        assert!(!window(&mut pace, 2, 800, 100));
    }
}
