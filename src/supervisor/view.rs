//! Entries as others see them.

use super::memory::{replaced, tree_of};
use super::reason::Reason;
use super::registry::Entry;
use super::world::World;
use crate::api::{ApiError, Draining, Process, ProcessDetail, Response, Tree};
use crate::clock;
use crate::cluster::Group;
use crate::domain::lifecycle::{Phase, StopStep};
use crate::domain::spec::Mode;
use crate::domain::{Outcome, ProcessId, Selector, Status};
use crate::metrics::Trees;
use crate::process::{self, Observed, redacted, shown_environment};
use std::path::Path;
use std::sync::Arc;

const SIGKILL: Outcome = Outcome::Signal(9);

impl World {
    pub(super) async fn list(&self, selector: &Selector) -> Result<Response, ApiError> {
        let ids = self.registry.borrow().find(selector)?;
        let words = self.last_words(&ids).await;
        let ports = self.port_words(&ids).await;
        let registry = self.registry.borrow();
        let entries = ids.iter().filter_map(|id| registry.get(*id));
        let view = |entry: &Entry| {
            let id = entry.identity.id;
            let mut process = self.view_with(entry, words.get(&id).map(String::as_str));
            add_port(&mut process, ports.get(&id));
            process
        };
        Ok(Response::Processes(entries.map(view).collect()))
    }

    pub(super) async fn describe(&self, selector: &Selector) -> Result<Response, ApiError> {
        let ids = self.registry.borrow().select(selector)?;
        let words = self.last_words(&ids).await;
        let ports = self.port_words(&ids).await;
        let mut programs = self.programs(&ids).await;
        let registry = self.registry.borrow();
        let entries = ids.iter().filter_map(|id| registry.get(*id));
        let mut trees = Trees::default();
        let detail = |entry: &Entry| {
            let id = entry.identity.id;
            let mut detail = self.detail(entry, &mut trees, words.get(&id).map(String::as_str));
            add_port(&mut detail.process, ports.get(&id));
            detail.runs_on = programs.remove(&id);
            detail
        };
        Ok(Response::Details(entries.map(detail).collect()))
    }

    pub(super) fn specs(&self, selector: &Selector) -> Result<Response, ApiError> {
        let registry = self.registry.borrow();
        let entries = registry.select(selector)?.into_iter().filter_map(|id| registry.get(id));
        Ok(Response::Specs(entries.map(|entry| (entry.identity.id, (*entry.spec).clone())).collect()))
    }

    pub(super) fn views(&self, ids: &[ProcessId]) -> Vec<Process> {
        let registry = self.registry.borrow();
        ids.iter().filter_map(|id| registry.get(*id)).map(|entry| self.view(entry)).collect()
    }

    pub(super) fn view(&self, entry: &Entry) -> Process {
        self.view_with(entry, None)
    }

    fn view_with(&self, entry: &Entry, last_words: Option<&str>) -> Process {
        let seen = entry.handle.observed();
        let id = entry.identity.id;
        let sample = seen.pid.map(|pid| self.sampler.borrow_mut().get(id, pid, clock::boot())).unwrap_or_default();
        Process {
            id,
            name: entry.spec.name.clone(),
            namespace: entry.spec.namespace.clone(),
            version: seen.version.clone(),
            mode: match entry.spec.mode {
                Mode::Fork => "fork".to_owned(),
                Mode::Cluster => "cluster".to_owned(),
            },
            instance: entry.identity.instance,
            pid: seen.pid,
            status: seen.state.status(),
            restarts: seen.state.restarts,
            unstable_restarts: seen.state.unstable,
            started_at: seen.started_at,
            created_at: entry.created_at,
            cpu: (sample.cpu * 10.0).round() / 10.0,
            memory: sample.memory as i64,
            username: entry.spec.username.clone(),
            // The signal it was, for whoever knows no other word.
            exit: seen.state.last_exit.map(|exit| if exit == Outcome::OomKilled { SIGKILL } else { exit }),
            oom_killed: seen.state.last_exit == Some(Outcome::OomKilled),
            warnings: seen.warnings.clone(),
            overlaps: entry.spec.overlaps(),
            ready: Self::readiness(entry, &seen),
            reason: self.reason_of(entry, &seen, last_words).sentence().or_else(|| self.watch_of(&entry.spec)?.problem),
            job: entry.spec.schedule.job.is_some(),
            watching: entry.spec.watch.is_some(),
            next_run: self.next_time(&entry.spec.name),
            connections: self.connections(entry),
        }
    }

