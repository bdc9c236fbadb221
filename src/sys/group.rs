//! Process groups: what an app has started and not detached.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Signals all members, in one step. Having none is no error.
pub fn signal(group: i32, number: i32) {
    // 0 is our own group, and 1 that of everything.
    if group > 1
        && let Ok(signal) = Signal::try_from(number)
    {
        let _ = killpg(Pid::from_raw(group), signal);
    }
}
