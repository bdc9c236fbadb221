//! The second process of an identity, until it is ready to take the place of the first.

use super::last_lines::LastLines;
use super::reason::describe_exit;
use super::registry::Entry;
use super::world::World;
use crate::api::{ApiError, Code};
use crate::cluster::Group;
use crate::domain::lifecycle::{Phase, Then};
use crate::domain::requirement::Requirement;
use crate::domain::{ProcessId, Status};
use crate::process::{self, Command, Observed};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

impl World {
    /// A second process of the same identity, ready to serve.
    pub(super) async fn start_replacement(
        &self,
        id: ProcessId,
        over: Option<u64>,
    ) -> Result<process::Handle, ApiError> {
        self.refuse_when_closing()?;
        self.let_pass(id).await;
        let (entry, group) = self.to_be_replaced(id)?;
        let (listened, restarts, run) = {
            let seen = entry.handle.observed();
            (seen.listening, seen.state.restarts, seen.state.run)
        };
        let (spec, identity) = (Arc::clone(&entry.spec), Rc::clone(&entry.identity));
        let requirement = Requirement::new(&spec.ready, listened, spec.restart.min_uptime);
        let mut lines = LastLines::follow(&self.context.logs, id, run);
        let handle = process::Handle::begin(Rc::clone(&self.context), spec, identity, group, restarts + 1, None);
        self.set_passing(id, handle.clone());
        let (reply, _online) = oneshot::channel();
        handle.send(Command::Start(reply));
        if let Some(bytes) = over {
            handle.send(Command::Succeed(bytes));
        }
        let limit = Duration::from_millis(requirement.timeout);
        let waited = tokio::select! {
            waited = tokio::time::timeout(limit, wait_for(requirement, &handle)) => waited,
            never = lines.collect() => match never {},
        };
        let why = match waited {
            Ok(Ok(())) => return Ok(handle),
            Ok(Err(why)) => why,
            Err(_) => {
                let missing = missing(requirement, &handle.observed()).unwrap_or_default();
                format!("it was not ready within {} ms ({missing})", requirement.timeout)
            }
        };
        Err(self.not_taken(&entry, &handle, &why, lines).await)
    }

    fn to_be_replaced(&self, id: ProcessId) -> Result<(Entry, Option<Group>), ApiError> {
        let mut registry = self.registry.borrow_mut();
        let gone = || ApiError::new(Code::Superseded, format!("process {id} was deleted during its reload"));
        let entry = registry.get(id).cloned().ok_or_else(gone)?;
        if Self::is_to_rest(&entry) {
            return Err(Self::overtaken_reload(&entry));
        }
        let group = registry.group(&entry.spec);
        Ok((entry, group))
    }

    /// The replacement ends, and the old one goes on.
    async fn not_taken(&self, entry: &Entry, replacement: &process::Handle, why: &str, lines: LastLines) -> ApiError {
        let new_run = replacement.observed().state.run;
        self.delete_replacement(entry.identity.id, replacement).await;
        let (is_wanted, pid, old_run) = {
            let old = entry.handle.observed();
            (old.state.is_wanted(), old.pid, old.state.run)
        };
        if !is_wanted {
            return Self::overtaken_reload(entry);
        }
        if let Some(pid) = pid {
            // The replacement had written its own.
            process::write_pid_file(&entry.identity.pid_file(&entry.spec), pid);
        }
        let is_its_own = |run| run <= new_run && run != old_run;
        let lines = lines.last(&self.context.unwritten, &entry.spec, is_its_own).await;
        Self::failed(entry, why, &lines)
    }

    async fn delete_replacement(&self, id: ProcessId, replacement: &process::Handle) {
        let (reply, deleted) = oneshot::channel();
        replacement.send(Command::Delete(reply));
        let _ = deleted.await;
        self.has_passed(id, replacement);
    }

    pub(super) fn set_passing(&self, id: ProcessId, passing: process::Handle) {
        if let Some(entry) = self.registry.borrow_mut().get_mut(id) {
            entry.passing = Some(passing);
        }
    }

    /// Nothing of this other process lives any more. Another one may be passing by now.
    pub(super) fn has_passed(&self, id: ProcessId, gone: &process::Handle) {
        if let Some(entry) = self.registry.borrow_mut().get_mut(id) {
            entry.passing.take_if(|passing| passing.holder() == gone.holder());
        }
    }

    /// What a reload before this one, or one of another daemon, has left on its way out.
    async fn let_pass(&self, id: ProcessId) {
        let passing = self.registry.borrow().get(id).and_then(|entry| entry.passing.clone());
        if let Some(passing) = passing {
            passing.wait_for(|seen| seen.state.phase == Phase::Deleted).await;
            self.has_passed(id, &passing);
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
    pub(super) async fn abandon(&self, id: ProcessId, replacement: &process::Handle) -> ApiError {
        self.delete_replacement(id, replacement).await;
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

    fn failed(entry: &Entry, why: &str, lines: &[String]) -> ApiError {
        let id = entry.identity.id;
        let mut message =
            format!("the new version of {} ({id}) was not taken: {why}; the old one goes on serving", entry.spec.name);
        if !lines.is_empty() {
            message.push_str("\nits last lines:");
        }
        for line in lines {
            message.push_str("\n  ");
            message.push_str(line);
        }
        ApiError::new(Code::ReloadFailed, message).hint(format!("see all that it wrote: rpm logs {id} --nostream"))
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
    let unwell = seen.unwell.as_deref().map(|(_, why)| why.clone());
    let exit = || seen.state.last_exit.map(|exit| describe_exit(exit, seen.launch_error.as_deref()));
    Err(unwell.or_else(exit).unwrap_or_else(|| "it ended before it was ready".to_owned()))
}

/// What it has not shown yet. It has been up as long as it has to be when this is asked.
fn missing(requirement: Requirement, seen: &Observed) -> Option<String> {
    requirement.missing(seen.condition.missing, seen.listening, requirement.uptime.unwrap_or(0))
}
