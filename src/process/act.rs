//! What the task does: facts into events, effects into system calls.

use super::command::is_shell;
use super::containment::Containment;
use super::exit::ExitFact;
use super::health::Condition;
use super::launch::{LaunchError, Surroundings, launch, package_version, remove_pid_file};
use super::link::{Membership, Said};
use super::secrets::Values;
use super::task::{Observed, Settled, Task};
use super::wires::forget_all_but_output;
use crate::clock;
use crate::cluster::{Notice, WorkerId};
use crate::domain::lifecycle::{Effect, Event, Phase, Policy, Then, step};
use crate::domain::spec::Mode;
use crate::domain::{BootMs, SpawnId};
use crate::slots::{Record, Table};
use crate::sys::fault::{self, Point};
use crate::sys::group;
use serde_json::Value;
use std::time::Duration;

/// Between the last connection handed to a worker and the request to close: it may not have read it yet.
const DRAIN_GRACE: Duration = Duration::from_millis(200);
const DRAIN_POLL: Duration = Duration::from_millis(10);
const SIGKILL: i32 = 9;

impl Task {
    /// The one way by which anything changes: the lifecycle decides, then its effects are carried out in order.
    pub(super) fn apply(&mut self, event: Event) {
        let before = self.has_run().then_some(self.state.run);
        let (next, now) = (self.context.ids.peek_id(), clock::boot_ms());
        let (state, effects) = step(self.state, event, now, next, &self.policy(now));
        self.state = state;
        for effect in &effects {
            match effect {
                Effect::Spawn(id) => self.begin_run(*id),
                Effect::AskMain(_) | Effect::AskGroup(_) => self.standing.set_asked(false),
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
        // After that: its group may have to tell the next daemon how it ended.
        if let Some(over) = before.filter(|run| !self.has_run() || *run != self.state.run) {
            self.context.confinement.release(self.identity.id, over);
        }
        if matches!(self.state.phase, Phase::Stopping { .. }) {
            self.ask_no_more();
            fault::point(Point::StopRecorded);
        }
        for effect in effects {
            self.carry_out(effect);
        }
        if matches!(self.state.phase, Phase::Stopped | Phase::Errored | Phase::Deleted)
            && let Some(group) = &self.group
        {
            group.release(self.holder);
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
            drains: self.spec.mode == Mode::Cluster,
            place: self.context.budget.borrow().next(now),
        }
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn(id) => self.spawn(id),
            // There is nobody to ask.
            Effect::Drain(_) | Effect::AskMain(_) | Effect::KillMain(_) if self.end_before_birth() => {}
            Effect::Drain(_) => self.drain(),
            Effect::AskMain(_) => {
                self.ask_main();
                self.asked();
            }
            Effect::KillMain(_) => self.signal_main(SIGKILL),
            Effect::AskGroup(_) => {
                let signal = self.spec.stop.kill_signal;
                self.sweep(|containment| containment.ask(signal));
            }
            Effect::KillGroup(_) => self.sweep(Containment::kill),
            Effect::TakePlace(_) | Effect::GiveBackPlace(_) => {}
            Effect::Report(report) => {
                // Nobody listens any more when the supervisor is leaving.
                let _ = self.context.reports.send((self.identity.id, self.holder, report));
            }
        }
    }

    fn asked(&self) {
        fault::point(Point::StopAsked);
        self.standing.set_asked(true);
    }

    /// No other run, of whatever generation, gets the number; and what the last run said is not true of this one.
    fn begin_run(&self, id: SpawnId) {
        self.context.ids.used(id);
        if let Some(slots) = &self.context.slots {
            Table::note_next_run(slots, id.0 + 1);
        }
        self.standing.reset();
    }

    pub(super) fn spawn(&mut self, id: SpawnId) {
        fault::point(Point::SpawnRecorded);
        if let Some(group) = &self.group {
            group.hold(self.holder);
        }
        if self.spec.env.secrets.is_empty() {
            self.execute(id, &Values::new());
        } else {
            self.prepare(id);
        }
    }

    /// All that the run needs is there.
    pub(super) fn execute(&mut self, id: SpawnId, secrets: &Values) {
        let surroundings = Surroundings {
            identity: &self.identity,
            context: &self.context,
            group: self.group.as_ref(),
            worker: WorkerId(worker_number(id.0)),
            holder: self.holder,
            standing: &self.standing,
        };
        match launch(&self.spec, id, secrets, &surroundings) {
            Ok(run) => {
                let version = self.spec.program.is_node().then(|| package_version(&self.spec.program.path)).flatten();
                self.seen.send_modify(|seen| {
                    seen.pid = Some(run.pid);
                    seen.started_at = Some(clock::unix_ms());
                    seen.listening = false;
                    seen.said_ready = false;
                    seen.launch_error = None;
                    seen.version = version;
                    seen.warnings.clone_from(&run.warnings);
                    seen.cgroup.clone_from(&run.cgroup);
                });
                self.contain((run.pid, run.began), run.place);
                for warning in &run.warnings {
                    tracing::warn!("{} ({}): {warning}", self.spec.name, self.identity.id);
                }
                run.introduce();
                self.run = Some(run);
                self.context.running.set(self.context.running.get() + 1);
                self.begin_vitals();
                self.apply(Event::Spawned(id));
                fault::point(Point::SpawnPublished);
            }
            Err(error) => self.not_started(id, error),
        }
    }

    pub(super) fn not_started(&mut self, id: SpawnId, LaunchError { message, errno }: LaunchError) {
        if self.context.guardian.as_ref().is_some_and(|guardian| guardian.is_gone()) {
            // This program is about to become the guardian; the daemon after it starts this very run.
            return;
        }
        tracing::warn!("{} ({}) did not start: {message}", self.spec.name, self.identity.id);
        self.seen.send_modify(|seen| seen.launch_error = Some(message));
        self.apply(Event::NotStarted(id, errno));
    }

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
        self.ended(run.pid, fact);
    }

