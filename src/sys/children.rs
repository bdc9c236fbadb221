//! All children of this program, however they became that: waiting for them, and being the one who inherits orphans.

use super::pidfd::{Exit, wait_id};
use super::proc::Stat;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::fs;
use std::io;

/// Orphans among our descendants become our children.
pub fn inherit_orphans() -> io::Result<()> {
    nix::sys::prctl::set_child_subreaper(true).map_err(Into::into)
}

/// Some child that has ended and was not reaped yet. It stays so: nobody else can get its pid.
pub fn ended() -> Option<i32> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    wait_id(libc::P_ALL, 0, options).ok().flatten().map(|(pid, _)| pid)
}

/// Whether it is a child of ours, or the zombie of one.
pub fn is_child(pid: i32) -> bool {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    pid > 0 && wait_id(libc::P_PID, pid as libc::id_t, options).is_ok()
}

/// Removes the zombie of an ended child.
pub fn reap(pid: i32) -> Option<Exit> {
    wait_id(libc::P_PID, pid as libc::id_t, libc::WEXITED | libc::WNOHANG).ok().flatten().map(|(_, exit)| exit)
}

/// Signals that are read instead of delivered: of children, and those that ask us to end.
pub fn signals() -> io::Result<SignalFd> {
    Ok(SignalFd::with_flags(&block_signals()?, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Has them wait until they are read, by us or by the program that we become.
pub fn block_signals() -> io::Result<SigSet> {
    let set = awaited();
    set.thread_block()?;
    Ok(set)
}

/// Those signals.
pub(super) fn awaited() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP].into_iter().collect()
}

/// Direct children that hold a socket, which `/proc` names by its number.
pub fn holding_socket(inode: u64) -> Vec<i32> {
    let me = std::process::id() as i32;
    let wanted = format!("socket:[{inode}]");
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let children = processes.filter_map(Result::ok).filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        (Stat::parse(&stat)?.parent == me).then_some(pid)
    });
    let holds = |pid: &i32| {
        fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|fds| {
            fds.filter_map(Result::ok).any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == &*wanted))
        })
    };
    children.filter(holds).collect()
}

/// Ends a child of ours: until it is reaped nobody else has its pid.
pub fn kill(pid: i32) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child that this test alone waits for")]
    fn a_child_is_one_until_it_is_reaped() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id() as i32;
        assert!(is_child(pid));
        assert!(!is_child(1) && !is_child(0) && !is_child(-pid));
        drop(child.stdin.take());
        let pidfd = super::super::pidfd::open(pid).unwrap();
        super::super::pidfd::wait_for_end(&pidfd, std::time::Duration::from_secs(20));
        assert!(is_child(pid));
        child.wait().unwrap();
        assert!(!is_child(pid));
    }
}
