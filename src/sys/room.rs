//! Descriptors that are left: what apps take must not be the last of them, as then nobody could be told, nor stop anything.

use nix::sys::resource::{Resource, getrlimit};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;

/// What the start of one run takes at most, for a moment.
const OF_A_RUN: u64 = 10;
/// For commands, the list on disk, logs: a sixteenth of what may be open, within these.
const LEAST: u64 = 4;
const MOST: u64 = 64;

/// So many are counted one by one; of more it is told by the next number.
const FEW: u64 = 4096;

/// Whether another run may be started: `EMFILE` where what it takes would come out of what is kept for commands. One that
/// takes the place of another may use some of that: its descriptors were there a moment ago, and whoever has asked for
/// it has a connection, too.
pub fn for_another_run(is_replacement: bool) -> io::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let used = if limit > FEW {
        // Numbers are given from below, but for those that were given back.
        File::open("/dev/null")?.as_raw_fd() as u64
    } else {
        fs::read_dir("/proc/self/fd")?.count() as u64
    };
    if is_enough(used, limit, is_replacement) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EMFILE)) }
}

fn is_enough(used: u64, limit: u64, is_replacement: bool) -> bool {
    let kept = if is_replacement { 0 } else { (limit / 16).clamp(LEAST, MOST) };
    used.saturating_add(OF_A_RUN).saturating_add(kept) <= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_kept() {
        for (used, limit, expected) in [
            (50, 64, true),
            (51, 64, false),
            (900, 1024, true),
            (951, 1024, false),
            (1_000_000, 1_048_576, true),
            (3, 16, false),
            (3, u64::MAX, true),
        ] {
            assert_eq!(is_enough(used, limit, false), expected, "{used} of {limit}");
        }
        assert!(is_enough(54, 64, true));
        assert!(!is_enough(55, 64, true));
        for_another_run(false).unwrap();
    }
}