    /// The run's main process has ended; others of it may live.
    pub(super) fn ended(&mut self, pid: i32, fact: ExitFact) {
        let fact = self.with_cause(pid, fact);
        self.seen.send_modify(|seen| {
            seen.pid = None;
            seen.started_at = None;
            seen.listening = false;
            seen.condition = Condition::default();
            seen.last_exit = Some(fact);
        });
        // What it has written is copied to the end, however long that takes; its exit is known at once.
        self.context.unwritten.finish(&self.context, self.identity.id, fact.run);
        remove_pid_file(&self.identity.pid_file, pid);
        let leftovers = self.may_have_left_something();
        self.apply(Event::Exited { run: fact.run, outcome: fact.outcome, leftovers, at: fact.at });
        fault::point(Point::ExitApplied);
        forget_all_but_output(self.context.keep.as_ref(), self.identity.id, fact.run);
        fault::point(Point::ExitForgotten);
        self.context.acknowledge(fact.run);
        fault::point(Point::ExitAcknowledged);
    }

    pub(super) fn said(&mut self, said: &Said) {
        let Some(run) = &self.run else { return };
        let id = run.id;
        match said {
            Said::Ready => {
                self.seen.send_modify(|seen| seen.said_ready = true);
                self.consider();
            }
            Said::Cluster(Notice::Online) => self.consider(),
            Said::Cluster(Notice::Leaving) => {}
            Said::Cluster(Notice::Listening) => self.seen.send_modify(|seen| seen.listening = true),
            Said::Broken(breach) | Said::Cluster(Notice::Broken(breach)) => {
                let worker = run.link.as_ref().and_then(|link| link.membership()).map(|member| member.worker.0);
                let why = match worker {
                    Some(worker) => format!("cluster worker {worker} was ended: {breach}"),
                    None => format!("its channel was ended: {breach}"),
                };
                tracing::error!("{}: {why}", self.label());
                self.note_unwell(why);
                self.signal_main(SIGKILL);
            }
            Said::Closed => {
                // Said once and for all: a closed channel would say it for ever.
                if let Some(run) = &mut self.run
                    && let Some(link) = run.link.take()
                {
                    link.finish();
                }
                self.apply(Event::Drained(id));
            }
        }
    }

    /// No new connections; when those handed over are taken, it is asked to close.
    pub(super) fn drain(&self) {
        let membership = self.run.as_ref().and_then(|run| run.link.as_ref()).and_then(|link| link.membership());
        let Some(Membership { group, worker }) = membership.cloned() else { return };
        group.retire(worker);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(DRAIN_GRACE).await;
            while !group.has_taken_all(worker) {
                tokio::time::sleep(DRAIN_POLL).await;
            }
            group.disconnect(worker);
        });
    }

    pub(super) fn ask_main(&self) {
        let link = self.run.as_ref().and_then(|run| run.link.as_ref());
        if let Some(Membership { group, worker }) = link.and_then(|link| link.membership()) {
            group.retire(*worker);
        }
        match link {
            Some(link) if self.spec.stop.shutdown_with_message => {
                if !link.send(&Value::from("shutdown")) {
                    self.ask_by_signal();
                }
            }
            _ => self.ask_by_signal(),
        }
    }

    /// A shell would wait for what it runs before it minds a SIGINT of its own.
    fn ask_by_signal(&self) {
        match &self.run {
            Some(run) if is_shell(run.pid).unwrap_or_else(|| self.spec.runs_in_shell()) => {
                group::signal(run.pid, self.spec.stop.kill_signal);
            }
            _ => self.signal_main(self.spec.stop.kill_signal),
        }
    }

    fn signal_main(&self, signal: i32) {
        if let Some(run) = &self.run
            && let Err(error) = run.exits.signal(signal)
        {
            tracing::error!("{} ({}) cannot be signalled: {error}", self.spec.name, self.identity.id);
        }
    }

    pub(super) fn publish(&self) {
        self.seen.send_modify(|seen: &mut Observed| seen.state = self.state);
        self.context.changes.send_replace(());
        if let Some(slot) = &self.slot {
            // What is waited for is told by the process that has started it.
            let left = || self.containment.as_ref().filter(|_| self.state.has_lost_main()).map(Containment::main);
            let run = self.run.as_ref().map(|run| (run.pid, run.began)).or_else(left);
            let started_at = self.seen.borrow().started_at.unwrap_or(0);
            slot.write(&Record { id: self.identity.id, state: self.state, run, started_at });
        }
    }

    /// Answers whoever waits, once nothing is under way.
    pub(super) fn settle(&mut self) {
        let settled = match self.state.phase {
            Phase::Online => Settled::Online,
            Phase::Stopped if self.state.has_ended() => Settled::Ended,
            Phase::Stopped => Settled::Stopped,
            Phase::Errored => Settled::Errored,
            Phase::WaitingRestart { .. } => Settled::WaitingRestart,
            Phase::Deleted => Settled::Deleted,
            Phase::Stopping { then: Then::Unwell, .. } => Settled::Unwell,
            Phase::Held | Phase::Launching { .. } | Phase::Stopping { .. } => return,
        };
        for ticket in self.tickets.drain(..) {
            // Whoever asked may have gone.
            let _ = ticket.send(settled);
        }
    }
}

/// Node reads its worker number as a 32-bit integer and takes 0 for "none".
pub(super) fn worker_number(run: u64) -> u32 {
    (run % u64::from(i32::MAX as u32)) as u32 + 1
}
