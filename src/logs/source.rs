//! A pipe, whose it is, where it goes, and the line it has not finished.

use super::handle::Label;
use super::sink::Identity;
use super::subscriber::Feed;
use crate::clock;
use crate::domain::BootMs;
use crate::sys::pipe::unread;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

/// The longest unfinished line that is kept.
pub(super) const PIECE: usize = 64 << 10;

/// Never used again for another source, so that an event of one that has gone finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SourceId(pub(super) u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Logs are disabled: neither a file nor followers.
    Nowhere,
    /// `/dev/null`: followers only.
    Followers,
    File(Identity),
    /// The path could not be opened; this many bytes were thrown away for it.
    Broken {
        lost: u64,
    },
}

pub(super) struct Source {
    pub(super) label: Label,
    pub(super) pipe: Arc<OwnedFd>,
    pub(super) path: Option<PathBuf>,
    pub(super) target: Target,
    pub(super) partial: Partial,
    pub(super) followers: Vec<Arc<Feed>>,
    /// Not read, because its file takes nothing.
    pub(super) paused: bool,
    /// Its process has ended: so much is still to be read.
    pub(super) remaining: Option<usize>,
}

impl Source {
    pub(super) fn new(label: Label, pipe: Arc<OwnedFd>, path: Option<PathBuf>, target: Target) -> Self {
        let (partial, followers) = (Partial::default(), Vec::new());
        Self { label, pipe, path, target, partial, followers, paused: false, remaining: None }
    }

    /// Reads once. `Ok(None)`: nothing more comes, or nothing more is to be read.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let room = self.remaining.map_or(buffer.len(), |remaining| remaining.min(buffer.len()));
        if room == 0 {
            return Ok(None);
        }
        let count = loop {
            match nix::unistd::read(&self.pipe, &mut buffer[..room]).map_err(io::Error::from) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.remaining.is_some() => return Ok(None),
                done => break done?,
            }
        };
        if let Some(remaining) = &mut self.remaining {
            *remaining -= count;
        }
        Ok((count > 0).then_some(count))
    }

    /// Reads no further than what is in the pipe now.
    pub(super) fn end_here(&mut self) {
        self.remaining.get_or_insert(unread(self.pipe.as_fd()).unwrap_or(0));
    }

    /// Hands a chunk to the followers.
    pub(super) fn show(&self, cut: &Cut<'_>) {
        if self.followers.is_empty() {
            return;
        }
        let at = clock::unix_ms();
        for feed in &self.followers {
            let mut head = self.partial.bytes.as_slice();
            if !cut.lines.is_empty() {
                feed.lines(&self.label, at, head, cut.lines);
                head = &[];
            }
            if cut.spills {
                feed.pieces(&self.label, at, head, cut.rest);
            }
        }
    }

    /// Hands the unfinished line to the followers as it is.
    pub(super) fn show_partial(&self) {
        if self.followers.is_empty() || self.partial.bytes.is_empty() {
            return;
        }
        let at = clock::unix_ms();
        for feed in &self.followers {
            feed.pieces(&self.label, at, &self.partial.bytes, &[]);
        }
    }
}

/// The unfinished line of a source.
#[derive(Debug, Default)]
pub(super) struct Partial {
    pub(super) bytes: Vec<u8>,
    /// How many of the bytes are in the file already.
    pub(super) written: usize,
    /// When the first byte of it came.
    pub(super) since: BootMs,
}

impl Partial {
    /// What is not in the file yet.
    pub(super) fn held(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// The chunk has been dealt with; `through` says that all of it is in the file, not only its whole lines.
    pub(super) fn advance(&mut self, cut: &Cut<'_>, through: bool, now: BootMs) {
        if !cut.lines.is_empty() || cut.spills {
            self.clear();
        }
        if cut.spills {
            return;
        }
        if self.bytes.is_empty() {
            self.since = now;
        }
        self.bytes.extend_from_slice(cut.rest);
        if through {
            self.written = self.bytes.len();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        // A long line is no reason to keep its room for ever.
        self.bytes.shrink_to(PIECE / 16);
        self.written = 0;
    }
}

/// Where a chunk is cut.
#[derive(Debug)]
pub(super) struct Cut<'a> {
    pub(super) chunk: &'a [u8],
    /// Up to the last line break, which is included.
    pub(super) lines: &'a [u8],
    /// The beginning of the next line.
    pub(super) rest: &'a [u8],
    /// The unfinished line is too long to be kept.
    pub(super) spills: bool,
}

impl<'a> Cut<'a> {
    pub(super) fn of(partial: &Partial, chunk: &'a [u8]) -> Self {
        let (lines, rest) = chunk.split_at(memchr::memrchr(b'\n', chunk).map_or(0, |at| at + 1));
        let kept = if lines.is_empty() { partial.bytes.len() } else { 0 };
        Self { chunk, lines, rest, spills: kept + rest.len() > PIECE }
    }
}
