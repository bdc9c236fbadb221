//! From pipe to file and followers: one source's turn, and its end.

use super::copier::Copier;
use super::sink::{Identity, PATIENCE_MS, Sink};
use super::source::{Cut, Source, SourceId, Target};
use crate::domain::BootMs;
use crate::sys::epoll::Epoll;
use std::io::ErrorKind;
use std::mem;
use std::os::fd::AsFd;
use tracing::warn;

impl Copier {
    /// One source's turn: a chunk at most, so that none keeps the others waiting.
    pub(super) fn pump(&mut self, id: SourceId) {
        if self.sources.get(&id).is_none_or(|source| source.paused) {
            return;
        }
        self.settle_line_before(id);
        let Some(source) = self.sources.get_mut(&id).filter(|source| !source.paused) else { return };
        let mut buffer = mem::take(&mut self.buffer);
        match source.read(&mut buffer) {
            Ok(Some(count)) => {
                self.pace.note(count);
                let last = source.remaining == Some(0);
                self.take(id, &buffer[..count]);
                if last {
                    self.end(id);
                }
            }
            Ok(None) => self.end(id),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                warn!(app = %source.label.name, id = %source.label.id, %error, "output cannot be read; the rest is lost");
                self.end(id);
            }
        }
        self.buffer = buffer;
    }

    /// An unfinished line of another source stands at the end of the file: what completes it goes first.
    fn settle_line_before(&mut self, id: SourceId) {
        let Some(sink) = self.sink_of(id) else { return };
        let Some((other, _)) = sink.open_line.filter(|&(owner, _)| owner != id) else { return };
        self.pump(other);
        if self.sink_of(id).and_then(|sink| sink.open_line).is_some_and(|(owner, _)| owner == other) {
            self.emit_partial(other);
        }
    }

    fn sink_of(&self, id: SourceId) -> Option<&Sink> {
        match self.sources.get(&id)?.target {
            Target::File(identity) => self.sinks.get(&identity),
            Target::Nowhere | Target::Followers | Target::Broken { .. } => None,
        }
    }

    fn take(&mut self, id: SourceId, chunk: &[u8]) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        let cut = Cut::of(&source.partial, chunk);
        let mut through = false;
        let mut stalled = None;
        match &mut source.target {
            Target::Nowhere => return,
            Target::Followers => {}
            Target::Broken { lost } => *lost += chunk.len() as u64,
            Target::File(identity) => {
                if let Some(sink) = self.sinks.get_mut(identity) {
                    through = sink.is_sole() || cut.spills;
                    write(sink, id, source.partial.held(), &cut, through, self.now);
                    stalled = sink.is_stalled().then_some(*identity);
                }
            }
        }
        source.show(&cut);
        source.partial.advance(&cut, through, self.now);
        if !source.partial.bytes.is_empty() && self.sweep_at.is_none() {
            self.sweep_at = needs_sweep(source).then_some(self.now + PATIENCE_MS);
        }
        if let Some(identity) = stalled {
            self.pause(identity);
        }
    }

    /// Writes and shows an unfinished line as it is.
    pub(super) fn emit_partial(&mut self, id: SourceId) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        let mut stalled = None;
        if let Target::File(identity) = source.target
            && let Some(sink) = self.sinks.get_mut(&identity)
        {
            sink.put(source.partial.held(), self.now);
            sink.open_line.take_if(|(owner, _)| *owner == id);
            stalled = sink.is_stalled().then_some(identity);
        }
        source.show_partial();
        source.partial.clear();
        if let Some(identity) = stalled {
            self.pause(identity);
        }
    }

    /// The source has nothing more. While its file takes nothing it stays, until what came last has been written.
    fn end(&mut self, id: SourceId) {
        self.emit_partial(id);
        if self.sink_of(id).is_some_and(Sink::is_stalled) {
            if let Some(source) = self.sources.get_mut(&id) {
                source.remaining = Some(0);
            }
            return;
        }
        let Some(source) = self.sources.remove(&id) else { return };
        if !source.paused {
            let _ = self.epoll.remove(source.pipe.as_fd());
        }
        if let Target::File(identity) = source.target {
            self.leave(identity);
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
        for source in self.sources.values_mut().filter(|source| source.target == Target::File(identity)) {
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
            if source.target != Target::File(identity) || !mem::replace(&mut source.paused, false) {
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

/// Has the source's turn come whenever there is something to read.
pub(super) fn watch(epoll: &Epoll, id: SourceId, source: &Source) {
    if let Err(error) = epoll.add(source.pipe.as_fd(), id.0) {
        warn!(app = %source.label.name, id = %source.label.id, %error, "output cannot be waited for; it is lost");
    }
}

fn needs_sweep(source: &Source) -> bool {
    !source.followers.is_empty() || !source.partial.held().is_empty()
}

/// Writes a chunk: `through`, or its whole lines.
fn write(sink: &mut Sink, id: SourceId, held: &[u8], cut: &Cut<'_>, through: bool, now: BootMs) {
    if !through && cut.lines.is_empty() {
        return;
    }
    sink.put(held, now);
    sink.put(if through { cut.chunk } else { cut.lines }, now);
    let before = match sink.open_line {
        Some((owner, before)) if owner == id && cut.lines.is_empty() => before,
        _ => 0,
    };
    let held = if cut.lines.is_empty() { held.len() } else { 0 };
    let length = before + (held + cut.rest.len()) as u64;
    sink.open_line = (through && !cut.spills && length > 0).then_some((id, length));
}
