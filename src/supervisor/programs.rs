//! What processes run, and whether a restart would find the same: looked up beside the actor, as it reads many files.

use super::world::World;
use crate::api::RunsOn;
use crate::domain::{AppSpec, ProcessId};
use crate::process;
use std::collections::BTreeMap;

impl World {
    /// Of those that run, where the system tells.
    pub(super) async fn programs(&self, ids: &[ProcessId]) -> BTreeMap<ProcessId, RunsOn> {
        let running: Vec<(ProcessId, i32, AppSpec)> = {
            let registry = self.registry.borrow();
            let entries = ids.iter().filter_map(|id| registry.get(*id));
            entries
                .filter_map(|entry| {
                    Some((entry.identity.id, entry.handle.observed().pid?, AppSpec::clone(&entry.spec)))
                })
                .collect()
        };
        if running.is_empty() {
            return BTreeMap::new();
        }
        let look = move || running.iter().filter_map(|(id, pid, spec)| Some((*id, shown(spec, *pid)?))).collect();
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
}

fn shown(spec: &AppSpec, pid: i32) -> Option<RunsOn> {
    let process::RunsOn { program, version, drift } = process::runs_on(spec, pid)?;
    Some(RunsOn { program, version, drift })
}
