//! The input of apps.

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;

/// An input on which nothing ever comes, and no end either: a pipe whose writer is the app itself, so that it stays
/// so whoever else dies.
pub fn input_pipe() -> io::Result<OwnedFd> {
    let (reader, _writer) = pipe2(OFlag::O_CLOEXEC)?;
    // Opening it anew is the only way to read-write. Without /proc the app sees an end at once.
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    Ok(open(path.as_str(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).unwrap_or(reader))
}

/// The input of a running process, to be written to without blocking: it holds both ends of its pipe itself. An error
/// where it has put something else in its place.
pub fn open_input_of(pid: i32) -> io::Result<OwnedFd> {
    let path = format!("/proc/{pid}/fd/0");
    let is_pipe = std::fs::metadata(&path)?.file_type().is_fifo();
    if !is_pipe {
        return Err(io::Error::other("it is no pipe any more"));
    }
    Ok(open(path.as_str(), OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Writes what there is room for.
pub fn write(input: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(nix::unistd::write(input, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::pipe::set_nonblocking;
    use std::fs::File;
    use std::io::{ErrorKind, Read};
    use std::os::fd::AsFd;

    #[test]
    fn it_has_neither_bytes_nor_an_end() {
        let input = input_pipe().unwrap();
        set_nonblocking(input.as_fd()).unwrap();
        assert_eq!(File::from(input).read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}
