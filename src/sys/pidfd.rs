//! Learning how a process ended, through a descriptor that names exactly that process.

use super::time::boot_clock;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// How a process ended, with what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub ended: Ended,
    /// User and system time, microseconds.
    pub cpu_us: u64,
    /// Largest resident set, bytes.
    pub max_rss: u64,
    /// Boot clock, milliseconds.
    pub at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Code(i32),
    Signal(i32),
    /// Somebody else has waited for it.
    Unknown,
}

/// Waits for a child that has ended already (the descriptor is readable), and removes its zombie.
/// `None` while it still runs.
pub fn try_reap(pidfd: &impl AsFd) -> Option<Exit> {
    wait(pidfd, libc::WEXITED | libc::WNOHANG)
}

/// Waits until the child has ended.
pub fn reap(pidfd: &impl AsFd) -> Exit {
    wait(pidfd, libc::WEXITED).unwrap_or(Exit {
        ended: Ended::Unknown,
        cpu_us: 0,
        max_rss: 0,
        at: boot_clock().as_millis() as u64,
    })
}

fn wait(pidfd: &impl AsFd, options: libc::c_int) -> Option<Exit> {
    let at = boot_clock().as_millis() as u64;
    let unknown = Exit { ended: Ended::Unknown, cpu_us: 0, max_rss: 0, at };
    match wait_id(libc::P_PIDFD, pidfd.as_fd().as_raw_fd() as libc::id_t, options) {
        Ok(ended) => ended.map(|(_, exit)| exit),
        Err(_) => Some(unknown),
    }
}

/// Waits for whom `kind` and `id` name. An error where that is no child of ours.
pub(super) fn wait_id(
    kind: libc::idtype_t,
    id: libc::id_t,
    options: libc::c_int,
) -> io::Result<Option<(i32, Exit)>> {
    // SAFETY: both structures are plain data for the kernel to fill in. The raw call is used because glibc's wrapper
    // hides the rusage argument.
    let (info, usage) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let mut usage: libc::rusage = std::mem::zeroed();
        while libc::syscall(libc::SYS_waitid, kind, id, &raw mut info, options, &raw mut usage) != 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        (info, usage)
    };
    let at = boot_clock().as_millis() as u64;
    // SAFETY: waitid has filled in the fields of SIGCHLD (zero when nothing has ended yet).
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return Ok(None);
    }
    let ended = if info.si_code == libc::CLD_EXITED { Ended::Code(status) } else { Ended::Signal(status) };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    let cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime);
    Ok(Some((pid, Exit { ended, cpu_us, max_rss: usage.ru_maxrss as u64 * 1024, at })))
}

/// Sends a signal to exactly this process. An ended one is no error.
pub fn signal(pidfd: &OwnedFd, signal: i32) -> io::Result<()> {
    // SAFETY: plain system call on a descriptor we hold.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, std::ptr::null::<libc::siginfo_t>(), 0)
    };
    let error = io::Error::last_os_error();
    if result == 0 || error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(error) }
}

/// Takes a copy of descriptor `number` of the process.
pub fn take_descriptor(pidfd: &OwnedFd, number: i32) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: on success the kernel returns a new descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd as i32)) }
    }
}

/// Opens the descriptor of a process that need not be a child.
pub fn open(pid: i32) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: on success the kernel returns a new descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd as i32)) }
    }
}
