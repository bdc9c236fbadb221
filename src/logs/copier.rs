//! The log thread: its state and its loop.

use super::commit::Committer;
use super::handle::{Command, Wanted};
use super::pace::Pace;
use super::peek::Peek;
use super::sink::{Identity, PATIENCE_MS, Sink};
use super::source::{Source, SourceId};
use super::staging::Staging;
use super::subscriber::Feed;
use super::succession::Successor;
use super::tap::Tap;
use crate::clock;
use crate::domain::{BootMs, SpawnId};
use crate::sys::epoll::{Epoll, Ready, Waker};
use crate::sys::thread::block_signals;
use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::error;

/// The longest chunk. More is hardly faster, and this much stays in the processor's cache between read and write.
pub(super) const CHUNK: usize = 256 << 10;

/// How many ready pipes one wait gives.
const BATCH: usize = 128;

const WAKER: u64 = 0;

pub(super) struct Copier {
    pub(super) inbox: Receiver<Command>,
    waker: Arc<Waker>,
    pub(super) epoll: Epoll,
    /// Boxed, as a tree keeps room for half as many again.
    pub(super) sources: BTreeMap<SourceId, Box<Source>>,
    pub(super) last_source: SourceId,
    pub(super) sinks: BTreeMap<Identity, Box<Sink>>,
    pub(super) followers: Vec<(Wanted, Arc<Feed>)>,
    pub(super) finishing: Vec<(SpawnId, oneshot::Sender<()>)>,
    /// Lines that are waited for in the output of runs.
    pub(super) taps: Vec<(SpawnId, Tap)>,
    /// Runs whose predecessors are not through, in order.
    pub(super) successors: Vec<Successor>,
    pub(super) buffer: Vec<u8>,
    /// What lines have become on their way.
    pub(super) text: Vec<u8>,
    pub(super) peek: Peek,
    pub(super) committer: Committer,
    /// Who has a turn in the next round without an event.
    due: Vec<SourceId>,
    pub(super) pace: Pace,
    pub(super) now: BootMs,
    /// When the next sink that has trouble is tried again.
    pub(super) retry_at: Option<BootMs>,
    /// When unfinished lines are looked at, whether one has waited long enough.
    pub(super) sweep_at: Option<BootMs>,
    /// Nobody has a handle any more.
    pub(super) ending: bool,
}

impl Copier {
    pub(super) fn new(inbox: Receiver<Command>, waker: Arc<Waker>, staging: Staging) -> io::Result<Self> {
        let epoll = Epoll::new(BATCH)?;
        epoll.add(waker.as_fd(), WAKER)?;
        Ok(Self {
            inbox,
            waker,
            epoll,
            sources: BTreeMap::new(),
            last_source: SourceId(WAKER),
            sinks: BTreeMap::new(),
            followers: Vec::new(),
            finishing: Vec::new(),
            taps: Vec::new(),
            successors: Vec::new(),
            buffer: vec![0; CHUNK],
            text: Vec::new(),
            peek: Peek::new()?,
            committer: Committer::new(staging)?,
            due: Vec::new(),
            pace: Pace::default(),
            now: clock::boot_ms(),
            retry_at: None,
            sweep_at: None,
            ending: false,
        })
    }

    pub(super) fn run(mut self) {
        if let Err(error) = block_signals() {
            error!(%error, "signals stay on in the log thread");
        }
        let mut ready = Vec::with_capacity(BATCH);
        while !(self.ending && self.sources.is_empty() && self.successors.is_empty()) {
            if let Err(error) = self.round(self.timeout(), &mut ready) {
                // A daemon dies by that, and its successor goes on.
                panic!("the log thread cannot wait for output any more: {error}");
            }
            if let Some(rest) = self.pace.rest(clock::boot(), !self.followers.is_empty()) {
                self.waker.wait(rest);
            }
        }
    }

    /// Waits for something to happen, and lets everybody it happened to have a turn.
    pub(super) fn round(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        self.epoll.wait(timeout, ready)?;
        self.now = clock::boot_ms();
        for event in ready {
            let id = SourceId(event.token);
            if event.token == WAKER {
                self.waker.clear();
                self.obey();
            } else {
                if let Some(source) = self.sources.get_mut(&id) {
                    source.ended |= event.ended;
                }
                self.give_turn(id);
            }
        }
        for id in mem::take(&mut self.due) {
            if let Some(source) = self.sources.get_mut(&id) {
                source.due = false;
                self.pump(id);
            }
        }
        self.keep_time();
        self.admit_successors();
        self.answer_finished();
        Ok(())
    }

