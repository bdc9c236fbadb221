//! Taking over processes that another generation of this program has started.

use super::alive::{began, end_stray, lives};
use super::begin::worker_number;
use super::exit::{ExitFact, ExitSource};
use super::kinship::Place;
use super::launch::{Run, package_version};
use super::link::{Link, Membership};
use super::pid_file;
use super::task::Task;
use super::vitals::await_line;
use super::voice::Voice;
use super::wires::{ERR, IPC, NOTIFY, OUT, PANEL, PID, forget_all_but_output, forget_output, name_of};
use crate::clock;
use crate::cluster::{Seat, WorkerId};
use crate::domain::lifecycle::{Effect, Event, Phase, StopStep};
use crate::domain::spec::Mode;
use crate::domain::{Outcome, SpawnId};
use crate::slots::Record;
use crate::sys::pidfd;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What has become of the run that a process had.
enum Found {
    /// It lives, as the guardian's child: that one tells its end.
    Child(i32),
    /// It lives, and nobody of ours is its parent.
    Stranger(i32, Arc<OwnedFd>),
    /// It has ended.
    Ended(i32, ExitFact),
    /// It was never born.
    Unborn,
}

impl Task {
    /// Goes on where another generation was cut off: with what lives, with what has ended meanwhile, and with what
    /// that generation was about to do.
    pub(super) fn resume(&mut self, previous: &Record) {
        self.desk.set_state(previous.state);
        self.recall_unwell(previous.unwell);
        let run = self.state().run;
        self.context.ids.used(run);
        if self.has_run() || self.state().is_wanted() {
            self.context.sockets.hold(&self.spec, self.desk.holder);
        }
        if let Some(group) = &self.group {
            group.arrange(self.spec.cluster.sched);
        }
        if let Some(group) = self.group.as_ref().filter(|_| self.state().is_wanted()) {
            group.hold(self.desk.holder);
        }
        if self.state().has_lost_main() {
            // What is waited for is the rest.
            self.contain_rest(previous.run.unwrap_or((0, 0)), Place::Anywhere);
            self.publish();
            return self.catch_up();
        }
        if !self.has_run() {
            return self.publish();
        }
        match self.find(previous) {
            Found::Child(pid) => {
                let told = self.context.exits.expect(run);
                let source = match pidfd::open(pid).map(Arc::new) {
                    Ok(pidfd) => {
                        self.context.keep.note(&name_of(PID, self.identity.id, run), &pidfd);
                        Ok(ExitSource::guardian(run, Some(pidfd), told))
                    }
                    // It has ended since the guardian has listed it, which tells how after that.
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
                        Ok(ExitSource::guardian(run, None, told))
                    }
                    Err(error) => Err(error),
                };
                self.go_on(pid, source, previous, true);
            }
            Found::Stranger(pid, pidfd) => {
                self.keep_stranger(&pidfd);
                self.go_on(pid, ExitSource::stranger(run, pidfd), previous, false);
            }
            Found::Ended(pid, fact) => {
                self.read_on(None);
                self.contain_rest((pid, previous.run.map_or(0, |(_, began)| began)), Place::Anywhere);
                self.ended(pid, fact);
            }
            Found::Unborn => self.begin_again(run),
        }
    }

    /// Whether there should be a living process.
    pub(super) fn has_run(&self) -> bool {
        match self.state().phase {
            Phase::Launching { .. } | Phase::Online | Phase::Stopping { .. } => true,
            Phase::Stopped | Phase::Errored | Phase::Held | Phase::WaitingRestart { .. } | Phase::Deleted => false,
        }
    }

    fn find(&self, previous: &Record) -> Found {
        let run = self.state().run;
        let mut inherited = self.context.inherited.borrow_mut();
        let known = previous.run;
        if let Some((pid, fact)) = inherited.exits.remove(&run) {
            // Killed before it could record the number: whoever waited for it knows.
            return Found::Ended(known.map_or(pid, |(pid, _)| pid), fact);
        }
        if let Some(pid) = inherited.children.remove(&run) {
            return Found::Child(pid);
        }
        let Some((pid, began)) = known else { return Found::Unborn };
        let kept = inherited.kept.take(&name_of(PID, self.identity.id, run)).map(|kept| kept.fd);
        if lives(pid, began)
            && let Some(pidfd) = kept.clone().or_else(|| pidfd::open(pid).ok().map(Arc::new))
        {
            return Found::Stranger(pid, pidfd);
        }
        // The kernel may know how it ended, if somebody has held on to it.
        let exit = kept.and_then(|pidfd| pidfd::exit_of(&pidfd));
        let unknown = ExitFact { run, outcome: Outcome::Unknown, cpu_us: 0, max_rss: 0, at: clock::boot_ms() };
        Found::Ended(pid, exit.map_or(unknown, |exit| ExitFact::of(run, &exit)))
    }

    fn keep_stranger(&self, pidfd: &Arc<OwnedFd>) {
        let name = name_of(PID, self.identity.id, self.state().run);
        if let Err(error) = self.context.keep.put(&name, b"", pidfd).and_then(|()| self.context.keep.settle()) {
            tracing::warn!("how {} ({}) ends may stay unknown: {error}", self.spec.name, self.identity.id);
        }
    }

    /// It lives: it is watched, and its output and channel are read on.
    fn go_on(&mut self, pid: i32, exits: io::Result<ExitSource>, previous: &Record, guardians_child: bool) {
        let run = self.state().run;
        let exits = match exits {
            Ok(exits) => exits,
            Err(error) => {
                tracing::error!("process {pid} of {} cannot be taken over, and is ended: {error}", self.spec.name);
                end_stray(&self.context, run, pid);
                let outcome = Outcome::Unknown;
                self.contain_rest((pid, began(pid).unwrap_or(0)), Place::Anywhere);
                self.read_on(None);
                return self.ended(pid, ExitFact { run, outcome, cpu_us: 0, max_rss: 0, at: clock::boot_ms() });
            }
        };
        let line = await_line(&self.spec, run, &self.context, &self.desk.standing).unwrap_or_else(|why| {
            tracing::warn!("{} ({}): {why}", self.spec.name, self.identity.id);
            None
        });
        self.read_on(Some(pid));
        let link = self.relink();
        let vitals = self.adopted_vitals(pid, line, link.as_ref()).boxed();
        let began = previous.run.map_or_else(|| began(pid).unwrap_or(0), |(_, began)| began);
        let place = self.context.kinship.place(guardians_child);
        self.contain((pid, began), place);
        let (cgroup, warnings) = self.context.confinement.find(&self.spec.limits, self.identity.id, run);
        let run = Run { id: run, pid, began, place, exits, link: link.map(Box::new), vitals };
        run.introduce();
        self.run = Some(run);
        self.context.running.set(self.context.running.get() + 1);
        let version = self.spec.program.is_node().then(|| package_version(&self.spec.program.path)).flatten();
        self.desk.update(|seen| {
            seen.pid = Some(pid);
            seen.started_at = Some(if previous.run.is_some() { previous.started_at } else { clock::unix_ms() });
            seen.listening = self.desk.standing.is_listening();
            seen.said_ready = self.desk.standing.is_ready();
            seen.version = version;
            seen.warnings = warnings;
            seen.cgroup = cgroup;
        });
        self.begin_vitals();
        self.publish();
        pid_file::write(&self.identity.pid_file(&self.spec), pid);
        self.catch_up();
        // What it has shown may not have been acted on.
        self.consider();
    }

    fn relink(&self) -> Option<Link> {
        let run = self.state().run;
        self.recall_announcements();
        let kept = self.context.inherited.borrow_mut().kept.take(&name_of(IPC, self.identity.id, run))?;
        let group = self.group.as_ref().filter(|_| self.spec.mode == Mode::Cluster);
        let worker = WorkerId(worker_number(run.0));
        let seat = Seat(self.identity.instance);
        let membership = group.map(|group| Membership { group: group.clone(), worker, seat });
        let voice = self.voice();
        let link = Link::adopt(kept.fd, membership, self.desk.holder, self.desk.standing.clone(), voice);
        link.inspect_err(|error| {
            tracing::error!("the channel to {} ({}) is lost: {error}", self.spec.name, self.identity.id);
            self.context.keep.forget(&kept.name);
        })
        .ok()
    }

    fn recall_announcements(&self) {
        let name = name_of(PANEL, self.identity.id, self.state().run);
        let Some(kept) = self.context.inherited.borrow_mut().kept.take(&name) else { return };
        if let Err(error) = self.desk.announced.adopt(self.state().run, &kept.fd) {
            tracing::warn!("what {} ({}) has announced is lost: {error}", self.spec.name, self.identity.id);
            self.context.keep.forget(&name);
        }
    }

    fn voice(&self) -> Voice {
        Voice::of(&self.spec, self.identity.id, self.state().run, &self.desk.announced, &self.context)
    }

    /// The generation before has recorded that it starts this run, and came no further: the number stays, so that
    /// nothing is counted twice.
    fn begin_again(&mut self, run: SpawnId) {
        self.forget_what_was_made_for(run);
        match self.state().phase {
            Phase::Launching { .. } => {
                self.desk.standing.reset();
                self.publish();
                self.spawn(run);
            }
            _ => self.apply(Event::Exited { run, outcome: Outcome::Unknown, leftovers: false, at: clock::boot_ms() }),
        }
    }

    /// Pipes that nobody has written to. Who reads on what nobody has taken would end the new ones of that name.
    fn forget_what_was_made_for(&self, run: SpawnId) {
        let (id, keep) = (self.identity.id, self.context.keep.as_ref());
        let mut inherited = self.context.inherited.borrow_mut();
        for what in [OUT, ERR, IPC, NOTIFY, PANEL, PID] {
            inherited.kept.take(&name_of(what, id, run));
        }
        forget_all_but_output(keep, id, run);
        forget_output(keep, id, run);
    }

    /// Carries out what was recorded, and perhaps not done.
    fn catch_up(&mut self) {
        let Phase::Stopping { step, .. } = self.state().phase else {
            // It was executed, which may not have been recorded. What it has said since, its link says again.
            return self.apply(Event::Spawned(self.state().run));
        };
        let run = self.state().run;
        let asked = self.desk.standing.is_asked();
        let effect = match step {
            StopStep::Drain => Some(Effect::Drain(run)),
            StopStep::Main => (!asked).then_some(Effect::AskMain(run)),
            StopStep::MainKilled => Some(Effect::KillMain(run)),
            // Those that were asked are not asked again; what has been started since is.
            StopStep::Rest | StopStep::All => Some(Effect::AskGroup(run)),
            StopStep::RestKilled => Some(Effect::KillGroup(run)),
            StopStep::AllKilled => {
                self.carry_out(Effect::KillMain(run));
                Some(Effect::KillGroup(run))
            }
        };
        if let Some(effect) = effect {
            self.carry_out(effect);
        }
    }
}
