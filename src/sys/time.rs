//! The clocks of the system.

use std::time::Duration;

/// Time since boot, suspended time included.
pub fn boot_clock() -> Duration {
    read(libc::CLOCK_BOOTTIME)
}

/// Milliseconds of a clock that stands still while the machine is suspended: what is waited for by it does not come
/// due by that.
pub fn awake_ms() -> u64 {
    read(libc::CLOCK_MONOTONIC).as_millis() as u64
}

/// Milliseconds since the Unix epoch.
pub fn unix_ms() -> i64 {
    read(libc::CLOCK_REALTIME).as_millis() as i64
}

fn read(clock: libc::clockid_t) -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the call to fill in.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
