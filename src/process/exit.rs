//! Exits as facts, each with the run it belongs to.

use crate::domain::{BootMs, Outcome, SpawnId};
use crate::sys::pidfd::{self, Ended};
use crate::sys::ready;
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;

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

/// Where exits come from: the kernel, through the process's own descriptor.
#[derive(Debug)]
pub(super) struct ExitSource {
    run: SpawnId,
    pidfd: AsyncFd<OwnedFd>,
}

impl ExitSource {
    pub(super) fn new(run: SpawnId, pidfd: OwnedFd) -> io::Result<Self> {
        Ok(Self { run, pidfd: ready::register(pidfd)? })
    }

    pub(super) fn pidfd(&self) -> &OwnedFd {
        self.pidfd.get_ref()
    }

    /// Waits until the process has ended; nothing of it is left in the process table then.
    pub(super) async fn wait(&self) -> ExitFact {
        loop {
            let ready = self.pidfd.readable().await;
            if let Some(exit) = pidfd::try_reap(self.pidfd.get_ref()) {
                let outcome = match exit.ended {
                    Ended::Code(code) => Outcome::Code(code),
                    Ended::Signal(signal) => Outcome::Signal(signal),
                    Ended::Unknown => Outcome::Unknown,
                };
                return ExitFact { run: self.run, outcome, cpu_us: exit.cpu_us, max_rss: exit.max_rss, at: exit.at };
            }
            if let Ok(mut ready) = ready {
                ready.clear_ready();
            }
        }
    }
}
