//! Waiting for a time of the wall clock, however it is set, and however long the machine sleeps meanwhile.

use super::ready::register;
use super::time::unix_ms;
use nix::errno::Errno;
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Where there is no timer of the system, the clock is looked at as often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// A timer on the wall clock. Nothing runs while it waits.
#[derive(Debug)]
pub struct WallTimer {
    timer: Option<AsyncFd<Timer>>,
}

#[derive(Debug)]
struct Timer(TimerFd);

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl WallTimer {
    pub fn new() -> Self {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags).map_err(io::Error::from);
        let timer = timer.and_then(|timer| register(Timer(timer)));
        Self { timer: timer.inspect_err(|error| tracing::warn!("no timer on the wall clock: {error}")).ok() }
    }

    /// Returns at that time, or when somebody sets the clock: look at it again.
    pub async fn until(&self, at: i64) {
        let Some(timer) = self.timer.as_ref().filter(|timer| set(&timer.get_ref().0, at).is_ok()) else {
            let left = Duration::from_millis(u64::try_from(at - unix_ms()).unwrap_or(0));
            return tokio::time::sleep(left.min(LOOK_EVERY)).await;
        };
        if let Ok(mut ready) = timer.readable().await {
            // How often it has come due, or that the clock was set: both say no more than that it is time to look.
            let _ = timer.get_ref().0.wait();
            ready.clear_ready();
        }
    }
}

impl Default for WallTimer {
    fn default() -> Self {
        Self::new()
    }
}

fn set(timer: &TimerFd, at: i64) -> Result<(), Errno> {
    let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
    // Zero would switch it off.
    timer.set(Expiration::OneShot(TimeSpec::milliseconds(at.max(1))), flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_returns_at_the_time_and_not_before() {
        let timer = WallTimer::new();
        assert!(timer.timer.is_some());
        let at = unix_ms() + 30;
        while unix_ms() < at {
            timer.until(at).await;
        }
        // Of the past.
        timer.until(1).await;
        // One that was given up leaves nothing that a later one would take for its own.
        let far = unix_ms() + 3_600_000;
        assert!(tokio::time::timeout(Duration::from_millis(20), timer.until(far)).await.is_err());
    }
}
