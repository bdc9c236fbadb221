//! The log thread: its state and its loop.

use super::handle::{Command, Wanted};
use super::pace::Pace;
use super::sink::{Identity, PATIENCE_MS, Sink};
use super::source::{Source, SourceId};
use super::subscriber::Feed;
use crate::clock;
use crate::domain::{BootMs, SpawnId};
use crate::sys::epoll::{Epoll, Waker};
use crate::sys::thread::block_signals;
use std::collections::HashMap;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::error;

/// The longest chunk. More is hardly faster, and this much stays in the processor's cache between read and write.
const CHUNK: usize = 256 << 10;

/// How many ready pipes one wait gives.
const BATCH: usize = 128;

const WAKER: u64 = 0;

pub(super) struct Copier {
    pub(super) inbox: Receiver<Command>,
    waker: Arc<Waker>,
    pub(super) epoll: Epoll,
    pub(super) sources: HashMap<SourceId, Source>,
    pub(super) last_source: SourceId,
    pub(super) sinks: HashMap<Identity, Sink>,
    pub(super) followers: Vec<(Wanted, Arc<Feed>)>,
    pub(super) finishing: Vec<(SpawnId, oneshot::Sender<()>)>,
    pub(super) buffer: Vec<u8>,
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
    pub(super) fn new(inbox: Receiver<Command>, waker: Arc<Waker>) -> io::Result<Self> {
        let epoll = Epoll::new(BATCH)?;
        epoll.add(waker.as_fd(), WAKER)?;
        Ok(Self {
            inbox,
            waker,
            epoll,
            sources: HashMap::new(),
            last_source: SourceId(WAKER),
            sinks: HashMap::new(),
            followers: Vec::new(),
            finishing: Vec::new(),
            buffer: vec![0; CHUNK],
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
        while !(self.ending && self.is_done()) {
            if let Err(error) = self.epoll.wait(self.timeout(), &mut ready) {
                error!(%error, "the log thread ends: it cannot wait for output any more");
                return;
            }
            self.now = clock::boot_ms();
            for &token in &ready {
                if token == WAKER {
                    self.waker.clear();
                    self.obey();
                } else {
                    self.pump(SourceId(token));
                }
            }
            self.keep_time();
            self.answer_finished();
            if let Some(rest) = self.pace.rest(clock::boot(), !self.followers.is_empty()) {
                self.waker.wait(rest);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.sources.is_empty() && !self.sinks.values().any(Sink::is_stalled)
    }

    fn timeout(&self) -> Option<Duration> {
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
        let mut freed = Vec::new();
        for (identity, sink) in &mut self.sinks {
            let stalled = sink.is_stalled();
            sink.retry(self.now);
            if stalled && !sink.is_stalled() {
                freed.push(*identity);
            }
        }
        self.plan_retry();
        for identity in freed {
            self.resume(identity);
        }
        self.sinks.retain(|_, sink| sink.sources > 0 || !sink.is_flowing());
    }

    pub(super) fn plan_retry(&mut self) {
        self.retry_at = self.sinks.values().filter_map(Sink::retry_at).min();
    }

    /// Shows unfinished lines that have waited long enough.
    fn sweep(&mut self) {
        let mut late = Vec::new();
        self.sweep_at = None;
        for (id, source) in &self.sources {
            let partial = &source.partial;
            if partial.bytes.is_empty() || (source.followers.is_empty() && partial.held().is_empty()) {
                continue;
            }
            let due = partial.since + PATIENCE_MS;
            if due <= self.now {
                late.push(*id);
            } else {
                self.sweep_at = Some(self.sweep_at.map_or(due, |at| at.min(due)));
            }
        }
        for id in late {
            self.emit_partial(id);
        }
    }

    /// Tells who waits for the end of a process's output that all of it is written.
    fn answer_finished(&mut self) {
        for (spawn, reply) in mem::take(&mut self.finishing) {
            if self.sources.values().any(|source| source.label.spawn == spawn) {
                self.finishing.push((spawn, reply));
            } else {
                // Whoever asked may have given up waiting.
                let _ = reply.send(());
            }
        }
    }
}
