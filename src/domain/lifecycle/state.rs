//! Where a process is: small, plain, with absolute times.

use crate::domain::{BootMs, Outcome, SpawnId, Status};

/// Where a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub phase: Phase,
    /// The current run, or the last one.
    pub run: SpawnId,
    pub created_at: BootMs,
    pub started_at: BootMs,
    /// When the last run's main process ended.
    pub ended_at: BootMs,
    pub restarts: u32,
    /// Unstable exits in a row.
    pub unstable: u32,
    /// The current delay of the exponential back-off.
    pub backoff: u64,
    /// When the restart window that is counted in began, and the exits in it.
    pub window_start: BootMs,
    pub window_exits: u32,
    pub last_exit: Option<Outcome>,
    /// What the run before this one used when it was replaced for its memory; 0 when it was not.
    pub recycled: u64,
    /// Why it is in its phase.
    pub cause: Cause,
}

/// Why a process is in its phase, where the phase alone doesn't say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// There is nothing to tell.
    #[default]
    None,
    /// Somebody asked for it.
    Command,
    /// It ended, and is never restarted automatically.
    NoAutorestart,
    /// It ended with one of the codes that mean "done".
    FinalCode,
    /// It ended with code 0, and is restarted only when it fails.
    Succeeded,
    /// So many short runs in a row.
    Unstable(u32),
    /// So many exits in its restart window.
    Window(u32),
    /// It could not be executed.
    NotStarted,
    /// `restart_delay`, in milliseconds.
    Delay(u64),
    /// A delay of the exponential back-off, in milliseconds.
    Backoff(u64),
    /// The system had no room for a process, or a secret of it could not be read.
    NoRoom,
    /// The machine's budget of restarts: its place there.
    Budget(BootMs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Stopped,
    Errored,
    /// To be started, once what it depends on is as it should be.
    Held,
    WaitingRestart {
        until: BootMs,
    },
    /// Started, not ready. At the deadline it counts as online all the same, unless it has to start up.
    Launching {
        deadline: BootMs,
    },
    Online,
    Stopping {
        step: StopStep,
        deadline: BootMs,
        then: Then,
    },
    /// Forgotten: nothing follows.
    Deleted,
}

/// How far a stop is. Each step has its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopStep {
    /// A cluster worker finishes what it has.
    Drain,
    /// The main process was asked to end.
    Main,
    /// It didn't, with nothing else there, and was killed.
    MainKilled,
    /// It is gone; what it left behind was asked to end.
    Rest,
    /// That didn't, and was killed.
    RestKilled,
    /// The main process has had its time; what it has started was asked to end too.
    All,
    /// Something of it didn't, and everything was killed.
    AllKilled,
}

/// What follows when nothing lives any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Stay,
    Restart,
    Delete,
    /// It ended by itself: the restart policy says.
    Judge,
    /// It was ended because it was not well: the restart policy says, whatever its exit code.
    Unwell,
}

impl State {
    pub const fn new(now: BootMs) -> Self {
        Self {
            phase: Phase::Stopped,
            run: SpawnId(0),
            created_at: now,
            started_at: 0,
            ended_at: 0,
            restarts: 0,
            unstable: 0,
            backoff: 0,
            window_start: 0,
            window_exits: 0,
            last_exit: None,
            recycled: 0,
            cause: Cause::None,
        }
    }

    pub const fn status(&self) -> Status {
        match self.phase {
            Phase::Stopped | Phase::Deleted => Status::Stopped,
            Phase::Errored => Status::Errored,
            Phase::WaitingRestart { .. } => Status::WaitingRestart,
            Phase::Held | Phase::Launching { .. } => Status::Launching,
            Phase::Online => Status::Online,
            Phase::Stopping { .. } => Status::Stopping,
        }
    }

    /// Whether it is stopped because a run of it was its end.
    pub const fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
            && matches!(self.cause, Cause::NoAutorestart | Cause::FinalCode | Cause::Succeeded)
    }

    /// When a `Timer` is due.
    pub const fn deadline(&self) -> Option<BootMs> {
        match self.phase {
            Phase::WaitingRestart { until } => Some(until),
            Phase::Launching { deadline } | Phase::Stopping { deadline, .. } => Some(deadline),
            Phase::Stopped | Phase::Errored | Phase::Held | Phase::Online | Phase::Deleted => None,
        }
    }

    /// Whether its main process is gone already, and the rest is waited for.
    pub const fn has_lost_main(&self) -> bool {
        matches!(self.phase, Phase::Stopping { step: StopStep::Rest | StopStep::RestKilled, .. })
    }

    /// Whether it runs, or will without anybody asking for it.
    pub const fn is_wanted(&self) -> bool {
        match self.phase {
            Phase::Held | Phase::WaitingRestart { .. } | Phase::Launching { .. } | Phase::Online => true,
            Phase::Stopping { then, .. } => matches!(then, Then::Restart | Then::Judge | Then::Unwell),
            Phase::Stopped | Phase::Errored | Phase::Deleted => false,
        }
    }
}
