//! What happens to a process, what has to be done about it, and what that depends on.

use crate::domain::spec::{RestartPolicy, StopPolicy};
use crate::domain::{BootMs, Outcome, SpawnId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Start,
    /// It is to start, but not before what it depends on: `Start` follows.
    Hold,
    Stop,
    Restart,
    /// The run uses so many bytes, more than it may: another is to take its place.
    Recycle(SpawnId, u64),
    /// It takes the place of a run that has used so many bytes.
    Succeed(u64),
    Delete,
    /// A reload has replaced it: it may finish what it has, then it is forgotten.
    Retire,
    /// All that its start needs is there, and it is executed now: its time begins.
    Prepared(SpawnId),
    /// The program was executed.
    Spawned(SpawnId),
    /// It could not be; the `errno`.
    NotStarted(SpawnId, i32),
    /// As ready as its settings ask.
    Ready(SpawnId),
    /// A probe has found it dead, or it never started up.
    Unwell(SpawnId),
    /// A draining worker has closed everything.
    Drained(SpawnId),
    /// The main process has ended; `leftovers` says whether others of the run may live that are to end too.
    Exited {
        run: SpawnId,
        outcome: Outcome,
        leftovers: bool,
        /// When it did, which may be long before somebody was there to note it.
        at: BootMs,
    },
    /// Nothing of the run lives (any more), its main process apart.
    GroupGone(SpawnId),
    /// The same, and nothing did when it was to be asked.
    Alone(SpawnId),
    /// Whatever of it is to end is to end now.
    Hurry,
    /// Time has passed.
    Timer,
}

impl Event {
    /// The run that it is about, where it is about one.
    pub const fn run(self) -> Option<SpawnId> {
        match self {
            Self::Recycle(run, _)
            | Self::Prepared(run)
            | Self::Spawned(run)
            | Self::NotStarted(run, _)
            | Self::Ready(run)
            | Self::Unwell(run)
            | Self::Drained(run)
            | Self::Exited { run, .. }
            | Self::GroupGone(run)
            | Self::Alone(run) => Some(run),
            Self::Start
            | Self::Hold
            | Self::Stop
            | Self::Restart
            | Self::Succeed(_)
            | Self::Delete
            | Self::Retire
            | Self::Hurry
            | Self::Timer => None,
        }
    }
}

/// What has to be done, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Start it; answered by `Spawned` or `NotStarted`.
    Spawn(SpawnId),
    /// Give a cluster worker no more connections and ask it to finish; answered by `Drained`.
    Drain(SpawnId),
    /// Ask the main process to end: the signal, or the message.
    AskMain(SpawnId),
    KillMain(SpawnId),
    /// Ask what it has started to end, wherever that is; answered by `GroupGone`.
    AskGroup(SpawnId),
    KillGroup(SpawnId),
    /// An automatic restart has taken this place in the machine's budget.
    TakePlace(BootMs),
    /// It doesn't wait for its place any more.
    GiveBackPlace(BootMs),
    Report(Report),
}

/// What is worth telling others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Online,
    Exit,
    /// It was asked for.
    Restart,
    /// It is restarted by itself.
    Again,
    Stop,
    Overlimit,
    Delete,
    /// It can serve, as its settings ask.
    Ready,
    /// It cannot serve, or is not well.
    Unhealthy,
}

/// What the decisions depend on.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    pub restart: &'a RestartPolicy,
    pub stop: &'a StopPolicy,
    /// Ready only when it says so, or Node has come up; else as soon as it is executed.
    pub waits_for_ready: bool,
    pub listen_timeout: u64,
    /// Its startup probe has not succeeded: when that time is over its start has failed.
    pub must_start_up: bool,
    /// A cluster worker: it can be drained.
    pub drains: bool,
    /// For so long.
    pub drain_timeout: u64,
    /// When the machine's budget has a place for one more automatic restart; not after now is at once.
    pub place: BootMs,
}
