//! Going on with what a daemon before this one has begun: each process by the run that it had then.

use super::requests::Ticket;
use super::world::World;
use crate::api::{ApiError, Code};
use crate::domain::lifecycle::Phase;
use crate::domain::{ProcessId, Selector, SpawnId, Status};
use crate::process::{Command, Settled};
use crate::store::Begun;
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::oneshot;

/// Processes of a request: those that it has still to act on, and those that it has acted on already.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) due: Vec<ProcessId>,
    pub(super) done: Vec<ProcessId>,
    /// The runs of those that are due, where the request was begun before: they may end while it is on its way.
    runs: BTreeMap<ProcessId, SpawnId>,
}

impl Share {
    pub(super) fn all_due(ids: Vec<ProcessId>) -> Self {
        Self { due: ids, ..Self::default() }
    }

    /// The same of some that are due, and of all that are done.
    pub(super) fn only(&self, due: Vec<ProcessId>) -> Self {
        Self { due, ..self.clone() }
    }

    /// The run that a process must still have, if any.
    pub(super) fn run_of(&self, id: ProcessId) -> Option<SpawnId> {
        self.runs.get(&id).copied()
    }

    pub(super) fn ids(&self) -> Vec<ProcessId> {
        let mut ids = [self.due.as_slice(), &self.done].concat();
        ids.sort_unstable();
        ids
    }
}

impl World {
    /// Whom a request means: what its selector says now, which is written down, or what it said when it was begun.
    pub(super) async fn share(self: &Rc<Self>, selector: &Selector, ticket: &Ticket) -> Result<Share, ApiError> {
        if let Some(Begun::Processes(runs)) = &ticket.begun {
            ticket.acts();
            return Ok(self.left_of(runs));
        }
        let ids = self.registry.borrow().select(selector)?;
        self.begin(ticket, Begun::Processes(self.runs(&ids))).await;
        ticket.acts();
        Ok(Share::all_due(ids))
    }

    /// The same for a signal: it leaves the run as it was, so that what tells is how many that has had.
    pub(super) async fn signal_share(self: &Rc<Self>, selector: &Selector, ticket: &Ticket) -> Result<Share, ApiError> {
        if let Some(Begun::Signal(runs)) = &ticket.begun {
            ticket.acts();
            let untouched = self.signals(runs.iter().map(|(id, ..)| *id));
            let (due, done): (Vec<_>, Vec<_>) = runs.iter().partition(|run| untouched.contains(run));
            let ids = |runs: Vec<&(ProcessId, SpawnId, u16)>| runs.into_iter().map(|(id, ..)| *id).collect();
            return Ok(Share { due: ids(due), done: ids(done), ..Share::default() });
        }
        let ids = self.registry.borrow().select(selector)?;
        self.begin(ticket, Begun::Signal(self.signals(ids.iter().copied()))).await;
        ticket.acts();
        Ok(Share::all_due(ids))
    }

    fn signals(&self, ids: impl Iterator<Item = ProcessId>) -> Vec<(ProcessId, SpawnId, u16)> {
        let registry = self.registry.borrow();
        let count = |id| {
            let handle = &registry.get(id)?.handle;
            Some((id, handle.observed().state.run, handle.signals()))
        };
        ids.filter_map(count).collect()
    }

    pub(super) fn runs(&self, ids: &[ProcessId]) -> Vec<(ProcessId, SpawnId)> {
        let registry = self.registry.borrow();
        let run = |id: &ProcessId| Some((*id, registry.get(*id)?.handle.observed().state.run));
        ids.iter().filter_map(run).collect()
    }

    /// One that has another run by now has been dealt with; one that is gone is nobody's any more.
    pub(super) fn left_of(&self, runs: &[(ProcessId, SpawnId)]) -> Share {
        let registry = self.registry.borrow();
        let mut share = Share::default();
        for (id, run) in runs {
            let Some(entry) = registry.get(*id) else { continue };
            let same = entry.handle.observed().state.run == *run;
            if same {
                share.due.push(*id);
                share.runs.insert(*id, *run);
            } else {
                share.done.push(*id);
            }
        }
        share
    }

    /// Commands those that are due, and awaits the others too.
    pub(super) async fn command_share(
        &self,
        share: &Share,
        verb: impl Fn(ProcessId, oneshot::Sender<Settled>) -> Command,
    ) -> Vec<(ProcessId, Settled)> {
        let mut settled = self.command_each(&share.due, verb).await;
        for id in &share.done {
            settled.push((*id, self.at_rest(*id).await));
        }
        settled
    }

    /// Waits until nothing is under way with the process.
    async fn at_rest(&self, id: ProcessId) -> Settled {
        let Some(handle) = self.registry.borrow().get(id).map(|entry| entry.handle.clone()) else {
            return Settled::Deleted;
        };
        let passing = |phase| matches!(phase, Phase::Launching { .. } | Phase::Stopping { .. });
        if handle.wait_for(|seen| !passing(seen.state.phase)).await.is_none() {
            return Settled::Deleted;
        }
        let seen = handle.observed();
        match seen.state.status() {
            Status::Stopped if seen.state.has_ended() => Settled::Ended,
            Status::Errored => Settled::Errored,
            Status::WaitingRestart => Settled::WaitingRestart,
            Status::Online | Status::Launching => Settled::Online,
            Status::Stopped | Status::Stopping => Settled::Stopped,
        }
    }

    /// Of all that a request was about when it was begun nothing is left.
    pub(super) fn refuse_none(share: &Share, verb: &str) -> Result<(), ApiError> {
        if !share.due.is_empty() || !share.done.is_empty() {
            return Ok(());
        }
        let message = format!("what this {verb} was about was deleted in the meantime");
        Err(ApiError::new(Code::Superseded, message).hint("see: rpm ls"))
    }
}

#[cfg(test)]
#[path = "resume_tests.rs"]
pub(super) mod tests;
