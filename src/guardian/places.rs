//! Where a daemon finds what its guardian has prepared for it: fixed descriptor numbers, and a variable that says so.

use std::os::fd::RawFd;

/// A pipe for the word of the first daemon that is ready, or why it isn't; the null device when nobody waits for it.
pub const WORD: RawFd = crate::sys::launch::READY_FD;
/// The packet socket to the guardian.
pub const CONTROL: RawFd = 4;
/// The program that the daemon was started from.
pub const IMAGE: RawFd = 5;
/// The lock of the home. Its holder is whoever of guardian and daemon lives.
pub const LOCK: RawFd = 6;

/// Names of what is kept and no app's begin so.
pub const OWN: &str = "guardian/";
/// The guardian's own program, for a daemon that has to take its place.
pub const PROGRAM: &str = "guardian/program";
/// The daemon's program; the tag is its path.
pub const CURRENT: &str = "guardian/current";
/// The one before it, in the same form.
pub const PREVIOUS: &str = "guardian/previous";
/// The one that is to be tried next.
pub const CANDIDATE: &str = "guardian/candidate";
pub const HOME_LOCK: &str = "guardian/lock";

/// Holds the guardian's pid in the environment of a daemon.
pub const VARIABLE: &str = "RPM_GUARDIAN";
/// Milliseconds between two beats of a daemon. After three that are missing it is replaced.
pub const BEAT_VARIABLE: &str = "RPM_HEARTBEAT";
/// Milliseconds that a program which is tried has to become ready.
pub const TRIAL_VARIABLE: &str = "RPM_READY_TIMEOUT";

/// Milliseconds that a guardian which was asked to end waits for a daemon that could do it in order.
pub const END_VARIABLE: &str = "RPM_END_TIMEOUT";

/// A number of milliseconds from the environment.
pub fn milliseconds(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).filter(|number| *number > 0).unwrap_or(otherwise)
}

/// Between two beats.
pub fn beat() -> u64 {
    milliseconds(BEAT_VARIABLE, 5_000)
}
