//! A run is over: what is told of it, and what is put away.

use super::exit::ExitFact;
use super::health::Condition;
use super::pid_file;
use super::task::Task;
use super::wires::forget_all_but_output;
use crate::domain::lifecycle::Event;
use crate::sys::fault::{self, Point};

impl Task {
    pub(super) fn exited(&mut self, fact: ExitFact) {
        let Some(run) = self.run.take_if(|run| run.id == fact.run) else { return };
        fault::point(Point::ExitReceived);
        self.context.running.set(self.context.running.get() - 1);
        self.context.kinship.ended(run.pid);
        if let Some(leash) = &self.context.leash {
            leash.ended(run.pid);
        }
        if let Some(link) = run.link {
            link.finish();
        }
        if self.stands_by {
            // What would be started now is another version than the one that was to return.
            self.apply(Event::Delete);
        }
        self.ended(run.pid, fact);
    }

    /// The run's main process has ended; others of it may live.
    pub(super) fn ended(&mut self, pid: i32, fact: ExitFact) {
        let fact = self.with_cause(pid, fact);
        self.desk.update(|seen| {
            seen.pid = None;
            seen.started_at = None;
            seen.listening = false;
            seen.condition = Condition::default();
            seen.last_exit = Some(fact);
        });
        // What it has written is copied to the end, however long that takes; its exit is known at once.
        self.context.unwritten.finish(&self.context, self.identity.id, fact.run);
        pid_file::remove(&self.identity.pid_file(&self.spec), pid);
        self.desk.announced.clear();
        let leftovers = self.may_have_left_something();
        self.apply(Event::Exited { run: fact.run, outcome: fact.outcome, leftovers, at: fact.at });
        fault::point(Point::ExitApplied);
        forget_all_but_output(self.context.keep.as_ref(), self.identity.id, fact.run);
        fault::point(Point::ExitForgotten);
        self.context.acknowledge(fact.run);
        fault::point(Point::ExitAcknowledged);
    }
}
