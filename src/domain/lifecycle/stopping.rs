//! It is being stopped, step by step: the main process first, what it has started after it.

use super::event::{Effect, Event};
use super::state::{Phase, StopStep, Then};
use super::step::Machine;
use crate::domain::BootMs;

/// What a main process that has had its time has still, once what it may have waited for has ended.
const LAST_CHANCE: u64 = 1_000;

impl Machine<'_> {
    pub(super) fn stopping(&mut self, event: Event, step: StopStep, deadline: BootMs, then: Then) {
        match event {
            Event::Start | Event::Hold | Event::Stop | Event::Restart | Event::Delete | Event::Retire => {
                self.state.phase = Phase::Stopping { step, deadline, then: self.change_of_mind(event, then) };
            }
            Event::Hurry => self.kill(step, then),
            Event::Timer if self.is_due() => self.time_is_up(step, then),
            Event::NotStarted(..) => self.finish(then),
            Event::Drained(_) if step == StopStep::Drain => self.ask_main(then),
            Event::Exited { outcome, leftovers, at, .. } if !self.state.has_lost_main() => {
                self.main_exited(outcome, at);
                if leftovers { self.await_rest(step, deadline, then) } else { self.finish(then) }
            }
            // There is nothing that it could be waiting for.
            Event::Alone(_) if step == StopStep::All => self.kill_main(then),
            Event::GroupGone(_) | Event::Alone(_) => self.group_gone(step, deadline, then),
            // Whatever it becomes now, it ends.
            _ => {}
        }
    }

    /// What follows now that somebody asks for something else. Nothing brings back what is to be deleted.
    fn change_of_mind(&mut self, event: Event, then: Then) -> Then {
        match (event, then) {
            (_, Then::Delete) | (Event::Delete | Event::Retire, _) => Then::Delete,
            (Event::Restart, _) => {
                self.fresh();
                Then::Restart
            }
            (Event::Stop, _) => Then::Stay,
            // It ran when it was asked for, so that it isn't held back either.
            _ => Then::Restart,
        }
    }

    fn time_is_up(&mut self, step: StopStep, then: Then) {
        match step {
            StopStep::Drain => self.ask_main(then),
            StopStep::Main if self.policy.stop.treekill => {
                self.effects.push(Effect::AskGroup(self.state.run));
                self.stop_at(StopStep::All, then);
            }
            StopStep::Main | StopStep::MainKilled => self.kill_main(then),
            StopStep::Rest | StopStep::RestKilled | StopStep::All | StopStep::AllKilled => self.kill(step, then),
        }
    }

    /// The main process has gone, and others of the run have not.
    fn await_rest(&mut self, step: StopStep, deadline: BootMs, then: Then) {
        match step {
            // They have been asked, and their time runs.
            StopStep::All => self.state.phase = Phase::Stopping { step: StopStep::Rest, deadline, then },
            StopStep::AllKilled => self.kill(StopStep::Rest, then),
            StopStep::Drain | StopStep::Main | StopStep::MainKilled | StopStep::Rest | StopStep::RestKilled => {
                self.ask_rest(then);
            }
        }
    }

    pub(super) fn ask_rest(&mut self, then: Then) {
        self.effects.push(Effect::AskGroup(self.state.run));
        self.stop_at(StopStep::Rest, then);
    }

    fn kill_main(&mut self, then: Then) {
        self.effects.push(Effect::KillMain(self.state.run));
        self.stop_at(StopStep::MainKilled, then);
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
        self.stop_at(next, then);
    }

    /// Nothing of the run lives any more, its main process apart.
    fn group_gone(&mut self, step: StopStep, deadline: BootMs, then: Then) {
        match step {
            StopStep::Rest | StopStep::RestKilled => self.finish(then),
            StopStep::All => {
                let deadline = deadline.min(self.now.saturating_add(LAST_CHANCE));
                self.state.phase = Phase::Stopping { step, deadline, then };
            }
            StopStep::Drain | StopStep::Main | StopStep::MainKilled | StopStep::AllKilled => {}
        }
    }
}
