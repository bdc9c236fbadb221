//! Entries as others see them.

use super::actor::World;
use super::registry::Entry;
use crate::api::{ApiError, Host, Process, ProcessDetail, Response, pm2};
use crate::clock;
use crate::cluster::Group;
use crate::domain::lifecycle::Phase;
use crate::domain::spec::Mode;
use crate::domain::{Outcome, ProcessId, Selector, Status};
use crate::process::{Observed, compose, redacted};
use crate::sys::signal;

impl World {
    pub(super) fn list(&self, selector: &Selector) -> Result<Response, ApiError> {
        let ids = self.registry.borrow().find(selector)?;
        Ok(Response::Processes(self.views(&ids)))
    }

    pub(super) fn describe(&self, selector: &Selector) -> Result<Response, ApiError> {
        let ids = self.registry.borrow().select(selector)?;
        let registry = self.registry.borrow();
        let entries = ids.iter().filter_map(|id| registry.get(*id));
        Ok(Response::Details(entries.map(|entry| self.detail(entry)).collect()))
    }

    pub(super) fn specs(&self, selector: &Selector) -> Result<Response, ApiError> {
        let registry = self.registry.borrow();
        let entries = registry.select(selector)?.into_iter().filter_map(|id| registry.get(id));
        Ok(Response::Specs(entries.map(|entry| (entry.identity.id, (*entry.spec).clone())).collect()))
    }

    pub(super) fn pm2_list(&self) -> Response {
        let element = |entry: &Entry| {
            pm2::element(pm2::Parts {
                process: &self.view(entry),
                spec: &entry.spec,
                unique_id: &entry.identity.unique_id,
                out_log: entry.identity.out_log.as_deref(),
                error_log: entry.identity.error_log.as_deref(),
                pid_file: &entry.identity.pid_file,
                env: redacted(compose(&entry.spec, &entry.identity)),
            })
        };
        Response::Pm2(self.registry.borrow().iter().map(element).collect())
    }

    pub(super) fn views(&self, ids: &[ProcessId]) -> Vec<Process> {
        let registry = self.registry.borrow();
        ids.iter().filter_map(|id| registry.get(*id)).map(|entry| self.view(entry)).collect()
    }

    pub(super) fn view(&self, entry: &Entry) -> Process {
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
            exit: seen.state.last_exit,
            reason: self.reason(entry, &seen).or_else(|| self.watch_of(&entry.spec)?.problem),
            job: entry.spec.schedule.job.is_some(),
            next_run: self.next_time(&entry.spec.name),
        }
    }

    pub(super) fn detail(&self, entry: &Entry) -> ProcessDetail {
        let mut spec = (*entry.spec).clone();
        spec.env.inherited = redacted(spec.env.inherited);
        spec.env.app = redacted(spec.env.app);
        ProcessDetail {
            process: self.view(entry),
            spec,
            unique_id: entry.identity.unique_id.clone(),
            out_log: entry.identity.out_log.clone(),
            error_log: entry.identity.error_log.clone(),
            pid_file: entry.identity.pid_file.clone(),
            env: redacted(compose(&entry.spec, &entry.identity)),
            watch: self.watch_of(&entry.spec),
            cause: self.last_cause(entry.identity.id),
            listens: self.registry.borrow().group_of(&entry.spec.name).map(Group::listens).unwrap_or_default(),
        }
    }

    /// Why it is where it is.
    fn reason(&self, entry: &Entry, seen: &Observed) -> Option<String> {
        let state = &seen.state;
        let ended = state.last_exit.map(|exit| describe_exit(exit, seen.launch_error.as_deref()));
        let refused = self.registry.borrow().group_of(&entry.spec.name).and_then(Group::refused);
        let refused = refused.map(|what| format!("it cannot listen on {what}"));
        let and_refused = refused.as_ref().map(|what| format!("; {what}")).unwrap_or_default();
        match state.phase {
            Phase::Errored => Some(match state.last_exit {
                Some(Outcome::NotStarted(_)) => ended.unwrap_or_default(),
                _ => format!(
                    "{} exits in a row, each within {} ms of its start; the last: {}{and_refused}",
                    entry.spec.restart.max_restarts,
                    entry.spec.restart.min_uptime,
                    ended.unwrap_or_default(),
                ),
            }),
            Phase::WaitingRestart { until } => {
                let left = until.saturating_sub(clock::boot_ms());
                Some(format!("restarts in {left} ms; {}{and_refused}", ended.unwrap_or_default()))
            }
            Phase::Stopped => match state.last_exit {
                Some(Outcome::Code(code)) if entry.spec.restart.stop_exit_codes.contains(&code) => {
                    Some(format!("exit code {code} is one of its stop_exit_codes"))
                }
                Some(Outcome::Code(1..)) if !entry.spec.restart.autorestart => {
                    Some(format!("{}; autorestart is off", ended.unwrap_or_default()))
                }
                _ => None,
            },
            Phase::Stopping { .. } if seen.pid.is_none() => Some("waits for what it left behind to end".to_owned()),
            Phase::Launching { .. } if entry.spec.ready.wait_ready => {
                Some("waits for process.send('ready')".to_owned())
            }
            Phase::Online => refused.filter(|_| !seen.listening),
            Phase::Launching { .. } | Phase::Stopping { .. } | Phase::Deleted => None,
        }
    }

    pub(super) fn host_figures(&self) -> Result<Response, ApiError> {
        let figures = self.host.borrow_mut().figures().ok_or_else(|| {
            ApiError::new(crate::api::Code::Internal, "the system tells nothing of its load and memory here")
        })?;
        Ok(Response::Host(Host {
            cpu: figures.cpu,
            cores: figures.cores,
            memory_used: figures.memory_used as i64,
            memory_total: figures.memory_total as i64,
            load: figures.load,
            uptime: figures.uptime as i64,
        }))
    }

    pub(super) fn status_of(&self, id: ProcessId) -> Option<Status> {
        self.registry.borrow().get(id).map(|entry| entry.handle.observed().state.status())
    }
}

/// How a run ended, in words.
pub(super) fn describe_exit(exit: Outcome, launch_error: Option<&str>) -> String {
    match exit {
        Outcome::Code(code) => format!("exit code {code}"),
        Outcome::Signal(number) => {
            format!("ended by {}", signal::name(number).map_or_else(|| format!("signal {number}"), str::to_owned))
        }
        Outcome::Unknown => "ended, nobody knows how".to_owned(),
        Outcome::NotStarted(_) => launch_error.unwrap_or("it could not be executed").to_owned(),
    }
}
