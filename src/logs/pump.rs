//! From pipe to file and followers: one source's turn, and its end.

use super::commit::Committer;
use super::copier::{CHUNK, Copier};
use super::ledger::Place;
use super::sink::{Identity, Sink};
use super::source::{Cut, Source, SourceId, Target};
use crate::domain::BootMs;
use crate::sys::epoll::Epoll;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::AsFd;
use tracing::warn;

impl Copier {
    /// One source's turn: a chunk at most, so that none keeps the others waiting.
    pub(super) fn pump(&mut self, id: SourceId) {
        if self.is_read(id) {
            self.settle_line_before(id);
            if self.is_read(id) {
                self.turn(id, false);
            }
        }
    }

    fn is_read(&self, id: SourceId) -> bool {
        self.sources.get(&id).is_some_and(|source| !source.paused)
    }

    /// An unfinished line of another source stands at the end of the file: what completes it goes first.
    fn settle_line_before(&mut self, id: SourceId) {
        let Some(source) = self.sources.get(&id) else { return };
        for file in source.files() {
            self.settle_line_in(file, id);
        }
    }

    fn settle_line_in(&mut self, file: Identity, id: SourceId) {
        let owner = |copier: &Self| copier.sinks.get(&file).and_then(|sink| sink.owner_of_open_line());
        let Some(other) = owner(self).filter(|&other| other != id) else { return };
        let is_open = |copier: &Self| owner(copier) == Some(other);
        for force in [false, true] {
            if is_open(self) && self.is_read(other) {
                self.turn(other, force);
            }
        }
        if is_open(self) && self.is_read(id) {
            self.close_line(other);
        }
    }

