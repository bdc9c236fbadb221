//! A pipe, whose it is, where it goes, and the line it has not finished.

use super::destination::Dress;
use super::handle::Label;
use super::peek::Peek;
use super::sink::{Identity, PATIENCE_MS};
use super::subscriber::Feed;
use super::tap::Tap;
use crate::domain::{BootMs, UnixMs};
use crate::sys::pipe::{capacity, read, slots, unread};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// Apps that share a file come one after the other, at the start of a program that takes them over as well. Until then
/// each has its file to itself, and the first would have begun a line there that the next one tears.
const COMPANY_MS: u64 = 250;

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
    pub(super) path: Option<Arc<Path>>,
    pub(super) target: Target,
    /// The file of both streams.
    pub(super) combined: Option<Box<(Target, Arc<Path>)>>,
    /// Its lines become something else on their way.
    pub(super) dress: Option<Box<Dress>>,
    /// A file has a part of a text with this time in it, and is to get the rest of it.
    pub(super) dated: Option<UnixMs>,
    pub(super) partial: Partial,
    pub(super) followers: Vec<Arc<Feed>>,
    /// The line that somebody waits for.
    pub(super) tap: Option<Tap>,
    /// Not read, because its file takes nothing.
    pub(super) paused: bool,
    /// Its process has ended: so much is still to be read.
    pub(super) remaining: Option<usize>,
    /// Nobody writes to it any more.
    pub(super) ended: bool,
    /// It has a turn in the next round.
    pub(super) due: bool,
    /// The unfinished line that waits in the pipe, where other sources write the same file.
    pub(super) held: Option<Held>,
    /// So long others may come to write the same file.
    alone_from: BootMs,
    /// How many writes the pipe holds at most.
    pub(super) slots: u32,
    /// An unfinished line of this length may be all that the pipe has room for.
    full: u32,
}

/// An unfinished line that is still in the pipe.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) bytes: usize,
    pub(super) since: BootMs,
    /// When it is looked at again.
    until: BootMs,
}

impl Held {
    /// Nobody can be made to wait for it any longer.
    pub(super) fn is_late(&self, now: BootMs) -> bool {
        self.since + PATIENCE_MS <= now
    }
}

/// How much of what waits is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) bytes: usize,
    /// It ends in a piece of a line that nobody waits for.
    pub(super) piece: bool,
}

/// Its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Own,
    Combined,
}

impl Source {
    pub(super) fn new(label: Label, pipe: Arc<OwnedFd>, path: Option<Arc<Path>>, target: Target, now: BootMs) -> Self {
        let capacity = capacity(pipe.as_fd()).unwrap_or(PIECE);
        Self {
            label,
            pipe,
            path,
            target,
            combined: None,
            dress: None,
            dated: None,
            partial: Partial::default(),
            followers: Vec::new(),
            tap: None,
            paused: false,
            remaining: None,
            ended: false,
            due: false,
            held: None,
            alone_from: now + COMPANY_MS,
            slots: slots(capacity) as u32,
            // One page may be used up but for the last bytes in it, and two writes of half a page and a byte don't
            // share one.
            full: PIECE.min((capacity - capacity / slots(capacity).max(1)) / 2) as u32,
        }
    }

