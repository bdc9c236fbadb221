//! `reload`: the plan of [`crate::domain::rollout`] carried out on the processes of an app.

use super::reason::describe_exit;
use super::registry::Entry;
use super::requests::Ticket;
use super::resume::Share;
use super::world::World;
use crate::api::{ApiError, Code, EventKind, Response};
use crate::clock;
use crate::domain::lifecycle::{Phase, Then};
use crate::domain::rollout::{Effect, Event, Requirement, Rollout};
use crate::domain::spec::Mode;
use crate::domain::{ProcessId, Selector, Status};
use crate::process::{self, Command, Observed};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;

impl World {
    pub(super) async fn reload(self: &Rc<Self>, selector: &Selector, ticket: &Ticket) -> Result<Response, ApiError> {
        let share = self.share(selector, ticket).await?;
        Self::refuse_none(&share, "reload")?;
        self.reload_all(&share).await?;
        Ok(Response::Processes(self.views(&share.ids())))
    }

    /// Online cluster workers are replaced one at a time in each app, all apps at once; others are restarted.
    pub(super) async fn reload_all(self: &Rc<Self>, share: &Share) -> Result<(), ApiError> {
        let mut apps: BTreeMap<String, Vec<ProcessId>> = BTreeMap::new();
        let mut others = Vec::new();
        for id in &share.due {
            let registry = self.registry.borrow();
            let Some(entry) = registry.get(*id) else { continue };
            let online = entry.handle.observed().state.status() == Status::Online;
            if entry.spec.mode == Mode::Cluster && online {
                apps.entry(entry.spec.name.clone()).or_default().push(*id);
            } else {
                others.push(*id);
            }
        }
        for name in apps.keys() {
            self.refuse_second_reload(name)?;
        }
        let mut rollouts = Vec::new();
        for (name, members) in apps {
            self.registry.borrow_mut().reloading.insert(name.clone());
            let world = Rc::clone(self);
            rollouts.push(tokio::task::spawn_local(async move {
                let result = world.roll_out(members, None).await;
                world.registry.borrow_mut().reloading.remove(&name);
                world.automatic.reloaded.notify_waiters();
                result
            }));
        }
        if !others.is_empty() || !share.done.is_empty() {
            self.restart_all(&share.only(others)).await?;
        }
        let mut result = Ok(());
        for rollout in rollouts {
            let ended = rollout.await.unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string())));
            result = result.and(ended);
        }
        result
    }

    pub(super) fn refuse_second_reload(&self, name: &str) -> Result<(), ApiError> {
        if !self.registry.borrow().reloading.contains(name) {
            return Ok(());
        }
        let message = format!("a reload of {name} is under way");
        Err(ApiError::new(Code::ReloadInProgress, message).hint("wait until it is through"))
    }

    /// The same for one process that uses so many bytes, more than it may. Nothing happens where a reload is under way:
    /// it replaces it anyway.
    pub(super) async fn replace_one(self: &Rc<Self>, id: ProcessId, bytes: u64) -> Result<(), ApiError> {
        let Some(name) = self.registry.borrow().get(id).map(|entry| entry.spec.name.clone()) else { return Ok(()) };
        if !self.registry.borrow_mut().reloading.insert(name.clone()) {
            return Ok(());
        }
        let result = self.roll_out(vec![id], Some(bytes)).await;
        self.registry.borrow_mut().reloading.remove(&name);
        result
    }

    /// `over` is the memory it is done for, where nobody has asked for it.
    async fn roll_out(self: &Rc<Self>, members: Vec<ProcessId>, over: Option<u64>) -> Result<(), ApiError> {
        let mut rollout = Rollout::new(members);
        let mut replacement = None;
        let mut failure = None;
        let mut next = rollout.step(Event::Begin);
        while let Some(effect) = next {
            next = match effect {
                Effect::StartReplacement(id) => match self.start_replacement(id, over).await {
                    // Nothing may come between this answer and the swap.
                    Ok(handle) if self.counts_on(id, &handle).await => {
                        replacement = Some(handle);
                        rollout.step(Event::Ready(id))
                    }
                    Ok(handle) => {
                        failure = Some(self.abandon(id, &handle).await);
                        rollout.step(Event::Failed(id))
                    }
                    Err(error) => {
                        failure = Some(error);
                        rollout.step(Event::Failed(id))
                    }
                },
                Effect::Swap(id) => {
                    if let Some(handle) = replacement.take() {
                        self.swap(id, handle, over.is_none()).await;
                    }
                    rollout.step(Event::Retired(id))
                }
                Effect::Abandon(_) | Effect::Finished => None,
            };
        }
        failure.map_or(Ok(()), Err)
    }

    /// A second process of the same identity, ready to serve.
    async fn start_replacement(&self, id: ProcessId, over: Option<u64>) -> Result<process::Handle, ApiError> {
        self.refuse_when_closing()?;
        let gone = || ApiError::new(Code::Superseded, format!("process {id} was deleted during its reload"));
        let (entry, group) = {
            let mut registry = self.registry.borrow_mut();
            let entry = registry.get(id).cloned().ok_or_else(gone)?;
            let group = registry.group(&entry.spec);
            (entry, group)
        };
        if Self::is_to_rest(&entry) {
            return Err(Self::overtaken_reload(&entry));
        }
        let (listened, restarts) = {
            let seen = entry.handle.observed();
            (seen.listening, seen.state.restarts)
        };
        let spec = Rc::clone(&entry.spec);
        let handle = process::Handle::begin(
            self.context.clone(),
            Rc::clone(&spec),
            entry.identity.clone(),
            group,
            restarts + 1,
            None,
        );
        self.set_passing(id, Some(handle.clone()));
        let (reply, _online) = oneshot::channel();
        handle.send(Command::Start(reply));
        if let Some(bytes) = over {
            handle.send(Command::Succeed(bytes));
        }
        let requirement = Requirement::new(&spec.ready, listened, spec.restart.min_uptime);
        let limit = Duration::from_millis(requirement.timeout);
        let why = match tokio::time::timeout(limit, wait_for(requirement, &handle)).await {
            Ok(Ok(())) => return Ok(handle),
            Ok(Err(why)) => why,
            Err(_) => {
                let missing = missing(requirement, &handle.observed()).unwrap_or_default();
                format!("it was not ready within {} ms ({missing})", requirement.timeout)
            }
        };
        let (reply, deleted) = oneshot::channel();
        handle.send(Command::Delete(reply));
        let _ = deleted.await;
        self.set_passing(id, None);
        let old = entry.handle.observed();
        if !old.state.is_wanted() {
            return Err(Self::overtaken_reload(&entry));
        }
        if let Some(pid) = old.pid {
            // The replacement had written its own.
            process::write_pid_file(&entry.identity.pid_file, pid);
        }
        drop(old);
        Err(Self::failed(&entry, &why))
    }

    pub(super) fn set_passing(&self, id: ProcessId, passing: Option<process::Handle>) {
        if let Some(entry) = self.registry.borrow_mut().get_mut(id) {
            entry.passing = passing;
        }
    }

    /// Somebody has stopped or deleted it since the reload began.
    fn is_to_rest(entry: &Entry) -> bool {
        let rests = |phase| {
            matches!(phase, Phase::Stopped | Phase::Deleted | Phase::Stopping { then: Then::Stay | Then::Delete, .. })
        };
        entry.handle.is_leaving() || rests(entry.handle.observed().state.phase)
    }

    /// Somebody wants the process gone, or stopped, that a ready replacement was to take the place of.
    async fn abandon(&self, id: ProcessId, replacement: &process::Handle) -> ApiError {
        let (reply, deleted) = oneshot::channel();
        replacement.send(Command::Delete(reply));
        let _ = deleted.await;
        self.set_passing(id, None);
        let entry = self.registry.borrow().get(id).cloned();
        entry.map_or_else(
            || ApiError::new(Code::Superseded, format!("process {id} was deleted during its reload")),
            |entry| Self::overtaken_reload(&entry),
        )
    }

    fn overtaken_reload(entry: &Entry) -> ApiError {
        let message = format!("{} ({}) was stopped or deleted during its reload", entry.spec.name, entry.identity.id);
        ApiError::new(Code::Superseded, message).hint("see: rpm ls")
    }

    fn failed(entry: &Entry, why: &str) -> ApiError {
        let id = entry.identity.id;
        let message =
            format!("the new version of {} ({id}) was not taken: {why}; the old one goes on serving", entry.spec.name);
        ApiError::new(Code::ReloadFailed, message).hint(format!("see what it wrote: rpm logs {id} --nostream"))
    }

    /// The replacement is the process from now on; the old one finishes what it has.
    async fn swap(self: &Rc<Self>, id: ProcessId, handle: process::Handle, manually: bool) {
        let (reply, retired) = oneshot::channel();
        {
            let mut registry = self.registry.borrow_mut();
            // Deleted meanwhile: whoever deleted it has ended the replacement too.
            let Some(entry) = registry.get_mut(id) else { return };
            let old = std::mem::replace(&mut entry.handle, handle);
            entry.created_at = clock::unix_ms();
            old.send(Command::Retire(reply));
            entry.passing = Some(old);
        }
        self.announce(id, EventKind::Reload, manually);
        self.persist();
        let _ = retired.await;
        self.set_passing(id, None);
    }
}

