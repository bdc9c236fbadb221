//! Pipes for the output of apps.

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A pipe that takes a stream of an app: our end to read, never blocking, and the app's end to write, blocking.
///
/// The app's end is open for reading too, so that the pipe outlives us: with nobody at our end the app is neither
/// killed by a signal nor told of an end; it waits once the pipe is full. `size` is a wish: what the system refuses
/// (its limit for one user is soon reached) leaves the pipe as it is.
pub fn output_pipe(size: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, writer) = pipe2(OFlag::O_CLOEXEC)?;
    if size > 0 {
        let _ = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(i32::try_from(size).unwrap_or(i32::MAX)));
    }
    // Opening it anew is the only way to read-write. Without /proc the ordinary end has to do.
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let apps = open(path.as_str(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).unwrap_or(writer);
    set_nonblocking(ours.as_fd())?;
    Ok((ours, apps))
}

/// Makes reads and writes on this open file return instead of waiting. Other open files of the same pipe are as before.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    if !flags.contains(OFlag::O_NONBLOCK) {
        fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    }
    Ok(())
}

/// How many bytes wait to be read.
pub fn unread(fd: BorrowedFd<'_>) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int, and `count` is one; the descriptor is open while it is borrowed.
    if unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{ErrorKind, Read, Write};

    #[test]
    fn our_end_never_blocks_and_the_apps_end_does() {
        let (ours, apps) = output_pipe(0).unwrap();
        assert_eq!(File::from(ours).read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let flags = OFlag::from_bits_retain(fcntl(&apps, FcntlArg::F_GETFL).unwrap());
        assert!(!flags.contains(OFlag::O_NONBLOCK));
        assert!(flags.contains(OFlag::O_RDWR));
    }

    #[test]
    fn the_app_can_write_with_nobody_reading() {
        let (ours, apps) = output_pipe(0).unwrap();
        drop(ours);
        assert_eq!(File::from(apps).write(b"still here").unwrap(), 10);
    }

    #[test]
    fn what_waits_is_counted() {
        let (ours, apps) = output_pipe(1 << 18).unwrap();
        File::from(apps).write_all(b"twelve bytes").unwrap();
        assert_eq!(unread(ours.as_fd()).unwrap(), 12);
    }

    #[test]
    fn an_impossible_size_is_no_error() {
        assert!(output_pipe(1 << 30).is_ok());
    }
}
