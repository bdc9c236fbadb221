//! What is asked of a process, and what becomes of it: the words between a handle and its task.

use super::environment::Identity;
use super::speak::Unheard;
use crate::domain::{AppSpec, SpawnId};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What is asked of a process. Those with a sender are answered when the process has come to rest.
#[derive(Debug)]
pub enum Command {
    Start(oneshot::Sender<Settled>),
    /// To be started when what it depends on is as it should be: `Start` follows.
    Hold(oneshot::Sender<Settled>),
    Stop(oneshot::Sender<Settled>),
    /// Of the run named, if one is: whoever asks again finds it done where another run has taken its place.
    Restart(Option<SpawnId>, oneshot::Sender<Settled>),
    /// The run uses so many bytes, more than it may.
    Recycle(SpawnId, u64, oneshot::Sender<Settled>),
    /// It takes the place of a run that used so many bytes.
    Succeed(u64),
    Delete(oneshot::Sender<Settled>),
    Retire(oneshot::Sender<Settled>),
    /// Its replacement is on trial: it gets no new connections, and may be wanted again. `false`: it is.
    StandBy(bool),
    /// What is being stopped is killed now.
    Hurry,
    Signal(i32, oneshot::Sender<std::io::Result<()>>),
    /// A line for its channel.
    Tell(Vec<u8>, oneshot::Sender<Result<(), Unheard>>),
    /// To be written to.
    Input(oneshot::Sender<Result<OwnedFd, Unheard>>),
    /// New settings, from the next start on.
    Respec(Arc<AppSpec>, Rc<Identity>),
    /// Restart counters to 0.
    Reset,
    /// It goes on from a process that had so many restarts.
    CountFrom(u32),
}

impl Command {
    pub(super) const fn starts(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Hold(_) | Self::Restart(..))
    }
}

/// Where a process came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Online,
    /// A command has stopped it.
    Stopped,
    /// It has ended by itself, and its settings say that this is its end.
    Ended,
    Errored,
    WaitingRestart,
    /// It was found unwell before it was online, and is ended.
    Unwell,
    /// It waits for what it depends on, and nothing will change that soon.
    Held,
    Deleted,
}
