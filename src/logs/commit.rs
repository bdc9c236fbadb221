//! How bytes leave an app's pipe once they are in a file, such that a death at any instruction neither loses nor
//! repeats one.

use super::cut::point;
use super::ledger::{Composed, Place, Step};
use super::staging::Staging;
use crate::sys::fault::Point;
use crate::sys::pipe;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

pub(super) struct Committer {
    staging: Staging,
    /// Where bytes go to be forgotten.
    null: File,
    /// Which pipe the staging pipe is.
    number: u64,
    /// What the staging pipe holds, and in how many moves that came.
    held: usize,
    moves: usize,
    /// From when on it is emptied. What it holds are pages that the apps' pipes cannot use again.
    most_held: usize,
    most_moves: usize,
}

impl Committer {
    pub(super) fn new(staging: Staging) -> io::Result<Self> {
        let null = OpenOptions::new().write(true).open("/dev/null")?;
        let capacity = pipe::capacity(staging.pipe.as_fd())?;
        let held = pipe::unread(staging.pipe.as_fd())?;
        let number = pipe::number(staging.pipe.as_fd())?;
        let (most_held, most_moves) = (capacity / 2, pipe::slots(capacity) / 2);
        Ok(Self { staging, null, number, held, moves: 0, most_held, most_moves })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// What the staging pipe holds.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Before the bytes are written.
    pub(super) fn record(&mut self, place: &Place, bytes: usize) -> io::Result<()> {
        if self.held >= self.most_held || self.moves >= self.most_moves {
            self.drain()?;
        }
        self.staging.ledger.set_place(place);
        self.staging.ledger.set_step(Step::Writing { bytes });
        point(Point::LogRecorded);
        Ok(())
    }

    /// The same, where the bytes become something else, or go to a second file.
    pub(super) fn record_composed(&mut self, place: &Place, composed: &Composed, bytes: usize) -> io::Result<()> {
        self.staging.ledger.set_composed(composed);
        self.record(place, bytes)
    }

    /// Nothing was written.
    pub(super) fn withdraw(&mut self) {
        self.staging.ledger.set_step(Step::Idle);
    }

    /// The first `bytes` of those recorded are in the file.
    pub(super) fn consume(&mut self, from: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
        point(Point::LogWritten);
        self.staging.ledger.set_step(Step::Written { bytes, base: self.held });
        point(Point::LogCommitted);
        let moved = self.move_out(from, bytes);
        point(Point::LogConsumed);
        self.staging.ledger.set_step(Step::Idle);
        point(Point::LogCleared);
        moved
    }

    /// Moves what is left of a chunk that is in the file.
    pub(super) fn move_out(&mut self, from: BorrowedFd<'_>, mut bytes: usize) -> io::Result<()> {
        while bytes > 0 {
            match pipe::splice(from, self.staging.pipe.as_fd(), bytes) {
                // Somebody else reads this pipe too, and has taken them.
                Ok(0) => return Ok(()),
                Ok(moved) => {
                    self.held += moved;
                    self.moves += 1;
                    bytes -= moved;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.held > 0 => self.make_room(bytes)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// In the middle of a chunk.
    pub(super) fn make_room(&mut self, left: usize) -> io::Result<()> {
        self.staging.ledger.set_step(Step::Rest { bytes: left });
        point(Point::LogCommitted);
        self.drain()?;
        self.staging.ledger.set_step(Step::Written { bytes: left, base: 0 });
        point(Point::LogCommitted);
        Ok(())
    }

    /// In the middle of a chunk that was recorded with another staging pipe: from now on this one counts.
    pub(super) fn count_anew(&mut self, left: usize) -> io::Result<()> {
        self.drain()?;
        self.staging.ledger.set_step(Step::Written { bytes: left, base: 0 });
        self.staging.ledger.set_staging(self.number);
        Ok(())
    }

    /// Only where what the staging pipe holds means nothing.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        self.discard(self.staging.pipe.as_fd(), usize::MAX)?;
        (self.held, self.moves) = (0, 0);
        Ok(())
    }

    /// Throws away the first bytes of a pipe.
    pub(super) fn discard(&self, from: BorrowedFd<'_>, mut bytes: usize) -> io::Result<()> {
        while bytes > 0 {
            match pipe::splice(from, self.null.as_fd(), bytes.min(1 << 30)) {
                Ok(0) => return Ok(()),
                Ok(moved) => bytes -= moved,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
