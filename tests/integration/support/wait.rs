//! Waiting for facts.

use std::fmt::Debug;
use std::time::{Duration, Instant};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// Asks until there is an answer; `what` is told when there is none in time.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, fact: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, fact)
}

#[track_caller]
pub(crate) fn eventually_within<T>(deadline: Duration, what: &str, fact: impl FnMut() -> Option<T>) -> T {
    match poll(deadline, fact) {
        Some(fact) => fact,
        None => panic!("not within {deadline:?}: {what}"),
    }
}

/// For facts that must not come: asks all the time, and fails at the first answer.
#[track_caller]
pub(crate) fn never_within<T: Debug>(time: Duration, what: &str, fact: impl FnMut() -> Option<T>) {
    if let Some(fact) = poll(time, fact) {
        panic!("it happened: {what}: {fact:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that looks at the clock, and rests between two questions")]
pub(super) fn poll<T>(deadline: Duration, mut fact: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(fact) = fact() {
            return Some(fact);
        }
        if began.elapsed() >= deadline {
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// How long ago it was made.
#[expect(clippy::disallowed_methods, reason = "for what must not come too early")]
pub(crate) fn stopwatch() -> impl Fn() -> Duration {
    let began = Instant::now();
    move || began.elapsed()
}

/// Looks all the time for as long as `time`.
pub(crate) fn watch_for(time: Duration, mut look: impl FnMut()) {
    let nothing: Option<()> = poll(time, || {
        look();
        None
    });
    debug_assert!(nothing.is_none());
}