    /// Its bytes go to one file, as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.combined.is_none() && self.dress.is_none()
    }

    /// Where it goes, each place it has joined.
    pub(super) fn targets(&self) -> impl Iterator<Item = Target> + use<> {
        [Some(self.target), self.combined.as_ref().map(|combined| combined.0)].into_iter().flatten()
    }

    /// The files that it writes, each once.
    pub(super) fn files(&self) -> impl Iterator<Item = Identity> + use<> {
        let file = |target| if let Target::File(identity) = target { Some(identity) } else { None };
        let own = file(self.target);
        let combined = self.combined.as_ref().and_then(|combined| file(combined.0));
        [own, combined.filter(|_| combined != own)].into_iter().flatten()
    }

    pub(super) fn writes(&self, file: Identity) -> bool {
        self.files().any(|own| own == file)
    }

    /// So many bytes are lost for a file that could not be opened.
    pub(super) fn note_broken(&mut self, bytes: usize) {
        let combined = self.combined.as_mut().map(|combined| &mut combined.0);
        for target in [Some(&mut self.target), combined].into_iter().flatten() {
            if let Target::Broken { lost } = target {
                *lost += bytes as u64;
            }
        }
    }

    pub(super) fn place(&mut self, which: Which) -> Option<(&Arc<Path>, &mut Target)> {
        match which {
            Which::Own => Some((self.path.as_ref()?, &mut self.target)),
            Which::Combined => self.combined.as_deref_mut().map(|(target, path)| (&*path, target)),
        }
    }

    /// Looks at what waits; what goes to no file is taken at once. 0: nothing more comes, or nothing more is to be read.
    pub(super) fn look(&self, peek: &Peek, buffer: &mut [u8]) -> io::Result<usize> {
        let room = self.remaining.map_or(buffer.len(), |remaining| remaining.min(buffer.len()));
        if room == 0 {
            return Ok(0);
        }
        let seen = if self.files().next().is_some() {
            peek.look(self.pipe.as_fd(), &mut buffer[..room])
        } else {
            read(self.pipe.as_fd(), &mut buffer[..room])
        };
        match seen {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.remaining.is_some() => Ok(0),
            seen => seen,
        }
    }

    /// How much of a chunk its file gets: all if it is the `sole` writer, else whole lines, and a piece of one if
    /// there is no whole line and `force`, or no reason to wait for one.
    pub(super) fn portion(&self, chunk: &[u8], sole: bool, force: bool, now: BootMs) -> Portion {
        let sole = sole && self.alone_from <= now;
        let lines = memchr::memrchr(b'\n', chunk).map_or(0, |at| at + 1);
        let last = self.remaining.is_some_and(|remaining| remaining <= chunk.len());
        let impatient = force || self.ended || self.remaining.is_some() || chunk.len() >= self.full as usize;
        if sole || last || (lines == 0 && impatient) {
            return Portion { bytes: chunk.len(), piece: !sole && lines < chunk.len() };
        }
        Portion { bytes: lines, piece: false }
    }

    /// So much of what was seen is out of the pipe; the rest waits there.
    pub(super) fn note_taken(&mut self, bytes: usize, seen: usize, now: BootMs) {
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(bytes);
        }
        let since = self.held.filter(|_| bytes == 0).map_or(now, |held| held.since);
        let late = since + PATIENCE_MS;
        let until = if now < self.alone_from { late.min(self.alone_from) } else { late };
        self.held = (bytes < seen).then_some(Held { bytes: seen - bytes, since, until });
    }

    /// Whether there may be more in the pipe than was seen, without an event that would tell of it.
    pub(super) fn wants_turn(&self, seen: usize, buffer: usize, peek: &Peek) -> bool {
        let held = self.held.map_or(0, |held| held.bytes);
        self.ended
            || self.remaining.is_some()
            || seen == buffer
            || held >= self.full as usize
            || (peek.is_short(seen, self.slots as usize)
                && unread(self.pipe.as_fd()).is_ok_and(|waiting| waiting > held))
    }

    /// When somebody has waited long enough for the end of a line: followers, or who writes the same file.
    pub(super) fn sweep_at(&self) -> Option<BootMs> {
        let held = self.held.filter(|_| !self.paused).map(|held| held.until);
        let is_awaited = !self.followers.is_empty() && !self.partial.bytes.is_empty();
        let shown = is_awaited.then_some(self.partial.since + PATIENCE_MS);
        held.into_iter().chain(shown).min()
    }

    /// Reads no further than what is in the pipe now.
    pub(super) fn end_here(&mut self) {
        self.remaining.get_or_insert(unread(self.pipe.as_fd()).unwrap_or(0));
    }
}

/// The unfinished line of a source, as far as it was taken. Followers get it when it is whole.
#[derive(Debug, Default)]
pub(super) struct Partial {
    pub(super) bytes: Vec<u8>,
    /// When the first byte of it came.
    pub(super) since: BootMs,
}

impl Partial {
    /// The bytes have been dealt with.
    pub(super) fn advance(&mut self, cut: &Cut<'_>, now: BootMs) {
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
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        // A long line is no reason to keep its room for ever.
        self.bytes.shrink_to(PIECE / 16);
    }
}

/// Where a chunk is cut.
#[derive(Debug)]
pub(super) struct Cut<'a> {
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
        Self { lines, rest, spills: kept + rest.len() > PIECE }
    }
}
