//! The health window of a reload: the new runs serve, the old ones stand by, and come back should one of the new ones
//! not stay well. A daemon that dies in between leaves it to the next.

use super::reason::describe_exit;
use super::registry::{Entry, identity};
use super::resume::Share;
use super::rollout::Told;
use super::world::World;
use crate::api::{ApiError, Code};
use crate::domain::lifecycle::{Phase, Then};
use crate::domain::{AppSpec, BootMs, ProcessId, SpawnId};
use crate::process::{self, Command, Identity, Observed};
use crate::store::SavedStandby;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The run that was there before, and what it was started with.
#[derive(Debug, Clone)]
pub(super) struct Standby {
    pub(super) run: SpawnId,
    /// The one that has taken its place.
    pub(super) by: SpawnId,
    pub(super) spec: Arc<AppSpec>,
    /// When the window is over; `None` while others of the app are still being replaced.
    pub(super) until: Option<BootMs>,
}

impl Standby {
    pub(super) fn save(&self) -> SavedStandby {
        SavedStandby { run: self.run, by: self.by, spec: Arc::clone(&self.spec), until: self.until }
    }

    pub(super) fn restore(saved: &SavedStandby) -> Self {
        Self { run: saved.run, by: saved.by, spec: Arc::clone(&saved.spec), until: saved.until }
    }
}

/// How a run on trial is.
enum Trial {
    Well,
    Unwell(String),
    /// Somebody has asked for something else.
    Overtaken,
}

impl World {
    /// The old run of a process gets no new connections; what it has it goes on serving.
    pub(super) fn set_aside(&self, id: ProcessId) {
        if let Some(passing) = self.registry.borrow().get(id).and_then(|entry| entry.passing.as_ref()) {
            passing.send(Command::StandBy(true));
        }
    }

    /// The old run is the process again, with what it was started with. The new one is what passes.
    pub(super) fn put_back(&self, id: ProcessId) {
        let mut registry = self.registry.borrow_mut();
        let Some(entry) = registry.get_mut(id) else { return };
        let (Some(standby), Some(old)) = (entry.standby.take(), entry.passing.take()) else { return };
        entry.spec = standby.spec;
        entry.identity = self.identity_with(&entry.spec, entry);
        old.send(Command::Respec(Arc::clone(&entry.spec), Rc::clone(&entry.identity)));
        // Counters never go backwards.
        old.send(Command::CountFrom(entry.handle.observed().state.restarts));
        old.send(Command::StandBy(false));
        if let Some(pid) = old.observed().pid {
            process::write_pid_file(&entry.identity.pid_file(&entry.spec), pid);
        }
        entry.passing = Some(std::mem::replace(&mut entry.handle, old));
    }

