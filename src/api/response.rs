//! What a supervisor answers.

use super::Connections;
use super::Health;
use super::Host;
use super::{Job, Reply, SaveReport};
use crate::domain::panel::Panel;
use crate::domain::{AppSpec, Outcome, ProcessId, Status, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Reasons that tell no news.
pub const STOPPED_BY_COMMAND: &str = "stopped by a command";
pub const NOT_STARTED: &str = "stopped, not started since this machine began";
pub const RAN_BEFORE_BOOT: &str = "stopped, ran until the machine was started anew";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Response {
    /// What was acted on (or listed), as it is afterwards.
    Processes(Vec<Process>),
    Details(Vec<ProcessDetail>),
    Specs(Vec<(ProcessId, AppSpec)>),
    /// PM2's `jlist`.
    Pm2(super::pm2::List),
    Daemon(DaemonInfo),
    Host(Host),
    Jobs(Vec<Job>),
    /// One for each process that was asked to do something.
    Replies(Vec<Reply>),
    Saved(SaveReport),
    /// The daemon makes room for another; ask again (it takes a moment to answer) and see `last_update`.
    Updating {
        /// Of the daemon that answers this.
        generation: u64,
    },
    /// It is done; there is nothing to show.
    Done,
}

/// One process of the list.
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with one another")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    pub id: ProcessId,
    pub name: String,
    pub namespace: String,
    /// Of the nearest package.json above the script.
    pub version: Option<String>,
    /// `fork` or `cluster`.
    pub mode: String,
    /// Instance number among the processes of its name, from 0.
    pub instance: u32,
    /// `None` while no process exists.
    pub pid: Option<i32>,
    pub status: Status,
    pub restarts: u32,
    pub unstable_restarts: u32,
    /// When this run began.
    pub started_at: Option<UnixMs>,
    pub created_at: UnixMs,
    /// Percent of one core, over the last sample interval.
    pub cpu: f64,
    /// Resident bytes of the main process.
    pub memory: i64,
    pub username: Option<String>,
    /// How the last run ended.
    pub exit: Option<Outcome>,
    /// The kernel has killed it, for want of memory.
    #[serde(default)]
    pub oom_killed: bool,
    /// Why it is where it is: a sentence that begins with its status, when there is more to say than that.
    pub reason: Option<String>,
    /// It runs and ends: `stopped` is how it is between its runs.
    #[serde(default)]
    pub job: bool,
    /// Changes of its files restart it.
    #[serde(default)]
    pub watching: bool,
    /// When its schedule restarts it, or runs it, next.
    #[serde(default)]
    pub next_run: Option<UnixMs>,
    /// What is odd about this run from its start on: limits that are not in force, a port that is not free.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Two runs of it can serve at the same time: a reload replaces it, and restarts others.
    #[serde(default)]
    pub overlaps: bool,
    /// Whether it can serve, by its probes or its own word; absent where nothing runs, or nothing tells.
    #[serde(default)]
    pub ready: Option<bool>,
    /// What its workers were handed; absent where it was never one of a cluster.
    #[serde(default)]
    pub connections: Option<Connections>,
}

impl Process {
    /// Its reason, where that is news.
    pub fn news(&self) -> Option<&str> {
        self.reason.as_deref().filter(|reason| ![STOPPED_BY_COMMAND, NOT_STARTED, RAN_BEFORE_BOOT].contains(reason))
    }
}

/// One process, with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessDetail {
    pub process: Process,
    pub spec: AppSpec,
    pub unique_id: String,
    pub out_log: Option<PathBuf>,
    pub error_log: Option<PathBuf>,
    /// The file that has both streams.
    #[serde(default)]
    pub combined_log: Option<PathBuf>,
    pub pid_file: PathBuf,
    /// The environment of the current or last run, ours included. Values that look like secrets are redacted.
    pub env: BTreeMap<String, String>,
    /// What it and all it has started use, while it runs.
    #[serde(default)]
    pub tree: Option<Tree>,
    /// `replaced: 812 MB of 800 MB`, where the run before this one was above its `max_memory_restart`.
    #[serde(default)]
    pub recycled: Option<String>,
    #[serde(default)]
    pub runs_on: Option<RunsOn>,
    /// Ports and paths its cluster listens on.
    pub listens: Vec<String>,
    /// How each of them is shared among its workers.
    #[serde(default)]
    pub schedules: Vec<String>,
    #[serde(default)]
    pub health: Health,
    /// What is watched of its files; absent while nothing is.
    #[serde(default)]
    pub watch: Option<Watch>,
    /// Why it was last restarted without anybody asking for it.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// The process that it has taken the place of, while that one finishes its connections.
    #[serde(default)]
    pub draining: Option<Draining>,
    /// What its run has announced: actions, metrics, options.
    #[serde(default)]
    pub panel: Panel,
    /// What its ended runs have left alive, where `treekill` is off.
    #[serde(default)]
    pub left_alive: Vec<i32>,
    /// The mark of `monitor` and `unmonitor`.
    #[serde(default)]
    pub monitored: Option<bool>,
}

/// A process that finishes its connections, and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draining {
    pub pid: Option<i32>,
    /// How many there are, where it tells.
    pub open: Option<u32>,
    /// What it still has, in milliseconds.
    pub left: i64,
}

/// The watching of an app's files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Watch {
    pub directories: u32,
    /// Why it is not all that it should be.
    pub problem: Option<String>,
}

/// Why something was done that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub at: UnixMs,
    /// In words: `changed src/a.js (and 3 more)`, `cron_restart 0 3 * * *`.
    pub what: String,
}

/// A process and all it has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Bytes; of pages that are shared each counts once.
    pub memory: i64,
    pub processes: u32,
}

/// The program of a process that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsOn {
    pub program: PathBuf,
    /// Of a Node.
    pub version: Option<String>,
    /// Why a restart would change that, or should, in words.
    pub drift: Vec<String>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonInfo {
    pub version: String,
    pub api: u32,
    pub pid: i32,
    pub home: PathBuf,
    /// When this daemon began. Apps may be older.
    pub started_at: UnixMs,
    pub processes: u32,
    /// Which daemon of the guardian this is, from 1.
    #[serde(default)]
    pub generation: u64,
    /// The parent of the apps; absent where there is none.
    #[serde(default)]
    pub guardian: Option<Guardian>,
    /// Why the daemon before this one ended, unless this is the first.
    #[serde(default)]
    pub last_death: Option<Death>,
    /// The last `update`.
    #[serde(default)]
    pub last_update: Option<UpdateReport>,
    /// Connections that daemons which were killed had accepted and not handed over.
    #[serde(default)]
    pub lost_connections: u64,
}

/// The small program that keeps apps alive while daemons come and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardian {
    pub pid: i32,
    pub version: String,
    pub started_at: UnixMs,
    /// Processes that apps have left behind, and that it has waited for.
    pub orphans: u64,
}

/// The end of a daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    pub generation: u64,
    pub at: UnixMs,
    /// In words: `killed by SIGKILL`, `ended with code 3`, `did not answer for 15 s`, `made room for an update`.
    pub cause: String,
}

/// What became of the last `update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateReport {
    pub at: UnixMs,
    /// The program that was to take over.
    pub program: PathBuf,
    /// Why it did not; the one before went on. `None`: it runs.
    pub failed: Option<String>,
}
