//! The handle to the log thread, and what it is asked for.

use super::copier::Copier;
use super::destination::Destination;
use super::staging::Staging;
use super::subscriber::{Feed, Subscription};
use super::tap::Tap;
use crate::domain::{OutputStream, ProcessId, SpawnId};
use crate::slots::LineMark;
use crate::sys::epoll::Waker;
use regex_lite::Regex;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use tokio::sync::oneshot;

/// Whose output it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub id: ProcessId,
    pub spawn: SpawnId,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    pub stream: OutputStream,
}

/// Which labels a follower wants. It runs in the log thread: cheap and without side effects.
pub(super) type Wanted = Arc<dyn Fn(&Label) -> bool + Send + Sync>;

/// Where files ended when a follower was registered.
pub(super) type Starts = HashMap<PathBuf, u64>;

pub(super) enum Command {
    Capture { label: Label, pipe: Arc<OwnedFd>, to: Destination },
    Await { spawn: SpawnId, tap: Tap },
    Finish { spawn: SpawnId, reply: oneshot::Sender<()> },
    Reopen { reply: oneshot::Sender<io::Result<()>> },
    Flush { paths: Vec<PathBuf>, reply: oneshot::Sender<io::Result<()>> },
    Subscribe { wanted: Wanted, feed: Feed, paths: Vec<PathBuf>, reply: oneshot::Sender<Starts> },
}

/// The log thread. It ends when the last handle is gone, after what is in the pipes has been written.
#[derive(Clone)]
pub struct Logs {
    door: Arc<Door>,
}

/// Not bounded: callers send a handful of commands a process, and a bound would make them wait for the disk.
struct Door {
    commands: Option<Sender<Command>>,
    waker: Arc<Waker>,
}

impl Drop for Door {
    fn drop(&mut self) {
        // The thread wakes up to find that nobody can send any more, so the sender has to go first.
        self.commands = None;
        self.waker.wake();
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").finish_non_exhaustive()
    }
}

impl Logs {
    pub fn start(staging: Staging) -> io::Result<Self> {
        let waker = Arc::new(Waker::new()?);
        let (commands, inbox) = mpsc::channel();
        let copier = Copier::new(inbox, Arc::clone(&waker), staging)?;
        thread::Builder::new().name("rpm-logs".into()).spawn(move || copier.run())?;
        Ok(Self { door: Arc::new(Door { commands: Some(commands), waker }) })
    }

    /// Copies the pipe into its file, or files, from now on. They are appended to; they and their directories are made.
    /// Sources whose paths lead to the same file share one writer.
    ///
    /// Without a path the output is read and thrown away, and followers see nothing; with `/dev/null` only the
    /// followers see it. A path that cannot be opened costs the output (until [`Logs::reopen`]), never the app.
    pub fn capture(&self, label: Label, pipe: Arc<OwnedFd>, to: impl Into<Destination>) {
        self.send(Command::Capture { label, pipe, to: to.into() });
    }

    /// Resolves when the run writes a line that the pattern matches, which is noted in `mark` first. To be asked before its
    /// pipes are captured.
    pub fn await_line(&self, spawn: SpawnId, pattern: Regex, mark: LineMark) -> oneshot::Receiver<()> {
        self.ask(|reply| Command::Await { spawn, tap: Tap::new(pattern, mark, reply) })
    }

    /// The process of `spawn` has ended: what is in its pipes now is the rest of its output. They are read to there,
    /// not to their end (a descendant may hold them), and closed. Resolves when all of it is written.
    pub fn finish(&self, spawn: SpawnId) -> oneshot::Receiver<()> {
        self.ask(|reply| Command::Finish { spawn, reply })
    }

    /// Opens files anew that were moved or removed, or could not be opened.
    pub fn reopen(&self) -> oneshot::Receiver<io::Result<()>> {
        self.ask(|reply| Command::Reopen { reply })
    }

    /// Empties the files, whether they are being written or not. A missing file is empty already.
    pub fn flush(&self, paths: Vec<PathBuf>) -> oneshot::Receiver<io::Result<()>> {
        self.ask(|reply| Command::Flush { paths, reply })
    }

    /// Lines as they come, of the sources that are `wanted` (asked once a source, in the log thread).
    pub fn subscribe(&self, wanted: Arc<dyn Fn(&Label) -> bool + Send + Sync>) -> Subscription {
        self.subscribe_at(wanted, Vec::new())
    }

    /// Like `subscribe`; [`Subscription::start_of`] knows these paths too when nobody writes them at the moment.
    pub fn subscribe_at(&self, wanted: Arc<dyn Fn(&Label) -> bool + Send + Sync>, paths: Vec<PathBuf>) -> Subscription {
        let (feed, reader) = Feed::new(Arc::clone(&self.door.waker));
        let starts = self.ask(|reply| Command::Subscribe { wanted, feed, paths, reply });
        Subscription::new(reader, starts)
    }

    fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply));
        answer
    }

    fn send(&self, command: Command) {
        // Without a thread the command is dropped, and its answer with it: the caller sees that.
        if let Some(commands) = &self.door.commands
            && commands.send(command).is_ok()
        {
            self.door.waker.wake();
        }
    }
}

/// How large the pipes of an app should be when `apps` others run: an app that prints much and ends at once loses
/// what does not fit, but the system grants one user 64 MiB of pipes in all.
pub const fn pipe_size(apps: usize) -> usize {
    match apps {
        0..32 => 1 << 20,
        32..120 => 1 << 18,
        _ => 0,
    }
}