/// Waits until the replacement has shown what is required; the error is why it never will.
async fn wait_for(requirement: Requirement, handle: &process::Handle) -> Result<(), String> {
    // A replacement that crashed is a failure, also when it was started again.
    let began = handle.observed().state.restarts;
    let ended = |seen: &Observed| {
        seen.state.restarts != began
            || matches!(seen.state.status(), Status::Errored | Status::WaitingRestart | Status::Stopping)
            || seen.state.last_exit.is_some()
    };
    if requirement.uptime.is_some() {
        // Its time begins when it is executed: it may have to wait for its secrets.
        handle.wait_for(|seen| seen.pid.is_some() || ended(seen)).await;
    }
    let lasts = requirement.uptime.map_or(Duration::ZERO, Duration::from_millis);
    let mut is_dead = tokio::time::timeout(lasts, handle.wait_for(ended)).await.is_ok();
    if !is_dead {
        let shown = |seen: &Observed| seen.pid.is_some() && missing(requirement, seen).is_none();
        handle
            .wait_for(|seen| {
                is_dead = ended(seen);
                is_dead || shown(seen)
            })
            .await;
    }
    if !is_dead {
        return Ok(());
    }
    let seen = handle.observed();
    let unwell = seen.unwell.as_ref().map(|(_, why)| why.clone());
    let exit = || seen.state.last_exit.map(|exit| describe_exit(exit, seen.launch_error.as_deref()));
    Err(unwell.or_else(exit).unwrap_or_else(|| "it ended before it was ready".to_owned()))
}

/// What it has not shown yet. It has been up as long as it has to be when this is asked.
fn missing(requirement: Requirement, seen: &Observed) -> Option<String> {
    requirement.missing(seen.condition.missing, seen.listening, requirement.uptime.unwrap_or(0))
}
