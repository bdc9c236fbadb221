//! Its main process runs, ready or not yet.

use super::event::{Effect, Event, Report};
use super::state::{Phase, StopStep, Then};
use super::step::Machine;
use crate::domain::{BootMs, Outcome};

impl Machine<'_> {
    /// It is not ready.
    pub(super) fn launching(&mut self, event: Event) {
        match event {
            // What had to be waited for before is no part of how long it runs, or takes to become ready.
            Event::Prepared(_) => {
                self.state.started_at = self.now;
                self.launch();
            }
            Event::Spawned(_) if !self.policy.waits_for_ready => self.ready(),
            Event::Timer if !self.is_due() => {}
            Event::Timer if self.policy.must_start_up => self.unwell(),
            Event::Timer | Event::Ready(_) => self.ready(),
            _ => self.running(event),
        }
    }

    /// What is so whether it is ready or not.
    pub(super) fn running(&mut self, event: Event) {
        match event {
            Event::Restart => {
                self.fresh();
                self.ask_main(Then::Restart);
            }
            Event::Recycle(_, bytes) => {
                self.state.recycled = bytes;
                self.ask_main(Then::Restart);
            }
            Event::Stop => self.ask_main(Then::Stay),
            Event::Retire if self.policy.drains => {
                self.effects.push(Effect::Drain(self.state.run));
                self.stop_at(StopStep::Drain, Then::Delete);
            }
            Event::Delete | Event::Retire => self.ask_main(Then::Delete),
            Event::NotStarted(_, errno) => self.not_started(errno),
            Event::Unwell(_) => self.unwell(),
            Event::Exited { outcome, leftovers, at, .. } => {
                self.main_exited(outcome, at);
                if leftovers { self.ask_rest(Then::Judge) } else { self.judge() }
            }
            // It does what it is told already; nothing is being stopped, and no time runs.
            _ => {}
        }
    }

    /// Its main process has gone.
    pub(super) fn main_exited(&mut self, outcome: Outcome, at: BootMs) {
        self.state.last_exit = Some(outcome);
        self.state.ended_at = at.clamp(self.state.started_at, self.now.max(self.state.started_at));
        self.effects.push(Effect::Report(Report::Exit));
    }

    fn ready(&mut self) {
        self.state.phase = Phase::Online;
        self.effects.push(Effect::Report(Report::Online));
    }

    fn not_started(&mut self, errno: i32) {
        self.state.last_exit = Some(Outcome::NotStarted(errno));
        self.effects.push(Effect::Report(Report::Exit));
        self.judge_not_started(errno);
    }

    /// It is ended as it would be for a restart; whether it runs again is for the policy to say.
    fn unwell(&mut self) {
        self.effects.push(Effect::Report(Report::Unhealthy));
        self.ask_main(Then::Unwell);
    }
}
