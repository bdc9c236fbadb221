//! The memory that unfinished lines take, of all channels together.

use super::Breach;
use super::codec::KEPT_BUFFER;
use std::cell::Cell;

/// All long lines that have begun and not ended. Whoever writes on one when it is more is ended; short ones don't count.
const MOST: usize = 256 * 1024 * 1024;

thread_local! {
    static ALL: Cell<usize> = const { Cell::new(0) };
}

/// What one channel holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: usize,
}

impl Held {
    /// It holds so much now.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), Breach> {
        let bytes = if bytes > KEPT_BUFFER { bytes } else { 0 };
        let grows = bytes > self.bytes;
        let all = ALL.get() - self.bytes + bytes;
        ALL.set(all);
        self.bytes = bytes;
        if grows && all > MOST { Err(Breach::TooMuchHeld) } else { Ok(()) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        ALL.set(ALL.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_are_bounded_and_short_ones_are_free() {
        let mut long: Vec<Held> = (0..4).map(|_| Held::default()).collect();
        for one in &mut long {
            one.set(MOST / 4).unwrap();
        }
        let mut other = Held::default();
        other.set(KEPT_BUFFER).unwrap();
        assert_eq!(other.set(KEPT_BUFFER + 1), Err(Breach::TooMuchHeld));
        other.set(0).unwrap();
        long.pop();
        other.set(MOST / 4).unwrap();
        drop((long, other));
        assert_eq!(ALL.get(), 0);
    }
}