    /// Reads a chunk, paused or not; with `force` even a piece of a line that others would have to wait for.
    pub(super) fn turn(&mut self, id: SourceId, force: bool) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        let mut buffer = mem::take(&mut self.buffer);
        let taken = match source.look(&self.peek, &mut buffer) {
            Ok(0) => {
                self.end(id);
                Ok(())
            }
            Ok(count) => self.take(id, &buffer[..count], force),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        };
        self.buffer = buffer;
        if let Err(error) = taken {
            if let Some(source) = self.sources.get(&id) {
                warn!(app = %source.label.name, id = %source.label.id, %error, "output cannot be read; the rest is lost");
            }
            self.end(id);
        }
    }

    fn take(&mut self, id: SourceId, chunk: &[u8], force: bool) -> io::Result<()> {
        let Some(source) = self.sources.get_mut(&id) else { return Ok(()) };
        self.pace.note(chunk.len() - source.held.map_or(0, |held| held.bytes.min(chunk.len())));
        if let Some(tap) = &source.tap {
            tap.look(&source.partial, chunk);
            source.tap.take_if(|tap| tap.is_through());
        }
        let plain = source.is_plain();
        let taken = match &mut source.target {
            _ if !plain => self.compose(id, chunk, force)?,
            // Only a line that is waited for needs what came before it.
            Target::Nowhere if source.tap.is_some() => {
                source.partial.advance(&Cut::of(&source.partial, chunk), self.now);
                chunk.len()
            }
            Target::Nowhere => chunk.len(),
            Target::Followers => source.show(chunk, self.now),
            Target::Broken { lost } => {
                *lost += chunk.len() as u64;
                source.show(chunk, self.now)
            }
            Target::File(identity) => {
                let identity = *identity;
                self.write(id, identity, chunk, force)?
            }
        };
        self.go_on(id, taken, chunk.len());
        Ok(())
    }

    /// Gives the file what it is to get of the chunk; how much of it is out of the pipe now.
    fn write(&mut self, id: SourceId, identity: Identity, chunk: &[u8], force: bool) -> io::Result<usize> {
        let Some(source) = self.sources.get_mut(&id) else { return Ok(0) };
        let Some(sink) = self.sinks.get_mut(&identity) else { return Ok(0) };
        let portion = source.portion(chunk, sink.is_sole(), force, self.now);
        if portion.bytes == 0 {
            return Ok(0);
        }
        let writing = Writing { id, identity, source, now: self.now };
        let taken = writing.store(&chunk[..portion.bytes], sink, &mut self.committer)?;
        if taken > 0 {
            let closed = portion.piece && taken == portion.bytes;
            sink.note_line(id, &Cut::of(&source.partial, &chunk[..taken]), closed);
            source.show(&chunk[..taken], self.now);
            if closed {
                source.close_line();
            }
        }
        Ok(taken)
    }

    /// What becomes of the source after a chunk.
    fn go_on(&mut self, id: SourceId, taken: usize, seen: usize) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        source.note_taken(taken, seen, self.now);
        if let Some(due) = source.sweep_at() {
            self.sweep_at = Some(self.sweep_at.map_or(due, |at| at.min(due)));
        }
        // Of lines that grow on their way only some may have been taken.
        let left = source.dress.is_some() && taken < seen;
        let wants_turn = taken > 0 && (left || source.wants_turn(seen, CHUNK, &self.peek));
        let is_done = source.remaining == Some(0);
        let Some(source) = self.sources.get(&id) else { return };
        match self.stalled(source) {
            Some(identity) => self.pause(identity),
            _ if is_done => self.end(id),
            _ if wants_turn => self.give_turn(id),
            _ => {}
        }
    }

    /// Nobody waits for the end of the source's unfinished line any more.
    pub(super) fn close_line(&mut self, id: SourceId) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        source.close_line();
        for identity in source.files() {
            if let Some(sink) = self.sinks.get_mut(&identity) {
                sink.open_line.take_if(|(owner, _)| *owner == id);
            }
        }
    }

    /// The source has nothing more.
    fn end(&mut self, id: SourceId) {
        self.close_line(id);
        let Some(source) = self.sources.remove(&id) else { return };
        if !source.paused {
            let _ = self.epoll.remove(source.pipe.as_fd());
        }
        for target in source.targets() {
            if let Target::File(identity) = target {
                self.leave(identity);
            }
        }
    }

    /// A source of the sink has gone.
    pub(super) fn leave(&mut self, identity: Identity) {
        if let Some(sink) = self.sinks.get_mut(&identity) {
            sink.sources -= 1;
            if sink.sources == 0 && sink.is_flowing() {
                self.sinks.remove(&identity);
            }
        }
    }

    /// Stops reading for a file that takes nothing.
    pub(super) fn pause(&mut self, identity: Identity) {
        for source in self.sources.values_mut().filter(|source| source.writes(identity)) {
            if !mem::replace(&mut source.paused, true) {
                let _ = self.epoll.remove(source.pipe.as_fd());
            }
        }
        self.plan_retry();
    }

    /// The file takes bytes again, or its output is dropped from now on.
    pub(super) fn resume(&mut self, identity: Identity) {
        let mut ended = Vec::new();
        for (id, source) in &mut self.sources {
            let waits = |file: Identity| self.sinks.get(&file).is_some_and(|sink| sink.is_stalled());
            if !source.writes(identity) || source.files().any(waits) || !mem::replace(&mut source.paused, false) {
                continue;
            }
            watch(&self.epoll, *id, source);
            if source.remaining.is_some() {
                ended.push(*id);
            }
        }
        // These may have nothing left to be woken by.
        for id in ended {
            self.pump(id);
        }
    }
}

/// Has the source's turn come whenever something new is in its pipe.
pub(super) fn watch(epoll: &Epoll, id: SourceId, source: &Source) {
    if let Err(error) = epoll.add_news(source.pipe.as_fd(), id.0) {
        warn!(app = %source.label.name, id = %source.label.id, %error, "output cannot be waited for; it is lost");
    }
}

/// Bytes of a source on their way into a file.
struct Writing<'a> {
    id: SourceId,
    identity: Identity,
    source: &'a Source,
    now: BootMs,
}

impl Writing<'_> {
    /// Writes what waits at the front of the pipe, and takes out of it as much as the file has taken.
    fn store(&self, bytes: &[u8], sink: &mut Sink, committer: &mut Committer) -> io::Result<usize> {
        let pipe = self.source.pipe.as_fd();
        if sink.is_failing() {
            committer.discard(pipe, bytes.len())?;
            sink.note_lost(bytes.len() as u64, self.now);
            return Ok(bytes.len());
        }
        let label = &self.source.label;
        let place = Place {
            process: label.id,
            spawn: label.spawn,
            stream: label.stream,
            file: self.identity,
            length: sink.length(),
            staging: committer.number(),
        };
        committer.record(&place, bytes.len())?;
        let written = sink.append(self.id, bytes, self.now);
        if written == 0 {
            committer.withdraw();
        } else {
            committer.consume(pipe, written)?;
        }
        Ok(written)
    }
}
