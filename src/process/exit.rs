//! Exits as facts, each with the run it belongs to, and the three ways to learn them.

use crate::domain::{BootMs, Outcome, SpawnId};
use crate::sys::pidfd::{self, Ended, Exit};
use crate::sys::ready;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

/// How long whoever is the parent of a process that we have adopted may take to wait for it.
const REAPED_WITHIN: Duration = Duration::from_secs(1);

/// How a run ended. Whoever applies it does so once for each `run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitFact {
    pub run: SpawnId,
    pub outcome: Outcome,
    /// User and system time, microseconds.
    pub cpu_us: u64,
    /// Largest resident set, bytes.
    pub max_rss: u64,
    pub at: BootMs,
}

impl ExitFact {
    pub(super) fn of(run: SpawnId, exit: &Exit) -> Self {
        let outcome = match exit.ended {
            Ended::Code(code) => Outcome::Code(code),
            Ended::Signal(signal) => Outcome::Signal(signal),
            Ended::Unknown => Outcome::Unknown,
        };
        Self { run, outcome, cpu_us: exit.cpu_us, max_rss: exit.max_rss, at: exit.at }
    }
}

/// Exits that the guardian tells, on their way to who waits for them.
#[derive(Debug, Default)]
pub struct Exits {
    waiting: RefCell<BTreeMap<SpawnId, oneshot::Sender<ExitFact>>>,
}

impl Exits {
    /// From before the run is born.
    pub(super) fn expect(&self, run: SpawnId) -> oneshot::Receiver<ExitFact> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(run, sender);
        receiver
    }

    /// It was not born.
    pub(super) fn expect_no_more(&self, run: SpawnId) {
        self.waiting.borrow_mut().remove(&run);
    }

    /// False when nobody waits for it: a program that could not be executed, or a process that is on no list.
    pub fn deliver(&self, fact: ExitFact) -> bool {
        let sender = self.waiting.borrow_mut().remove(&fact.run);
        sender.is_some_and(|sender| sender.send(fact).is_ok())
    }
}

/// Where the end of one run comes from.
pub(super) struct ExitSource {
    run: SpawnId,
    /// Absent where it has ended already, and its end is on its way.
    pidfd: Option<Arc<OwnedFd>>,
    from: From,
}

enum From {
    /// We look: our own child, for which we wait, or nobody's of ours, of which the kernel may still know.
    Watched(Pin<Box<dyn Future<Output = Exit>>>),
    /// The guardian's: it tells us.
    Guardian(oneshot::Receiver<ExitFact>),
}

impl fmt::Debug for ExitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitSource").field("run", &self.run).field("pidfd", &self.pidfd).finish_non_exhaustive()
    }
}

impl ExitSource {
    /// The process itself, as far as it is there.
    pub(super) fn process(&self) -> Option<Arc<OwnedFd>> {
        self.pidfd.clone()
    }

    pub(super) fn child(run: SpawnId, pidfd: Arc<OwnedFd>) -> io::Result<Self> {
        let end = Box::pin(child(ready::register(Arc::clone(&pidfd))?));
        Ok(Self { run, pidfd: Some(pidfd), from: From::Watched(end) })
    }

    pub(super) fn guardian(run: SpawnId, pidfd: Option<Arc<OwnedFd>>, told: oneshot::Receiver<ExitFact>) -> Self {
        Self { run, pidfd, from: From::Guardian(told) }
    }

    pub(super) fn stranger(run: SpawnId, pidfd: Arc<OwnedFd>) -> io::Result<Self> {
        let end = Box::pin(stranger(ready::register(Arc::clone(&pidfd))?));
        Ok(Self { run, pidfd: Some(pidfd), from: From::Watched(end) })
    }

    /// Signals exactly this process. One that has ended is no error.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        self.pidfd.as_ref().map_or(Ok(()), |pidfd| pidfd::signal(pidfd, signal))
    }

    /// How the process has ended. Not to be asked again once it is known.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<ExitFact> {
        match &mut self.from {
            From::Watched(end) => end.as_mut().poll(context).map(|exit| ExitFact::of(self.run, &exit)),
            From::Guardian(told) => match Pin::new(told).poll(context) {
                Poll::Ready(Ok(fact)) => Poll::Ready(fact),
                Poll::Ready(Err(_)) => {
                    // Without a guardian this program is about to become another one. Nobody asks it twice.
                    self.from = From::Watched(Box::pin(std::future::pending()));
                    Poll::Pending
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

async fn child(fd: AsyncFd<Arc<OwnedFd>>) -> Exit {
    loop {
        let ready = fd.readable().await;
        if let Some(exit) = pidfd::try_reap(fd.get_ref()) {
            return exit;
        }
        if let Ok(mut ready) = ready {
            ready.clear_ready();
        }
    }
}

/// How a process ended that somebody else waits for. Who is not root learns it only when that has happened.
async fn stranger(fd: AsyncFd<Arc<OwnedFd>>) -> Exit {
    loop {
        let ready = fd.readable().await;
        let exit = pidfd::exit_of(fd.get_ref());
        if let Ok(mut ready) = ready {
            ready.clear_ready();
        }
        match exit {
            None => {}
            Some(exit) if exit.ended != Ended::Unknown || pidfd::is_reaped(fd.get_ref()) => return exit,
            Some(exit) => {
                let _ = tokio::time::timeout(REAPED_WITHIN, fd.readable()).await;
                return pidfd::exit_of(fd.get_ref()).unwrap_or(exit);
            }
        }
    }
}