    /// The old run of a process is not to come back: it finishes what it has.
    pub(super) fn end_standby(self: &Rc<Self>, id: ProcessId) {
        let (reply, gone) = oneshot::channel();
        let passing = {
            let mut registry = self.registry.borrow_mut();
            let Some(entry) = registry.get_mut(id) else { return };
            entry.standby = None;
            let Some(passing) = entry.passing.clone() else { return };
            passing.send(Command::Retire(reply));
            passing
        };
        self.persist();
        let world = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let _ = gone.await;
            world.has_passed(id, &passing);
        });
    }

    /// Waits until the new run of a process is not what it should be.
    pub(super) async fn new_run_fails(&self, id: ProcessId) -> Told {
        let found = {
            let registry = self.registry.borrow();
            registry.get(id).and_then(|entry| Some((entry.handle.clone(), entry.standby.as_ref()?.by)))
        };
        let Some((handle, by)) = found else { return Told::Overtaken(id) };
        let mut seen = Trial::Well;
        let looks = |now: &Observed| {
            seen = trial_of(now, by);
            !matches!(seen, Trial::Well)
        };
        if handle.wait_for(looks).await.is_none() || handle.is_leaving() {
            return Told::Overtaken(id);
        }
        match seen {
            Trial::Unwell(why) => {
                let message = format!("the new version of {} did not stay well: {why}", self.label(id));
                let hint = format!("see what it wrote: rpm logs {id} --nostream");
                Told::Unwell(id, ApiError::new(Code::ReloadFailed, message).hint(hint))
            }
            Trial::Well | Trial::Overtaken => Told::Overtaken(id),
        }
    }

    /// Waits until the old run of a process cannot come back any more.
    pub(super) async fn old_run_ends(&self, id: ProcessId) -> Told {
        let found = {
            let registry = self.registry.borrow();
            registry.get(id).and_then(|entry| Some((entry.passing.clone()?, entry.standby.as_ref()?.run)))
        };
        let Some((handle, run)) = found else { return Told::Lost(id) };
        handle.wait_for(|seen| seen.state.run != run || !matches!(seen.state.phase, Phase::Online)).await;
        if handle.is_told_to_leave() {
            return Told::Overtaken(id);
        }
        tracing::warn!("{}: the version before has ended while it stood by, and cannot return", self.label(id));
        Told::Lost(id)
    }

    /// Whether what is seen of it matters: one that was deleted was on trial a moment ago.
    pub(super) fn is_on_trial(&self, id: ProcessId) -> bool {
        self.registry.borrow().get(id).is_none_or(|entry| entry.standby.is_some())
    }

    pub(super) fn overtaken_trial(&self, id: ProcessId) -> ApiError {
        let message = format!("another command has reached {} in its health window", self.label(id));
        ApiError::new(Code::Superseded, message).hint("see: rpm ls")
    }

    /// Trials that a daemon before this one has begun.
    pub(super) fn resume_trials(self: &Rc<Self>) {
        let mut apps = BTreeMap::<String, Vec<ProcessId>>::new();
        for entry in self.registry.borrow().iter().filter(|entry| entry.standby.is_some()) {
            apps.entry(entry.spec.name.clone()).or_default().push(entry.identity.id);
        }
        for (name, members) in apps {
            self.registry.borrow_mut().reloading.insert(name.clone());
            let world = Rc::clone(self);
            tokio::task::spawn_local(async move {
                if let Err(error) = world.resume_trial(members).await {
                    tracing::error!("{error}");
                }
                world.reload_is_over(&name);
                world.persist();
            });
        }
    }

    /// A reload that is asked for again, after the death of its daemon, while that daemon's health window goes on: what
    /// comes of the window is its answer as far as it goes.
    pub(super) async fn after_trials(&self, share: &Share) -> Result<Share, ApiError> {
        if share.is_new() {
            return Ok(share.clone());
        }
        let runs = self.runs(&share.done);
        for id in share.ids() {
            let Some(name) = self.registry.borrow().get(id).map(|entry| entry.spec.name.clone()) else { continue };
            loop {
                let over = self.automatic.reloaded.notified();
                if !self.registry.borrow().reloading.contains(&name) {
                    break;
                }
                over.await;
            }
        }
        match self
            .runs(&share.done)
            .into_iter()
            .find(|(id, run)| runs.iter().any(|(other, was)| other == id && was > run))
        {
            None => Ok(share.clone()),
            Some((id, _)) => {
                let message =
                    format!("the new version of {} did not stay well; the version before is back", self.label(id));
                let hint = format!("see what it wrote: rpm logs {id} --nostream");
                Err(ApiError::new(Code::ReloadFailed, message).hint(hint))
            }
        }
    }

    /// Whichever run of a process is not its current one is not wanted.
    pub(super) fn end_passing(&self, id: ProcessId) {
        let (reply, _gone) = oneshot::channel();
        if let Some(passing) = self.registry.borrow().get(id).and_then(|entry| entry.passing.as_ref()) {
            passing.send(Command::Delete(reply));
        }
    }

    /// Which of two living runs is the process: the one on trial, where the list says that it was on trial.
    pub(super) fn take_up_trial(&self, entry: &mut Entry, saved: Option<&SavedStandby>) {
        let Some(saved) = saved else { return };
        let lives = |handle: &process::Handle, run: SpawnId| {
            let seen = handle.observed();
            seen.state.run == run && matches!(seen.state.phase, Phase::Online)
        };
        if !lives(&entry.handle, saved.run) {
            return;
        }
        let standby = Box::new(Standby::restore(saved));
        let old_identity = self.identity_with(&standby.spec, entry);
        entry.handle.send(Command::Respec(Arc::clone(&standby.spec), Rc::clone(&old_identity)));
        if let Some(new) = entry.passing.take_if(|new| lives(new, saved.by)) {
            let old = std::mem::replace(&mut entry.handle, new);
            old.send(Command::StandBy(true));
            entry.passing = Some(old);
            entry.standby = Some(standby);
        } else {
            // The new one has ended: the old one is the process again.
            entry.handle.send(Command::StandBy(false));
            entry.spec = standby.spec;
            entry.identity = old_identity;
        }
    }

    fn identity_with(&self, spec: &AppSpec, entry: &Entry) -> Rc<Identity> {
        identity(spec, entry.identity.id, entry.identity.instance, &entry.identity.unique_id, &self.home)
    }
}

fn trial_of(seen: &Observed, by: SpawnId) -> Trial {
    match seen.state.phase {
        Phase::Stopping { then: Then::Stay | Then::Restart | Then::Delete, .. } | Phase::Stopped | Phase::Deleted
            if !seen.state.has_ended() =>
        {
            return Trial::Overtaken;
        }
        Phase::Online if seen.state.run == by => {
            let missing = seen.condition.missing;
            return missing.map_or(Trial::Well, |what| Trial::Unwell(format!("it waits for {what}")));
        }
        _ => {}
    }
    let unwell = seen.unwell.as_deref().map(|(_, why)| why.clone());
    let exit = || seen.state.last_exit.map(|exit| describe_exit(exit, seen.launch_error.as_deref()));
    Trial::Unwell(unwell.or_else(exit).unwrap_or_else(|| "it has ended".to_owned()))
}