    pub(super) fn give_turn(&mut self, id: SourceId) {
        if let Some(source) = self.sources.get_mut(&id)
            && !mem::replace(&mut source.due, true)
        {
            self.due.push(id);
        }
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        if !self.due.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = [self.retry_at, self.sweep_at].into_iter().flatten().min()?;
        Some(Duration::from_millis(next.saturating_sub(clock::boot_ms())))
    }

    fn keep_time(&mut self) {
        if self.retry_at.is_some_and(|at| at <= self.now) {
            self.retry();
        }
        if self.sweep_at.is_some_and(|at| at <= self.now) {
            self.sweep();
        }
    }

    /// Tries the sinks again that have trouble, and lets their sources go on.
    fn retry(&mut self) {
        let troubled: Vec<Identity> =
            self.sinks.iter().filter(|(_, sink)| sink.retry_at().is_some()).map(|(identity, _)| *identity).collect();
        for identity in troubled {
            let Some(sink) = self.sinks.get_mut(&identity) else { continue };
            sink.retry_marker(self.now);
            if let Some(first) = sink.first_to_retry(self.now) {
                self.retry_source(identity, first);
            }
        }
        self.go_on_all();
        self.plan_retry();
        self.sinks.retain(|_, sink| sink.sources > 0 || !sink.is_flowing());
    }

    /// The bytes that the file did not take are still in their pipe.
    fn retry_source(&mut self, identity: Identity, first: SourceId) {
        // Another file of its own may be waiting for another source: it has its turn after that one.
        let waits = |file: Identity| {
            self.sinks.get(&file).and_then(|sink| sink.stalled_by()).is_some_and(|other| other != first)
        };
        let is_free = |source: &Source| source.writes(identity) && !source.files().any(waits);
        if self.sources.get(&first).is_some_and(|source| is_free(source)) {
            self.turn(first, true);
        }
        if let Some(sink) = self.sinks.get_mut(&identity) {
            if sink.first_to_retry(self.now).is_some() {
                sink.go_on();
            }
            if !sink.is_stalled() {
                self.resume(identity);
            }
        }
    }

    /// A file that was tried again for one source may have taken what another one waits for.
    fn go_on_all(&mut self) {
        let free = |source: &Source| source.paused && self.stalled(source).is_none();
        let files: Vec<Identity> =
            self.sources.values().filter(|source| free(source)).filter_map(|source| source.files().next()).collect();
        for file in files {
            self.resume(file);
        }
    }

    pub(super) fn plan_retry(&mut self) {
        self.retry_at = self.sinks.values().filter_map(|sink| sink.retry_at()).min();
    }

    /// Writes and shows unfinished lines that have waited long enough.
    fn sweep(&mut self) {
        let late = |source: &Source| source.sweep_at().is_some_and(|at| at <= self.now);
        let late: Vec<SourceId> = self.sources.iter().filter(|(_, source)| late(source)).map(|(id, _)| *id).collect();
        for id in late {
            let Some(source) = self.sources.get(&id) else { continue };
            if !source.partial.bytes.is_empty() && source.partial.since + PATIENCE_MS <= self.now {
                self.close_line(id);
            }
            if let Some(held) = self.sources.get(&id).filter(|source| !source.paused).and_then(|source| source.held) {
                self.turn(id, held.is_late(self.now));
            }
        }
        self.sweep_at = self.sources.values().filter_map(|source| source.sweep_at()).min();
    }

    /// Tells who waits for the end of a process's output that all of it is written.
    fn answer_finished(&mut self) {
        for (spawn, reply) in mem::take(&mut self.finishing) {
            if self.is_waiting(spawn) || self.sources.values().any(|source| source.label.spawn == spawn) {
                self.finishing.push((spawn, reply));
            } else {
                // Whoever asked may have given up waiting.
                let _ = reply.send(());
            }
        }
    }
}
