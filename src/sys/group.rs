//! Process groups: what an app has started and not detached.

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs;

/// Signals all members. Having none is no error.
pub fn signal(group: i32, number: i32) {
    // 0 is our own group, and 1 that of everything.
    if group > 1
        && let Ok(signal) = Signal::try_from(number)
    {
        let _ = killpg(Pid::from_raw(group), signal);
    }
}

/// Whether any member lives. Zombies that nobody reaps don't count.
pub fn is_alive(group: i32) -> bool {
    if group <= 1 {
        return false;
    }
    match killpg(Pid::from_raw(group), None) {
        Err(Errno::ESRCH) => false,
        _ => has_living_member(group),
    }
}

/// The kernel counts zombies as members, and an orphan's zombie stays where PID 1 doesn't reap.
fn has_living_member(group: i32) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    processes.filter_map(Result::ok).any(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            && fs::read_to_string(entry.path().join("stat"))
                .is_ok_and(|stat| super::proc::Stat::parse(&stat).is_some_and(|s| s.group == group && !s.is_dead()))
    })
}
