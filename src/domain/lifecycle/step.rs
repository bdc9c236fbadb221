//! The decisions, by where a process is: what an event means at rest, while it runs, and while it is being stopped.

use super::event::{Effect, Event, Policy, Report};
use super::state::{Cause, Phase, State, StopStep, Then};
use crate::domain::{BootMs, SpawnId};

/// How long to wait for readiness at start when the app doesn't say.
pub const LISTEN_TIMEOUT: u64 = 3_000;
/// What a draining worker has at least: it is asked to close only after a grace of its own.
const SHORTEST_DRAIN: u64 = 1_000;

/// The next state, and what has to be done. `next` is the id of the run, should one begin.
pub fn step(state: State, event: Event, now: BootMs, next: SpawnId, policy: &Policy<'_>) -> (State, Vec<Effect>) {
    let mut machine = Machine { state, effects: Vec::new(), now, next, policy };
    machine.apply(event);
    (machine.state, machine.effects)
}

pub(super) struct Machine<'a> {
    pub(super) state: State,
    pub(super) effects: Vec<Effect>,
    pub(super) now: BootMs,
    pub(super) next: SpawnId,
    pub(super) policy: &'a Policy<'a>,
}

impl Machine<'_> {
    fn apply(&mut self, event: Event) {
        // What an earlier run has to say comes too late to matter.
        if event.run().is_some_and(|run| run != self.state.run) {
            return;
        }
        if let Event::Succeed(bytes) = event {
            self.state.recycled = bytes;
            return;
        }
        match self.state.phase {
            Phase::Stopped | Phase::Errored | Phase::Held => self.at_rest(event),
            Phase::WaitingRestart { .. } => self.waiting(event),
            Phase::Launching { .. } => self.launching(event),
            Phase::Online => self.running(event),
            Phase::Stopping { step, deadline, then } => self.stopping(event, step, deadline, then),
            Phase::Deleted => {}
        }
    }

    /// Whether a `Timer` means anything now.
    pub(super) fn is_due(&self) -> bool {
        self.state.deadline().is_some_and(|deadline| deadline <= self.now)
    }

    pub(super) fn rest(&mut self, phase: Phase, cause: Cause) {
        self.state.phase = phase;
        self.state.cause = cause;
    }

    pub(super) fn spawn(&mut self) {
        self.state.run = self.next;
        self.state.started_at = self.now;
        self.state.cause = Cause::None;
        self.launch();
        self.effects.push(Effect::Spawn(self.next));
    }

    pub(super) fn spawn_again(&mut self, report: Report) {
        self.state.restarts += 1;
        self.effects.push(Effect::Report(report));
        self.spawn();
    }

    /// Its time to become ready begins.
    pub(super) fn launch(&mut self) {
        self.state.phase = Phase::Launching { deadline: self.now.saturating_add(self.policy.listen_timeout) };
    }

    pub(super) fn ask_main(&mut self, then: Then) {
        self.effects.push(Effect::AskMain(self.state.run));
        self.stop_at(StopStep::Main, then);
    }

    /// The time of a step begins.
    pub(super) fn stop_at(&mut self, step: StopStep, then: Then) {
        let time = match step {
            StopStep::Drain => self.policy.drain_timeout.max(SHORTEST_DRAIN),
            StopStep::Main
            | StopStep::MainKilled
            | StopStep::Rest
            | StopStep::RestKilled
            | StopStep::All
            | StopStep::AllKilled => self.policy.stop.kill_timeout,
        };
        self.state.cause = Cause::None;
        self.state.phase = Phase::Stopping { step, deadline: self.now.saturating_add(time), then };
    }

    /// Nothing of it lives.
    pub(super) fn finish(&mut self, then: Then) {
        match then {
            Then::Stay => {
                self.rest(Phase::Stopped, Cause::Command);
                self.effects.push(Effect::Report(Report::Stop));
            }
            Then::Delete => {
                self.rest(Phase::Deleted, Cause::Command);
                self.effects.push(Effect::Report(Report::Delete));
            }
            Then::Restart => self.spawn_again(Report::Restart),
            Then::Judge => self.judge(),
            Then::Unwell => self.judge_unwell(),
        }
    }
}
