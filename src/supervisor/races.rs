//! Commands that meet on one process: what was asked for last is what becomes of it, and whoever asked for something
//! else learns that. `docs/lifecycle.md` has the table.

use super::registry::Entry;
use super::world::World;
use crate::api::request::{Existing, Start};
use crate::api::{ApiError, Code};
use crate::domain::lifecycle::{Phase, Report};
use crate::domain::{ProcessId, Status};
use crate::process::{self, Command, Settled};
use std::collections::BTreeSet;
use std::rc::Rc;

impl World {
    /// A command that somebody else's overtook: whoever asked learns that it is not as they wanted.
    pub(super) fn overtaken(
        &self,
        settled: &[(ProcessId, Settled)],
        verb: &str,
        wanted: impl Fn(Settled) -> bool,
    ) -> Result<(), ApiError> {
        let Some((id, _)) = settled.iter().find(|(_, rest)| !wanted(*rest)) else { return Ok(()) };
        let now = self.status_of(*id).map_or("deleted", Status::as_str);
        let message = format!("{} is {now}: another command overtook this {verb}", self.label(*id));
        Err(ApiError::new(Code::Superseded, message).hint("see: rpm ls"))
    }

    /// The same for those that were to run.
    pub(super) fn overtaken_start(&self, settled: &[(ProcessId, Settled)], verb: &str) -> Result<(), ApiError> {
        self.overtaken(settled, verb, |rest| !matches!(rest, Settled::Stopped | Settled::Deleted))
    }

    /// An app has as many processes as was asked for, unless others have been asked for since.
    pub(super) fn overtaken_scale(&self, name: &str, target: u32) -> Result<(), ApiError> {
        let count = self.registry.borrow().staying(name).len();
        if count == target as usize {
            return Ok(());
        }
        let message = format!("{name} has {count} processes, not {target}: another command overtook this scale");
        Err(ApiError::new(Code::Superseded, message).hint("see: rpm ls"))
    }

    /// A start that comes while a process of that name is being deleted begins when that has gone, as if it had been
    /// asked for a moment later.
    pub(super) async fn let_go_first(self: &Rc<Self>, start: &Start) {
        if start.existing == Existing::Duplicate {
            return;
        }
        let names: BTreeSet<&str> = start.apps.iter().map(|app| app.name.as_str()).collect();
        loop {
            let leaves = |entry: &&Entry| names.contains(entry.spec.name.as_str()) && entry.handle.is_leaving();
            let leaving =
                self.registry.borrow().iter().find(leaves).map(|entry| (entry.identity.id, entry.handle.clone()));
            let Some((id, handle)) = leaving else { return };
            handle.wait_for(|seen| seen.state.phase == Phase::Deleted).await;
            // Its own report may still be on the way; it will find nothing to do.
            self.reported(id, handle.holder(), Report::Delete);
        }
    }

    /// The replacement of a reload counts on from the process that it replaces, which may have been restarted
    /// meanwhile. True once it does, at this very moment; false when one of them is to go.
    pub(super) async fn counts_on(&self, id: ProcessId, replacement: &process::Handle) -> bool {
        loop {
            let old = self.registry.borrow().get(id).map(|entry| entry.handle.clone());
            let Some(old) = old.filter(|old| !old.is_leaving() && !replacement.is_leaving()) else { return false };
            let least = old.observed().state.restarts + 1;
            if replacement.observed().state.restarts >= least {
                return true;
            }
            replacement.send(Command::CountFrom(least));
            if replacement.wait_for(|seen| seen.state.restarts >= least).await.is_none() {
                return false;
            }
        }
    }
}

#[cfg(test)]
#[path = "races_tests.rs"]
mod tests;
