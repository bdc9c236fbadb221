//! Whom the kernel has killed for want of memory. It tells the log of the kernel, and nobody else.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

/// Longer than any record.
const RECORD: usize = 8192;
/// More records than the buffer of any kernel holds: a log that is written as fast as it is read has no end.
const MOST_RECORDS: usize = 100_000;
/// The clocks of the log and of processes are not quite the same.
const SLACK: Duration = Duration::from_secs(2);

/// Whether the kernel has killed the process with this number for want of memory since `started`, a time of the
/// monotonic clock. False where we may not know.
pub fn has_killed(pid: i32, started: Duration) -> bool {
    // Cheap, and nearly always the answer.
    if kills() == Some(0) {
        return false;
    }
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg");
    let Ok(mut log) = opened else { return false };
    let mut buffer = [0; RECORD];
    for _ in 0..MOST_RECORDS {
        match log.read(&mut buffer) {
            Ok(0) => return false,
            Ok(length) => {
                let record = String::from_utf8_lossy(&buffer[..length]);
                if victim(&record).is_some_and(|(killed, at)| killed == pid && at + SLACK >= started) {
                    return true;
                }
            }
            // What was to be read next is overwritten already: on to what is there.
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) || error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    false
}

/// How many processes the kernel has killed for want of memory since it was started.
fn kills() -> Option<u64> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
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
        assert!(!has_killed(std::process::id() as i32, Duration::ZERO));
    }
}
