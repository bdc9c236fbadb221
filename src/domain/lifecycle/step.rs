//! The decisions: every phase, every event.

use super::event::{Effect, Event, Policy, Report};
use super::state::{Cause, Phase, State, StopStep, Then};
use crate::domain::{BootMs, Outcome, SpawnId};

/// How long to wait for readiness at start when the app doesn't say.
pub const LISTEN_TIMEOUT: u64 = 3_000;
/// What a draining worker has at least: it is asked to close only after a grace of its own.
const SHORTEST_DRAIN: u64 = 1_000;
/// What a main process that has had its time has still, once what it may have waited for has ended.
const LAST_CHANCE: u64 = 1_000;

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
        match event {
            Event::Start => self.start(),
            Event::Hold => self.hold(),
            Event::Stop => self.stop(Then::Stay),
            Event::Delete => self.stop(Then::Delete),
            Event::Restart => self.restart(),
            Event::Recycle(run, bytes) if run == self.state.run => self.recycle(bytes),
            Event::Succeed(bytes) => self.state.recycled = bytes,
            Event::Retire => self.retire(),
            Event::Hurry => self.hurry(),
            Event::Timer => self.timer(),
            Event::Prepared(run) if run == self.state.run => self.prepared(),
            Event::Spawned(run) if run == self.state.run => self.spawned(),
            Event::NotStarted(run, errno) if run == self.state.run => self.not_started(errno),
            Event::Ready(run) if run == self.state.run => self.ready(),
            Event::Unwell(run) if run == self.state.run => self.unwell(),
            Event::Drained(run) if run == self.state.run => self.drained(),
            Event::Exited { run, outcome, leftovers, at } if run == self.state.run => {
                self.exited(outcome, leftovers, at);
            }
            Event::GroupGone(run) if run == self.state.run => self.group_gone(false),
            Event::Alone(run) if run == self.state.run => self.group_gone(true),
            // Of an earlier run: too late to matter.
            Event::Prepared(_)
            | Event::Recycle(..)
            | Event::Spawned(_)
            | Event::NotStarted(..)
            | Event::Ready(_)
            | Event::Unwell(_)
            | Event::Drained(_)
            | Event::Exited { .. }
            | Event::GroupGone(_)
            | Event::Alone(_) => {}
        }
    }

    fn start(&mut self) {
        match self.state.phase {
            Phase::Stopped | Phase::Errored | Phase::Held => {
                self.fresh();
                self.spawn();
            }
            Phase::WaitingRestart { .. } => {
                self.leave_queue();
                self.fresh();
                self.spawn_again();
            }
            Phase::Stopping { step, deadline, then: Then::Stay | Then::Judge | Then::Unwell } => {
                self.state.phase = Phase::Stopping { step, deadline, then: Then::Restart };
            }
            Phase::Stopping { then: Then::Restart | Then::Delete, .. }
            | Phase::Launching { .. }
            | Phase::Online
            | Phase::Deleted => {}
        }
    }

    /// Nothing runs, and nothing will before it is told to start.
    fn hold(&mut self) {
        match self.state.phase {
            Phase::Stopped | Phase::Errored => {
                self.fresh();
                self.rest(Phase::Held, Cause::None);
            }
            Phase::WaitingRestart { .. } => {
                self.leave_queue();
                self.fresh();
                self.rest(Phase::Held, Cause::None);
            }
            // It ran when it was asked for.
            Phase::Stopping { .. } => self.start(),
            Phase::Held | Phase::Launching { .. } | Phase::Online | Phase::Deleted => {}
        }
    }

    fn restart(&mut self) {
        match self.state.phase {
            Phase::Stopped | Phase::Errored | Phase::Held => {
                self.fresh();
                self.spawn();
            }
            Phase::WaitingRestart { .. } => {
                self.leave_queue();
                self.fresh();
                self.spawn_again();
            }
            Phase::Launching { .. } | Phase::Online => {
                self.fresh();
                self.ask_main(Then::Restart);
            }
            Phase::Stopping { step, deadline, then: Then::Stay | Then::Restart | Then::Judge | Then::Unwell } => {
                self.fresh();
                self.state.phase = Phase::Stopping { step, deadline, then: Then::Restart };
            }
            Phase::Stopping { then: Then::Delete, .. } | Phase::Deleted => {}
        }
    }

    fn recycle(&mut self, bytes: u64) {
        match self.state.phase {
            Phase::Launching { .. } | Phase::Online => {
                self.state.recycled = bytes;
                self.ask_main(Then::Restart);
            }
            Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Stopping { .. }
            | Phase::Deleted => {}
        }
    }

    fn stop(&mut self, then: Then) {
        match self.state.phase {
            Phase::Stopped | Phase::Errored | Phase::Held => self.finish(then),
            Phase::WaitingRestart { .. } => {
                self.leave_queue();
                self.finish(then);
            }
            Phase::Launching { .. } | Phase::Online => self.ask_main(then),
            Phase::Stopping { step, deadline, then: Then::Stay | Then::Restart | Then::Judge | Then::Unwell } => {
                self.state.phase = Phase::Stopping { step, deadline, then };
            }
            Phase::Stopping { then: Then::Delete, .. } | Phase::Deleted => {}
        }
    }

    fn retire(&mut self) {
        match self.state.phase {
            Phase::Launching { .. } | Phase::Online if self.policy.drains => {
                self.effects.push(Effect::Drain(self.state.run));
                self.stopping(StopStep::Drain, Then::Delete);
            }
            Phase::Launching { .. }
            | Phase::Online
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Stopping { .. }
            | Phase::Deleted => self.stop(Then::Delete),
        }
    }

    fn timer(&mut self) {
        if self.state.deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        let run = self.state.run;
        match self.state.phase {
            Phase::WaitingRestart { .. } => self.waited(),
            Phase::Launching { .. } if self.policy.must_start_up => self.unwell(),
            Phase::Launching { .. } => self.ready(),
            Phase::Stopping { step, then, .. } => match step {
                StopStep::Drain => self.ask_main(then),
                StopStep::Main if self.policy.stop.treekill => {
                    self.effects.push(Effect::AskGroup(run));
                    self.stopping(StopStep::All, then);
                }
                StopStep::Main | StopStep::MainKilled => self.kill_main(then),
                StopStep::Rest | StopStep::RestKilled | StopStep::All | StopStep::AllKilled => self.kill(step, then),
            },
            Phase::Stopped | Phase::Errored | Phase::Held | Phase::Online | Phase::Deleted => {}
        }
    }

    /// What had to be waited for before is no part of how long it runs, or takes to become ready.
    fn prepared(&mut self) {
        match self.state.phase {
            Phase::Launching { .. } => {
                self.state.started_at = self.now;
                self.state.phase = Phase::Launching { deadline: self.now.saturating_add(self.policy.listen_timeout) };
            }
            Phase::Online
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => {}
        }
    }

    fn spawned(&mut self) {
        match self.state.phase {
            Phase::Launching { .. } if !self.policy.waits_for_ready => self.ready(),
            Phase::Launching { .. }
            | Phase::Online
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => {}
        }
    }

    fn not_started(&mut self, errno: i32) {
        match self.state.phase {
            Phase::Launching { .. } | Phase::Online => {
                self.state.last_exit = Some(Outcome::NotStarted(errno));
                self.effects.push(Effect::Report(Report::Exit));
                self.judge_not_started(errno);
            }
            Phase::Stopping { then, .. } => self.finish(then),
            Phase::Stopped | Phase::Errored | Phase::Held | Phase::WaitingRestart { .. } | Phase::Deleted => {}
        }
    }

    fn ready(&mut self) {
        match self.state.phase {
            Phase::Launching { .. } => {
                self.state.phase = Phase::Online;
                self.effects.push(Effect::Report(Report::Online));
            }
            Phase::Online
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => {}
        }
    }

    /// It is ended as it would be for a restart; whether it runs again is for the policy to say.
    fn unwell(&mut self) {
        match self.state.phase {
            Phase::Launching { .. } | Phase::Online => {
                self.effects.push(Effect::Report(Report::Unhealthy));
                self.ask_main(Then::Unwell);
            }
            Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => {}
        }
    }

    fn drained(&mut self) {
        match self.state.phase {
            Phase::Stopping { step: StopStep::Drain, then, .. } => self.ask_main(then),
            Phase::Stopping {
                step:
                    StopStep::Main
                    | StopStep::MainKilled
                    | StopStep::Rest
                    | StopStep::RestKilled
                    | StopStep::All
                    | StopStep::AllKilled,
                ..
            }
            | Phase::Launching { .. }
            | Phase::Online
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => {}
        }
    }

    fn exited(&mut self, outcome: Outcome, leftovers: bool, at: BootMs) {
        let then = match self.state.phase {
            Phase::Launching { .. } | Phase::Online => Then::Judge,
            Phase::Stopping {
                step: StopStep::Drain | StopStep::Main | StopStep::MainKilled | StopStep::All | StopStep::AllKilled,
                then,
                ..
            } => then,
            Phase::Stopping { step: StopStep::Rest | StopStep::RestKilled, .. }
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => return,
        };
        self.state.last_exit = Some(outcome);
        self.state.ended_at = at.clamp(self.state.started_at, self.now.max(self.state.started_at));
        self.effects.push(Effect::Report(Report::Exit));
        if leftovers {
            self.await_rest(then);
        } else {
            self.finish(then);
        }
    }

    /// The main process has gone, and others of the run have not.
    fn await_rest(&mut self, then: Then) {
        match self.state.phase {
            // They have been asked, and their time runs.
            Phase::Stopping { step: StopStep::All, deadline, .. } => {
                self.state.phase = Phase::Stopping { step: StopStep::Rest, deadline, then };
            }
            Phase::Stopping { step: StopStep::AllKilled, .. } => self.kill(StopStep::Rest, then),
            _ => {
                self.effects.push(Effect::AskGroup(self.state.run));
                self.stopping(StopStep::Rest, then);
            }
        }
    }

    fn hurry(&mut self) {
        match self.state.phase {
            Phase::Stopping { step, then, .. } => self.kill(step, then),
            Phase::Launching { .. }
            | Phase::Online
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => {}
        }
    }

    fn kill_main(&mut self, then: Then) {
        self.effects.push(Effect::KillMain(self.state.run));
        self.stopping(StopStep::MainKilled, then);
    }

    /// All that is there: at a `step` whose main process has gone, the rest.
    fn kill(&mut self, step: StopStep, then: Then) {
        let next = match step {
            StopStep::Rest | StopStep::RestKilled => StopStep::RestKilled,
            StopStep::Drain | StopStep::Main | StopStep::MainKilled | StopStep::All | StopStep::AllKilled => {
                self.effects.push(Effect::KillMain(self.state.run));
                StopStep::AllKilled
            }
        };
        self.effects.push(Effect::KillGroup(self.state.run));
        self.stopping(next, then);
    }

    fn group_gone(&mut self, was_alone: bool) {
        match self.state.phase {
            Phase::Stopping { step: StopStep::Rest | StopStep::RestKilled, then, .. } => self.finish(then),
            // There is nothing that it could be waiting for.
            Phase::Stopping { step: StopStep::All, then, .. } if was_alone => self.kill_main(then),
            Phase::Stopping { step: StopStep::All, deadline, then } => {
                let deadline = deadline.min(self.now.saturating_add(LAST_CHANCE));
                self.state.phase = Phase::Stopping { step: StopStep::All, deadline, then };
            }
            Phase::Stopping {
                step: StopStep::Drain | StopStep::Main | StopStep::MainKilled | StopStep::AllKilled,
                ..
            }
            | Phase::Launching { .. }
            | Phase::Online
            | Phase::Stopped
            | Phase::Errored
            | Phase::Held
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => {}
        }
    }

    /// Nothing of it lives.
    fn finish(&mut self, then: Then) {
        match then {
            Then::Stay => {
                self.rest(Phase::Stopped, Cause::Command);
                self.effects.push(Effect::Report(Report::Stop));
            }
            Then::Delete => {
                self.rest(Phase::Deleted, Cause::Command);
                self.effects.push(Effect::Report(Report::Delete));
            }
            Then::Restart => self.spawn_again(),
            Then::Judge => self.judge(),
            Then::Unwell => self.judge_unwell(),
        }
    }

    pub(super) fn spawn_again(&mut self) {
        self.state.restarts += 1;
        self.effects.push(Effect::Report(Report::Restart));
        self.spawn();
    }

    fn spawn(&mut self) {
        self.state.run = self.next;
        self.state.started_at = self.now;
        self.state.cause = Cause::None;
        self.state.phase = Phase::Launching { deadline: self.now.saturating_add(self.policy.listen_timeout) };
        self.effects.push(Effect::Spawn(self.next));
    }

    fn ask_main(&mut self, then: Then) {
        self.effects.push(Effect::AskMain(self.state.run));
        self.stopping(StopStep::Main, then);
    }

    fn stopping(&mut self, step: StopStep, then: Then) {
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
}
