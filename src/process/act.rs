//! The one way by which anything about a process changes: the lifecycle decides, and its effects are carried out.

use super::containment::Containment;
use super::task::Task;
use crate::clock;
use crate::domain::BootMs;
use crate::domain::lifecycle::{Effect, Event, Phase, Policy, step};
use crate::sys::fault::{self, Point};

impl Task {
    /// The one way by which anything changes: the lifecycle decides, then its effects are carried out in order.
    pub(super) fn apply(&mut self, event: Event) {
        let before = self.has_run().then_some(self.state().run);
        let (next, now) = (self.context.ids.peek_id(), clock::boot_ms());
        let (state, effects) = step(self.state(), event, now, next, &self.policy(now));
        self.desk.set_state(state);
        for effect in &effects {
            match effect {
                Effect::Spawn(id) => self.begin_run(*id),
                Effect::AskMain(_) | Effect::AskGroup(_) => self.desk.standing.set_asked(false),
                Effect::TakePlace(_) | Effect::GiveBackPlace(_) => self.spend(*effect, now),
                Effect::Drain(_) | Effect::KillMain(_) | Effect::KillGroup(_) | Effect::Report(_) => {}
            }
            if matches!(effect, Effect::Drain(_) | Effect::AskMain(_) | Effect::KillMain(_)) {
                // As long as it is there to tell whose they are.
                self.take_note();
            }
        }
        // Before the effects: whoever is told of one sees the state that it belongs to, and who goes on from it carries
        // them out.
        self.publish();
        self.rotate();
        // After that: its group may have to tell the next daemon how it ended.
        if let Some(over) = before.filter(|run| !self.has_run() || *run != self.state().run) {
            self.context.confinement.release(self.identity.id, over);
        }
        if matches!(self.state().phase, Phase::Stopping { .. }) {
            self.ask_no_more();
            fault::point(Point::StopRecorded);
        }
        for effect in effects {
            self.carry_out(effect);
        }
        if matches!(self.state().phase, Phase::Stopped | Phase::Errored | Phase::Deleted) {
            self.context.sockets.release(self.desk.holder, self.context.keep.as_ref());
            if let Some(group) = &self.group {
                group.release(self.desk.holder);
            }
        }
    }

    /// Written down before the state that it is for: a death in between costs a place, and makes none.
    fn spend(&self, effect: Effect, now: BootMs) {
        let mut budget = self.context.budget.borrow_mut();
        match effect {
            Effect::TakePlace(place) => budget.take(place, now),
            Effect::GiveBackPlace(place) => budget.give_back(place, now),
            _ => return,
        }
        if let Some(slots) = &self.context.slots {
            slots.note_budget(budget.full_at());
        }
    }

    fn policy(&self, now: BootMs) -> Policy<'_> {
        Policy {
            restart: &self.spec.restart,
            stop: &self.spec.stop,
            waits_for_ready: self.waits_for_ready(),
            listen_timeout: self.launch_time(),
            must_start_up: self.must_start_up(),
            drains: self.drains(),
            drain_timeout: self.spec.cluster.drain_timeout,
            place: self.context.budget.borrow().next(now),
        }
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn(id) => self.spawn(id),
            // There is nobody to ask.
            Effect::Drain(_) | Effect::AskMain(_) | Effect::KillMain(_) if self.end_before_birth() => {}
            Effect::Drain(_) => self.drain(),
            Effect::AskMain(_) => self.ask_main(),
            Effect::KillMain(_) => self.kill_main(),
            Effect::AskGroup(_) => {
                let signal = self.spec.stop.kill_signal;
                self.sweep(|containment| containment.ask(signal));
            }
            Effect::KillGroup(_) => self.sweep(Containment::kill),
            Effect::TakePlace(_) | Effect::GiveBackPlace(_) => {}
            Effect::Report(report) => {
                // Nobody listens any more when the supervisor is leaving.
                let _ = self.context.reports.send((self.identity.id, self.desk.holder, report));
            }
        }
    }
}
