//! The list in PM2's shape, and the mark that only PM2's users set.

use super::registry::Entry;
use super::world::World;
use crate::api::pm2::{self, Parts, Variables};
use crate::api::{ApiError, Response, dump};
use crate::domain::{ProcessId, Selector};
use crate::process::{self, pm2_environment, variables};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Which Node each run has, so that a list asks the system once for each run.
#[derive(Debug, Default)]
pub(super) struct Nodes(BTreeMap<ProcessId, (i32, Option<String>)>);

impl World {
    pub(super) fn pm2_list(&self) -> Response {
        let registry = self.registry.borrow();
        self.nodes.borrow_mut().0.retain(|id, _| registry.get(*id).is_some());
        let mut list = pm2::ListWriter::new(registry.len());
        for entry in registry.iter() {
            self.with_parts(entry, |parts| list.push(parts));
        }
        Response::Pm2(list.finish())
    }

    pub(super) fn element(&self, entry: &Entry) -> serde_json::Value {
        self.with_parts(entry, pm2::element)
    }

    /// As `save` writes it. Values of secrets by reference are not known here, and not wanted.
    pub(super) fn saved_element(&self, entry: &Entry) -> serde_json::Value {
        let env = variables(&entry.spec, entry.identity.instance, &BTreeMap::new());
        let env = env.iter().map(|(name, value)| (name.as_str(), value.into())).collect();
        self.shape(entry, env, None, |parts| dump::element(parts, entry.is_wanted()))
    }

    fn with_parts<T>(&self, entry: &Entry, work: impl FnOnce(&Parts<'_>) -> T) -> T {
        let node = self.node_version(entry, entry.handle.observed().pid);
        self.shape(entry, pm2_environment(&entry.spec, &entry.identity), node.as_deref(), work)
    }

    /// What both are made of.
    fn shape<T>(&self, entry: &Entry, env: Variables<'_>, node: Option<&str>, work: impl FnOnce(&Parts<'_>) -> T) -> T {
        work(&Parts {
            process: &self.view(entry),
            spec: &entry.spec,
            panel: &entry.handle.panel(),
            unique_id: &entry.identity.unique_id,
            out_log: entry.identity.out_log.as_deref(),
            error_log: entry.identity.error_log.as_deref(),
            combined_log: entry.identity.combined_log.as_deref(),
            pid_file: &entry.identity.pid_file(&entry.spec),
            env,
            backoff: entry.handle.observed().state.backoff,
            node_version: node,
            monitored: entry.monitored,
        })
    }

    /// The last one that was known, as long as nothing else runs.
    fn node_version(&self, entry: &Entry, pid: Option<i32>) -> Option<String> {
        if !entry.spec.program.is_node() {
            return None;
        }
        let id = entry.identity.id;
        let mut nodes = self.nodes.borrow_mut();
        let known = nodes.0.get(&id);
        if let Some((_, version)) = known.filter(|(known, _)| pid.is_none_or(|pid| pid == *known)) {
            return version.clone();
        }
        let pid = pid?;
        let Some(version) = process::known_node_version(pid) else {
            // It has to be executed for that: the next list has its answer.
            let spec = (*entry.spec).clone();
            tokio::task::spawn_blocking(move || process::runs_on(&spec, pid));
            return None;
        };
        nodes.0.insert(id, (pid, version.clone()));
        version
    }

    /// Marks them, or takes the mark away. It does nothing, and stays with them.
    pub(super) async fn monitor(self: &Rc<Self>, selector: &Selector, on: bool) -> Result<Response, ApiError> {
        let ids = self.registry.borrow().select(selector)?;
        for id in &ids {
            if let Some(entry) = self.registry.borrow_mut().get_mut(*id) {
                entry.monitored = Some(on);
            }
        }
        self.persist();
        self.persisted().await;
        Ok(Response::Processes(self.views(&ids)))
    }
}
