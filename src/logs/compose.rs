//! Output that does not go to one file as it is: lines that become something else, or are to be in a second file too.
//!
//! A chunk is whole lines, or a piece of one that nobody waits for. It leaves the app's pipe as far as each of its files
//! has it; what one has beyond that is taken off again.

use super::copier::Copier;
use super::ledger::{Composed, Place};
use super::sink::{Attempt, Identity, Sink};
use super::source::{Cut, Source, SourceId, Target};
use crate::clock;
use crate::domain::UnixMs;
use crate::domain::log_line;
use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::os::fd::AsFd;

/// A longer text is not kept for the next chunk.
const ROOM: usize = 1 << 20;

impl Copier {
    /// Deals with what was read of the source; how much of it is out of the pipe now.
    pub(super) fn compose(&mut self, id: SourceId, chunk: &[u8], force: bool) -> io::Result<usize> {
        let Some(source) = self.sources.get_mut(&id) else { return Ok(0) };
        if source.files().next().is_none() {
            source.note_broken(chunk.len());
            return Ok(source.show(chunk, self.now));
        }
        let portion = source.portion(chunk, false, force, self.now);
        if portion.bytes == 0 {
            return Ok(0);
        }
        let at = source.dated.unwrap_or_else(clock::unix_ms);
        let mut text = mem::take(&mut self.text);
        text.clear();
        let bytes = match &source.dress {
            Some(dress) => dress.put_on(&chunk[..portion.bytes], at, &mut text),
            None => portion.bytes,
        };
        let composed = match &source.dress {
            Some(_) => Text { lines: &chunk[..bytes], written: &text, at },
            None => Text { lines: &chunk[..bytes], written: &chunk[..bytes], at },
        };
        let done = self.store(id, &composed);
        if let (Ok((taken, kept)), Some(source)) = (&done, self.sources.get_mut(&id)) {
            let closed = portion.piece && *taken == portion.bytes;
            show(source, &mut self.sinks, (id, &composed), (*taken, *kept), closed, self.now);
        }
        text.shrink_to(ROOM);
        self.text = text;
        done.map(|(taken, _)| taken)
    }

    /// Writes it to each file that takes anything; how many bytes of the lines, and of the text, all have now.
    fn store(&mut self, id: SourceId, text: &Text<'_>) -> io::Result<(usize, usize)> {
        let Some(source) = self.sources.get_mut(&id) else { return Ok((0, 0)) };
        let (lost, flowing): (Vec<_>, Vec<_>) =
            source.files().partition(|file| self.sinks.get(file).is_some_and(|sink| sink.is_failing()));
        let (taken, kept) = if flowing.is_empty() {
            self.committer.discard(source.pipe.as_fd(), text.lines.len())?;
            (text.lines.len(), text.written.len())
        } else {
            let (place, composed) = places(source, &self.sinks, self.committer.number(), text.at);
            self.committer.record_composed(&place, &composed, text.lines.len())?;
            let mut attempts: Vec<(Identity, Attempt)> = Vec::new();
            for file in flowing {
                attempts.extend(self.sinks.get_mut(&file).map(|sink| (file, sink.attempt(id, text.written))));
            }
            let least = attempts.iter().map(|(_, attempt)| attempt.end).min().unwrap_or(0);
            let (taken, kept) = text.whole(least, source.dress.is_some());
            let mut is_ahead = false;
            for (file, attempt) in attempts {
                let sink = self.sinks.get_mut(&file);
                is_ahead |= sink.is_some_and(|sink| sink.keep(id, text.written, kept, attempt, self.now));
            }
            source.dated = is_ahead.then_some(text.at);
            match taken {
                0 => self.committer.withdraw(),
                taken => self.committer.consume(source.pipe.as_fd(), taken)?,
            }
            (taken, kept)
        };
        for file in lost {
            if let Some(sink) = self.sinks.get_mut(&file) {
                sink.note_lost(taken as u64, self.now);
            }
        }
        source.note_broken(taken);
        Ok((taken, kept))
    }
}

/// Lines as they came, and what they have become.
struct Text<'a> {
    lines: &'a [u8],
    written: &'a [u8],
    at: UnixMs,
}

impl Text<'_> {
    /// How many bytes of both count where so many of the text are in a file.
    fn whole(&self, end: usize, is_dressed: bool) -> (usize, usize) {
        if is_dressed { log_line::whole(self.lines, self.written, end) } else { (end, end) }
    }
}

/// What the journal is to know.
fn places(source: &Source, sinks: &BTreeMap<Identity, Box<Sink>>, staging: u64, at: UnixMs) -> (Place, Composed) {
    let length = |file: Identity| sinks.get(&file).map_or(0, |sink| sink.length());
    let own = match source.target {
        Target::File(file) => Some(file),
        Target::Nowhere | Target::Followers | Target::Broken { .. } => None,
    };
    let second = source.files().find(|file| Some(*file) != own).map(|file| (file, length(file)));
    let label = &source.label;
    let place = Place {
        process: label.id,
        spawn: label.spawn,
        stream: label.stream,
        file: own.unwrap_or(Identity { device: 0, inode: 0 }),
        length: own.map_or(0, length),
        staging,
    };
    (place, Composed { at, second })
}

/// Hands on what is out of the pipe, and notes where the files have an unfinished line.
fn show(
    source: &mut Source,
    sinks: &mut BTreeMap<Identity, Box<Sink>>,
    (id, text): (SourceId, &Text<'_>),
    (taken, kept): (usize, usize),
    closed: bool,
    now: crate::domain::BootMs,
) {
    if taken == 0 {
        return;
    }
    let cut = Cut::of(&source.partial, &text.lines[..taken]);
    for file in source.files() {
        if let Some(sink) = sinks.get_mut(&file) {
            // What has become something else ends in a line break, whatever it was.
            sink.note_line(id, &cut, closed || source.dress.is_some());
        }
    }
    if source.dress.is_some() {
        return source.tell(&text.written[..kept], text.at);
    }
    source.show(&text.lines[..taken], now);
    if closed {
        source.close_line();
    }
}
