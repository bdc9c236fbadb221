//! Whom the kernel has killed for want of memory. It tells the log of the kernel, and nobody else.

use super::time;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

/// Longer than any record.
const RECORD: usize = 8192;
/// More than the kernel's figures are, so that they are read at once.
const VMSTAT: usize = 16 * 1024;
/// More records than the buffer of any kernel holds: a log that is written as fast as it is read has no end.
const MOST_RECORDS: usize = 100_000;
/// The clocks of the log and of processes are not quite the same.
const SLACK: Duration = Duration::from_secs(2);

/// The processes that the kernel has killed for want of memory. Its log is long, and read only when there is news: it
/// counts what it kills.
#[derive(Debug)]
pub struct Killed(RefCell<Known>);

#[derive(Debug)]
struct Known {
    /// How many it had killed when this was found out.
    count: Option<u64>,
    /// Whom, as far as its log goes back, and when; of those before `since` nothing is known.
    victims: Vec<(i32, Duration)>,
    since: Duration,
}

impl Default for Killed {
    /// Nothing is known of what was before.
    fn default() -> Self {
        let since = Duration::from_millis(time::awake_ms());
        Self(RefCell::new(Known { count: count(), victims: Vec::new(), since }))
    }
}

impl Killed {
    /// Whether the process with this number is among them, killed since `started`, a time of the monotonic clock.
    /// False where we may not know.
    pub fn names(&self, pid: i32, started: Duration) -> bool {
        let now = count();
        if now == Some(0) {
            return false;
        }
        let mut known = self.0.borrow_mut();
        if now.is_none() || now != known.count || started < known.since {
            *known = Known { count: now, victims: read_log(), since: Duration::ZERO };
        }
        known.victims.iter().any(|(killed, at)| *killed == pid && *at + SLACK >= started)
    }
}

fn read_log() -> Vec<(i32, Duration)> {
    let mut victims = Vec::new();
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg");
    let Ok(mut log) = opened else { return victims };
    let mut buffer = [0; RECORD];
    for _ in 0..MOST_RECORDS {
        match log.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => victims.extend(victim(&String::from_utf8_lossy(&buffer[..length]))),
            // What was to be read next is overwritten already: on to what is there.
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) || error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    victims
}

/// How many processes the kernel has killed for want of memory since it was started.
fn count() -> Option<u64> {
    let mut text = String::with_capacity(VMSTAT);
    File::open("/proc/vmstat").ok()?.read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

/// Who was killed and when, if a record of the log tells of it: `3,812,5304361,-;Out of memory: Killed process 42 (x) …`.
fn victim(record: &str) -> Option<(i32, Duration)> {
    let (header, text) = record.split_once(';')?;
    let (_, rest) = text.split_once("Killed process ")?;
    // A control group's limit, or the machine's: both say so.
    text.to_ascii_lowercase().contains("out of memory").then_some(())?;
    let pid = rest.split(|other: char| !other.is_ascii_digit()).next()?.parse().ok()?;
    let micros = header.split(',').nth(2)?.parse().ok()?;
    Some((pid, Duration::from_micros(micros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_victim_is_found_in_what_the_kernel_writes() {
        let at = Duration::from_micros(5_304_361);
        for record in [
            "3,812,5304361,-;Out of memory: Killed process 42 (node) total-vm:1kB, anon-rss:2kB\n",
            "3,812,5304361,-;Memory cgroup out of memory: Killed process 42 (a) b) total-vm:1kB\n SUBSYSTEM=x\n",
        ] {
            assert_eq!(victim(record), Some((42, at)), "{record}");
        }
        for record in [
            "6,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,task=node,pid=42,uid=0",
            "3,1,2,-;Killed process 42 (x)",
            "3,1,x,-;Out of memory: Killed process 42 (x)",
            "Out of memory: Killed process 42 (x)",
            "",
        ] {
            assert_eq!(victim(record), None, "{record}");
        }
    }

    #[test]
    fn nobody_has_killed_us() {
        let killed = Killed::default();
        assert!(!killed.names(std::process::id() as i32, Duration::ZERO), "nor before");
        assert!(!killed.names(std::process::id() as i32, Duration::from_millis(time::awake_ms())));
    }
}
