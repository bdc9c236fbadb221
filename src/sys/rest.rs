//! What a thread does that has nothing to do, before it waits.
//!
//! A pause: what happens meanwhile costs one wake-up together, and it costs others nothing to wake who is not waiting:
//! each of them would otherwise be interrupted. Then what has to be the last thing of all.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static DUE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static LAST: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// Before this thread waits the next time, it pauses.
pub fn before_waiting(pause: Duration) {
    DUE.set(pause);
}

/// Before this thread waits the next time, it does this at the very end.
pub fn last_before_waiting(work: impl FnOnce() + 'static) {
    LAST.set(Some(Box::new(work)));
}

/// This thread is about to wait: for the event loop.
#[expect(clippy::disallowed_methods, reason = "events are not lost meanwhile, and they are to be more than one")]
pub fn take() {
    let pause = DUE.replace(Duration::ZERO);
    if !pause.is_zero() {
        std::thread::sleep(pause);
    }
    if let Some(work) = LAST.take() {
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_last_is_done_once() {
        let done = std::rc::Rc::new(Cell::new(0));
        let count = std::rc::Rc::clone(&done);
        last_before_waiting(move || count.set(count.get() + 1));
        assert_eq!(done.get(), 0);
        take();
        take();
        assert_eq!(done.get(), 1);
    }

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
