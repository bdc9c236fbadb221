//! Processes come on the list, and get the settings that are theirs from now on.

use super::registry::{Entry, identity};
use super::world::World;
use crate::api::{ApiError, Code};
use crate::clock;
use crate::domain::{AppSpec, ProcessId, Status};
use crate::process::{self, Command};
use std::rc::Rc;
use std::sync::Arc;

impl World {
    /// Puts a process on the list, stopped.
    pub(super) fn add(self: &Rc<Self>, spec: &Arc<AppSpec>) -> ProcessId {
        let mut registry = self.registry.borrow_mut();
        let identity = registry.identify(spec, &self.home);
        let group = registry.group(spec);
        let id = identity.id;
        let handle =
            process::Handle::begin(Rc::clone(&self.context), Arc::clone(spec), Rc::clone(&identity), group, 0, None);
        let (created_at, spec) = (clock::unix_ms(), Arc::clone(spec));
        registry.insert(Entry {
            spec,
            identity,
            created_at,
            handle,
            passing: None,
            standby: None,
            monitored: None,
            ran_before_boot: false,
            returns: false,
        });
        id
    }

    /// New settings for processes that are there. Name, mode and number stay: they are what was started.
    pub(super) fn respec(&self, ids: &[ProcessId], spec: &Arc<AppSpec>) {
        let mut registry = self.registry.borrow_mut();
        // Of the processes of one app most have the same: they share it.
        let mut last = Arc::clone(spec);
        for id in ids {
            let Some(entry) = registry.get_mut(*id) else { continue };
            let (mode, instances) = (entry.spec.mode, entry.spec.instances);
            if (last.mode, last.instances) != (mode, instances) {
                last = Arc::new(AppSpec { mode, instances, ..(**spec).clone() });
            }
            entry.spec = Arc::clone(&last);
            entry.identity = identity(&entry.spec, *id, entry.identity.instance, &entry.identity.unique_id, &self.home);
            entry.handle.send(Command::Respec(Arc::clone(&entry.spec), Rc::clone(&entry.identity)));
        }
    }

    pub(super) fn same_script(&self, spec: &AppSpec) -> Vec<ProcessId> {
        let registry = self.registry.borrow();
        let same = |entry: &&Entry| {
            // Lines for a shell are all of one program.
            entry.spec.name == spec.name
                && entry.spec.program.path == spec.program.path
                && (!spec.is_shell_line() || entry.spec.args == spec.args)
        };
        registry.iter().filter(same).map(|entry| entry.identity.id).collect()
    }

    pub(super) fn refuse_running(&self, spec: &AppSpec) -> Result<(), ApiError> {
        let running = self
            .same_script(spec)
            .into_iter()
            .find(|id| self.status_of(*id).is_some_and(|status| status.is_alive() || status == Status::WaitingRestart));
        let Some(id) = running else { return Ok(()) };
        let message = format!("{} ({id}) runs already", spec.name);
        Err(ApiError::new(Code::AlreadyRunning, message).hint(format!(
            "restart it: rpm restart {0}; another copy: start with --force, or another --name",
            spec.name
        )))
    }

    pub(super) fn specs_of(&self, ids: &[ProcessId]) -> Vec<(ProcessId, Arc<AppSpec>)> {
        let registry = self.registry.borrow();
        ids.iter().filter_map(|id| Some((*id, Arc::clone(&registry.get(*id)?.spec)))).collect()
    }
}
