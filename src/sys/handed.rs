//! Sockets that somebody else has opened for this program (`LISTEN_FDS`, as systemd and we ourselves hand them on).

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::env;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

/// Where they begin.
const FIRST: RawFd = 3;
/// More are a mistake.
const MOST: RawFd = 64;

/// Takes them. To be called once, before anything else is opened that may get one of their numbers.
pub fn sockets() -> io::Result<Vec<OwnedFd>> {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<i32>().ok());
    // Another's, which has forgotten to take them out of the environment.
    if number("LISTEN_PID").is_some_and(|pid| pid != std::process::id() as i32) {
        return Ok(Vec::new());
    }
    let count = number("LISTEN_FDS").unwrap_or(0).clamp(0, MOST);
    (FIRST..FIRST + count).map(take).collect()
}

fn take(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD only looks whether the number is a descriptor at all.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and by the protocol of LISTEN_FDS it is ours; nobody else in this program takes it.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl(socket.as_fd(), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(socket)
}
