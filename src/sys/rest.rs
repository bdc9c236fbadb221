//! A pause of a thread that has nothing to do, before it waits: what happens meanwhile costs one wake-up together.
//!
//! It costs others nothing to wake who is not waiting, too: each of them would otherwise be interrupted.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static DUE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Before this thread waits the next time, it pauses.
pub fn before_waiting(pause: Duration) {
    DUE.set(pause);
}

/// This thread is about to wait: for the event loop.
#[expect(clippy::disallowed_methods, reason = "events are not lost meanwhile, and they are to be more than one")]
pub fn take() {
    let pause = DUE.replace(Duration::ZERO);
    if !pause.is_zero() {
        std::thread::sleep(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is the time that is tested")]
    fn it_is_taken_once() {
        before_waiting(Duration::from_millis(20));
        let begun = std::time::Instant::now();
        take();
        let once = begun.elapsed();
        take();
        assert!(once >= Duration::from_millis(20));
        assert!(begun.elapsed().saturating_sub(once) < Duration::from_millis(20));
    }
}
