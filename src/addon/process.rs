//! Processes and daemons as JavaScript objects.

use super::connections::{ProcessConnections, ProcessDraining};
use super::health::ProcessHealth;
use crate::api::response::Cause;
use crate::api::{DaemonInfo as Daemon, Death, Guardian, Process, ProcessDetail, UpdateReport};
use crate::domain::Outcome;
use crate::domain::spec::{Interpreter, Source};
use napi_derive::napi;
use std::collections::BTreeMap;
use std::path::Path;

/// A process of the list.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ProcessInfo {
    /// Given at start, kept across restarts and reloads.
    pub id: u32,
    pub name: String,
    pub namespace: String,
    /// Of the nearest package.json above the script.
    pub version: Option<String>,
    #[napi(ts_type = "'fork' | 'cluster'")]
    pub mode: String,
    /// Its number among the processes of its name, from 0.
    pub instance: u32,
    /// `null` while no process exists.
    pub pid: Option<i32>,
    #[napi(ts_type = "'launching' | 'online' | 'stopping' | 'stopped' | 'waiting restart' | 'errored'")]
    pub status: String,
    pub restarts: u32,
    pub unstable_restarts: u32,
    /// When this run began, in milliseconds since the epoch.
    pub started_at: Option<i64>,
    pub created_at: i64,
    /// Percent of one core.
    pub cpu: f64,
    /// Resident bytes.
    pub memory: i64,
    pub username: Option<String>,
    /// Of the last run, when it ended by itself.
    pub exit_code: Option<i32>,
    /// The number of the signal that ended the last run.
    pub exit_signal: Option<i32>,
    /// The kernel has killed the last run, for want of memory.
    pub oom_killed: bool,
    /// Why it is where it is, when that is not obvious.
    pub reason: Option<String>,
    /// What is odd about this run from its start on: limits that are not in force, a port that is not free.
    pub warnings: Vec<String>,
    /// Whether it can serve, by its probes or its own word; `null` where nothing runs, or nothing tells.
    pub ready: Option<bool>,
    /// What its workers were handed; `null` where it was never one of a cluster.
    pub connections: Option<ProcessConnections>,
    /// It runs and ends: `stopped` is how it is between its runs.
    pub job: bool,
    /// Changes of its files restart it.
    pub watching: bool,
    /// When its schedule restarts it, or runs it, next, in milliseconds since the epoch.
    pub next_run: Option<i64>,
}

impl From<Process> for ProcessInfo {
    fn from(process: Process) -> Self {
        let (exit_code, exit_signal) = match process.exit {
            Some(Outcome::Code(code)) => (Some(code), None),
            Some(Outcome::Signal(signal)) => (None, Some(signal)),
            Some(Outcome::OomKilled) => (None, Some(9)),
            Some(Outcome::Unknown | Outcome::NotStarted(_)) | None => (None, None),
        };
        Self {
            id: process.id.0,
            name: process.name,
            namespace: process.namespace,
            version: process.version,
            mode: process.mode,
            instance: process.instance,
            pid: process.pid,
            status: process.status.as_str().to_owned(),
            restarts: process.restarts,
            unstable_restarts: process.unstable_restarts,
            started_at: process.started_at,
            created_at: process.created_at,
            cpu: process.cpu,
            memory: process.memory,
            username: process.username,
            exit_code,
            exit_signal,
            oom_killed: process.oom_killed,
            reason: process.reason,
            warnings: process.warnings,
            ready: process.ready,
            connections: process.connections.map(Into::into),
            job: process.job,
            watching: process.watching,
            next_run: process.next_run,
        }
    }
}

/// What `describe` tells beside the list.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ProcessDetails {
    pub process: ProcessInfo,
    pub script: String,
    pub args: Vec<String>,
    pub cwd: String,
    /// `none` when the script is executed directly.
    pub interpreter: String,
    pub interpreter_args: Vec<String>,
    /// How many processes the app has.
    pub instances: u32,
    pub unique_id: String,
    pub out_log: Option<String>,
    pub error_log: Option<String>,
    /// The file that has both streams.
    pub combined_log: Option<String>,
    pub pid_file: String,
    /// The environment of the current or last run. Values that look like secrets are redacted.
    pub env: BTreeMap<String, String>,
    /// Ports and paths that its cluster listens on.
    pub listens: Vec<String>,
    /// How each of them is shared among its workers: the schedule, and how many listeners there are.
    pub schedules: Vec<String>,
    /// Bytes that it and all it has started use, while it runs; of pages that are shared each counts once.
    pub tree_memory: Option<i64>,
    /// Why this run took the place of another, where that was above its `max_memory_restart`.
    pub recycled: Option<String>,
    /// Why it was last restarted without anybody asking for it.
    pub cause: Option<RestartCause>,
    /// What its ended runs have left alive, where `treekill` is off.
    pub left_alive: Vec<i32>,
    /// The process that it has replaced, as long as that finishes its connections.
    pub draining: Option<ProcessDraining>,
    /// The mark of `monitor` and `unmonitor`; `null` where it was never marked.
    pub monitored: Option<bool>,
    /// How the current run is.
    pub health: ProcessHealth,
    /// The application file it came from.
    pub source: Option<AppSource>,
}

