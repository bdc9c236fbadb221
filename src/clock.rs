//! The two clocks. Nothing else asks for the time.

#[cfg(feature = "engine")]
pub use crate::sys::timer::WallTimer;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since boot, suspended time included. Comparable between processes.
pub fn boot_ms() -> u64 {
    boot().as_millis() as u64
}

/// Time since boot, suspended time included.
pub fn boot() -> Duration {
    crate::sys::time::boot_clock()
}

/// Milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn unix_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
