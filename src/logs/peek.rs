//! Reading what waits in a pipe and leaving it there.

use super::cut::point;
use crate::sys::fault::Point;
use crate::sys::pipe;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// As many slots as the largest pipe of an app has: then a look sees all that is in it, however small the writes were.
const SIZE: usize = 1 << 20;

/// A pipe for copies.
pub(super) struct Peek {
    exit: OwnedFd,
    entrance: OwnedFd,
    slots: usize,
}

impl Peek {
    pub(super) fn new() -> io::Result<Self> {
        let (exit, entrance) = pipe::private(SIZE)?;
        let slots = pipe::slots(pipe::capacity(exit.as_fd())?);
        Ok(Self { exit, entrance, slots })
    }

    /// The first bytes of the pipe; 0 is its end.
    pub(super) fn look(&self, from: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        let count = pipe::tee(from, self.entrance.as_fd(), buffer.len())?;
        let mut seen = 0;
        while seen < count {
            seen += pipe::read(self.exit.as_fd(), &mut buffer[seen..count])?;
        }
        point(Point::LogPeeked);
        Ok(seen)
    }

    /// Whether a look that found so many bytes may have ended before the pipe did: the copy had room for no more.
    pub(super) fn is_short(&self, seen: usize, slots: usize) -> bool {
        slots > self.slots && seen >= self.slots
    }
}
