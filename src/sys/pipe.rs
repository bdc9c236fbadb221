//! Pipes: for the output of apps, and to look at what waits in one, or to move it, without taking it out between.

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

/// Our end, anew, of the pipe that is descriptor `number` of a running process.
pub fn reopen(pid: i32, number: i32) -> io::Result<OwnedFd> {
    let path = format!("/proc/{pid}/fd/{number}");
    let target = std::fs::read_link(&path)?;
    if !target.to_string_lossy().starts_with("pipe:") {
        return Err(io::Error::other(format!("it is no pipe but {}", target.display())));
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    Ok(open(path.as_str(), flags, Mode::empty())?)
}

/// Makes reads and writes on this open file return instead of waiting. Other open files of the same pipe are as before.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    if !flags.contains(OFlag::O_NONBLOCK) {
        fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    }
    Ok(())
}

/// A pipe of ours through one descriptor, which reads and writes and waits for nothing. What is in it lives as long
/// as anybody has the descriptor. `size` is a wish.
pub fn lasting(size: usize) -> io::Result<OwnedFd> {
    let (reader, _writer) = pipe2(OFlag::O_CLOEXEC)?;
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    let pipe = open(path.as_str(), OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?;
    grow(pipe.as_fd(), size);
    Ok(pipe)
}

/// A pipe of this process alone, both ends never waiting. `size` is a wish.
pub fn private(size: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    grow(writer.as_fd(), size);
    Ok((reader, writer))
}

fn grow(pipe: BorrowedFd<'_>, size: usize) {
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(i32::try_from(size).unwrap_or(i32::MAX)));
}

/// How many bytes it holds at most; fewer if they came in small writes.
pub fn capacity(pipe: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(usize::try_from(fcntl(pipe, FcntlArg::F_GETPIPE_SZ)?).unwrap_or(0))
}

/// Which pipe it is, in this boot of the machine.
pub fn number(pipe: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(nix::sys::stat::fstat(pipe)?.st_ino)
}

/// How many writes a pipe of this capacity holds at most, however small they are.
pub fn slots(capacity: usize) -> usize {
    // SAFETY: it takes and gives numbers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    capacity / usize::try_from(page).unwrap_or(4096).max(1)
}

/// Copies up to `count` bytes that wait in one pipe to another, and leaves them where they are. Never waits; 0 is
/// the end of the pipe.
pub fn tee(from: BorrowedFd<'_>, to: BorrowedFd<'_>, count: usize) -> io::Result<usize> {
    retried(|| {
        // SAFETY: both descriptors are open while they are borrowed; no memory is passed.
        unsafe { libc::tee(from.as_raw_fd(), to.as_raw_fd(), count, libc::SPLICE_F_NONBLOCK) }
    })
}

/// Moves up to `count` bytes from a pipe to another, or to a file. Never waits for a pipe; 0 is its end.
pub fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, count: usize) -> io::Result<usize> {
    retried(|| {
        let (from, to) = (from.as_raw_fd(), to.as_raw_fd());
        let flags = libc::SPLICE_F_NONBLOCK | libc::SPLICE_F_MOVE;
        // SAFETY: both descriptors are open while they are borrowed; without offsets no memory is passed.
        unsafe { libc::splice(from, std::ptr::null_mut(), to, std::ptr::null_mut(), count, flags) }
    })
}

/// Reads what waits, never interrupted.
pub fn read(from: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match nix::unistd::read(from, buffer) {
            Err(nix::errno::Errno::EINTR) => {}
            done => return Ok(done?),
        }
    }
}

fn retried(call: impl Fn() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(count) = usize::try_from(call()) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
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
    fn what_is_looked_at_stays_and_what_is_moved_does_not() {
        let (ours, apps) = output_pipe(0).unwrap();
        let (copy, entrance) = private(1 << 16).unwrap();
        let staging = lasting(1 << 16).unwrap();
        assert_eq!(tee(ours.as_fd(), entrance.as_fd(), 99).unwrap_err().kind(), ErrorKind::WouldBlock);
        File::from(apps).write_all(b"looked at").unwrap();
        assert_eq!(tee(ours.as_fd(), entrance.as_fd(), 6).unwrap(), 6);
        let mut seen = [0; 9];
        assert_eq!(read(copy.as_fd(), &mut seen).unwrap(), 6);
        assert_eq!(&seen, b"looked\0\0\0");
        assert_eq!(splice(ours.as_fd(), staging.as_fd(), 7).unwrap(), 7);
        assert_eq!((unread(ours.as_fd()).unwrap(), unread(staging.as_fd()).unwrap()), (2, 7));
    }

    #[test]
    fn a_pipe_through_one_descriptor_never_ends_and_never_waits() {
        let pipe = File::from(lasting(1 << 16).unwrap());
        assert_eq!((&pipe).read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let size = capacity(pipe.as_fd()).unwrap();
        (&pipe).write_all(&vec![0; size]).unwrap();
        assert_eq!((&pipe).write(b"x").unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(slots(size) > 0 && slots(size) <= size / 4096);
    }

    #[test]
    fn an_impossible_size_is_no_error() {
        assert!(output_pipe(1 << 30).is_ok());
        assert!(private(1 << 30).is_ok() && lasting(1 << 30).is_ok());
    }
}