/// Why a process was restarted that nobody asked to restart.
#[napi(object, object_from_js = false)]
pub struct RestartCause {
    /// In milliseconds since the epoch.
    pub at: i64,
    /// `changed src/a.js (and 3 more)`, `cron_restart 0 3 * * *`.
    pub what: String,
}

impl From<Cause> for RestartCause {
    fn from(cause: Cause) -> Self {
        Self { at: cause.at, what: cause.what }
    }
}

/// The application file an app came from.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct AppSource {
    pub file: String,
    /// The `env_<profile>` it was read with.
    pub profile: Option<String>,
}

impl From<Source> for AppSource {
    fn from(source: Source) -> Self {
        Self { file: text(&source.file), profile: source.profile }
    }
}

impl From<ProcessDetail> for ProcessDetails {
    fn from(detail: ProcessDetail) -> Self {
        let spec = detail.spec;
        let interpreter = match spec.program.interpreter {
            Interpreter::None => "none".to_owned(),
            Interpreter::Named(name) => name,
        };
        Self {
            process: detail.process.into(),
            script: text(&spec.program.path),
            args: spec.args,
            cwd: text(&spec.cwd),
            interpreter,
            interpreter_args: spec.program.interpreter_args,
            instances: spec.instances,
            unique_id: detail.unique_id,
            out_log: detail.out_log.as_deref().map(text),
            error_log: detail.error_log.as_deref().map(text),
            combined_log: detail.combined_log.as_deref().map(text),
            pid_file: text(&detail.pid_file),
            env: detail.env,
            listens: detail.listens,
            schedules: detail.schedules,
            tree_memory: detail.tree.map(|tree| tree.memory),
            recycled: detail.recycled,
            cause: detail.cause.map(Into::into),
            left_alive: detail.left_alive,
            draining: detail.draining.map(Into::into),
            monitored: detail.monitored,
            health: detail.health.into(),
            source: spec.source.map(Into::into),
        }
    }
}

/// Who answers.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct DaemonInfo {
    pub version: String,
    /// Grows when an older client could misunderstand it.
    pub api: u32,
    /// Of the daemon, or of this program when the supervisor is embedded in it.
    pub pid: i32,
    pub home: String,
    pub started_at: i64,
    pub processes: u32,
    /// Which daemon of its guardian this is, from 1; 0 without a guardian.
    pub generation: i64,
    /// The parent of the apps, which keeps them while daemons come and go.
    pub guardian: Option<GuardianInfo>,
    /// How the daemon before this one ended.
    pub last_death: Option<DaemonDeath>,
    pub last_update: Option<DaemonUpdate>,
    /// Connections that killed daemons had accepted and not handed over.
    pub lost_connections: i64,
}

/// The small program that keeps apps alive while daemons come and go.
#[napi(object, object_from_js = false)]
pub struct GuardianInfo {
    pub pid: i32,
    pub version: String,
    pub started_at: i64,
    /// Processes that apps have left behind, and that it has waited for.
    pub orphans: i64,
}

/// The end of a daemon.
#[napi(object, object_from_js = false)]
pub struct DaemonDeath {
    pub generation: i64,
    pub at: i64,
    pub cause: String,
}

/// What became of an `rpm update`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct DaemonUpdate {
    pub at: i64,
    /// The program that was to be the daemon.
    pub program: String,
    /// Why it is not; `null` when it is.
    pub failed: Option<String>,
}

impl From<Guardian> for GuardianInfo {
    fn from(guardian: Guardian) -> Self {
        Self {
            pid: guardian.pid,
            version: guardian.version,
            started_at: guardian.started_at,
            orphans: guardian.orphans as i64,
        }
    }
}

impl From<Death> for DaemonDeath {
    fn from(death: Death) -> Self {
        Self { generation: death.generation as i64, at: death.at, cause: death.cause }
    }
}

impl From<UpdateReport> for DaemonUpdate {
    fn from(update: UpdateReport) -> Self {
        Self { at: update.at, program: text(&update.program), failed: update.failed }
    }
}

impl From<Daemon> for DaemonInfo {
    fn from(daemon: Daemon) -> Self {
        Self {
            version: daemon.version,
            api: daemon.api,
            pid: daemon.pid,
            home: text(&daemon.home),
            started_at: daemon.started_at,
            processes: daemon.processes,
            generation: daemon.generation as i64,
            guardian: daemon.guardian.map(Into::into),
            last_death: daemon.last_death.map(Into::into),
            last_update: daemon.last_update.map(Into::into),
            lost_connections: daemon.lost_connections as i64,
        }
    }
}

/// JavaScript strings are Unicode: other bytes are shown as U+FFFD.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