    fn detail(&self, entry: &Entry, trees: &mut Trees, last_words: Option<&str>) -> ProcessDetail {
        let mut spec = (*entry.spec).clone();
        let seen = entry.handle.observed();
        let current = seen.pid.map(|_| seen.state.run);
        let spared = (!spec.stop.treekill).then(|| process::left_by(&self.context, entry.identity.id, current));
        spec.env.inherited = Arc::new(redacted(Arc::unwrap_or_clone(spec.env.inherited)));
        spec.env.app = redacted(spec.env.app);
        spec.env.settings = redacted(spec.env.settings);
        ProcessDetail {
            process: self.view_with(entry, last_words),
            spec,
            unique_id: entry.identity.unique_id.clone(),
            out_log: entry.identity.out_log.as_deref().map(Path::to_owned),
            error_log: entry.identity.error_log.as_deref().map(Path::to_owned),
            combined_log: entry.identity.combined_log.as_deref().map(Path::to_owned),
            pid_file: entry.identity.pid_file(&entry.spec),
            env: shown_environment(&entry.spec, &entry.identity),
            watch: self.watch_of(&entry.spec),
            cause: self.last_cause(entry.identity.id),
            tree: tree_of(entry, trees).map(|tree| Tree { memory: tree.bytes as i64, processes: tree.processes }),
            recycled: replaced(&entry.spec, &entry.handle.observed().state).map(|figure| format!("replaced: {figure}")),
            runs_on: None,
            listens: self.listens(&entry.spec.name),
            schedules: self.registry.borrow().group_of(&entry.spec.name).map(Group::schedules).unwrap_or_default(),
            health: self.health(entry),
            draining: draining(entry),
            panel: entry.handle.panel().clone(),
            left_alive: spared.unwrap_or_default(),
            monitored: entry.monitored,
        }
    }

    /// Why it is where it is, without its status.
    pub(super) fn cause(&self, entry: &Entry) -> Option<String> {
        self.reason_of(entry, &entry.handle.observed(), None).detail()
    }

    fn reason_of<'a>(&self, entry: &'a Entry, seen: &'a Observed, last_words: Option<&'a str>) -> Reason<'a> {
        let refused = self.registry.borrow().group_of(&entry.spec.name).and_then(Group::refused);
        let (held, memory) = (self.held(entry, seen), self.held_by_memory(entry));
        let waits_since_boot = entry.waits_since_boot();
        Reason { spec: &entry.spec, seen, waits_since_boot, held, refused, memory, last_words, now: clock::boot_ms() }
    }

    /// What an app listens on, as far as we hold it.
    pub(super) fn listens(&self, name: &str) -> Vec<String> {
        let mut listens = self.registry.borrow().group_of(name).map(Group::listens).unwrap_or_default();
        listens.extend(self.context.sockets.listens(name));
        listens
    }

    pub(super) fn status_of(&self, id: ProcessId) -> Option<Status> {
        self.registry.borrow().get(id).map(|entry| entry.handle.observed().state.status())
    }
}

/// The process that was replaced, as long as it finishes what it has.
fn draining(entry: &Entry) -> Option<Draining> {
    let seen = entry.passing.as_ref()?.observed();
    let Phase::Stopping { step: StopStep::Drain, deadline, .. } = seen.state.phase else { return None };
    Some(Draining { pid: seen.pid, open: seen.open, left: deadline.saturating_sub(clock::boot_ms()) as i64 })
}

/// What is known of the port that it could not have.
pub(super) fn add_port(process: &mut Process, port: Option<&String>) {
    if let Some(port) = port {
        let reason = process.reason.take().map(|reason| format!("{reason}; ")).unwrap_or_default();
        process.reason = Some(reason + port);
    }
}
