//! Whether a run that ended by SIGKILL was killed by the kernel, for want of memory.

use super::exit::ExitFact;
use super::task::Task;
use crate::clock;
use crate::domain::Outcome;
use crate::domain::lifecycle::{Phase, StopStep};
use crate::sys::time;
use std::time::Duration;

const SIGKILL: i32 = 9;

impl Task {
    /// The same fact, with what the kernel knows of it: the run's control group counts such ends, and the log of the
    /// kernel names who was chosen. Both outlive a daemon.
    pub(super) fn with_cause(&self, pid: i32, fact: ExitFact) -> ExitFact {
        let is_ours =
            matches!(self.state().phase, Phase::Stopping { step: StopStep::MainKilled | StopStep::AllKilled, .. });
        if fact.outcome != Outcome::Signal(SIGKILL) || is_ours {
            return fact;
        }
        let group = self.context.confinement.group(self.identity.id, fact.run);
        let counted = group.and_then(|group| group.oom_kills()).is_some_and(|kills| kills > 0);
        let age = clock::boot_ms().saturating_sub(self.state().started_at);
        let started = Duration::from_millis(time::awake_ms().saturating_sub(age));
        if counted || self.context.confinement.killed.names(pid, started) {
            return ExitFact { outcome: Outcome::OomKilled, ..fact };
        }
        fact
    }
}
