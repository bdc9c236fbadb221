//! What a supervisor answers.

use crate::domain::{AppSpec, Outcome, ProcessId, Status, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Response {
    /// What was acted on (or listed), as it is afterwards.
    Processes(Vec<Process>),
    Details(Vec<ProcessDetail>),
    Specs(Vec<(ProcessId, AppSpec)>),
    /// Elements of PM2's `jlist`.
    Pm2(Vec<serde_json::Value>),
    Daemon(DaemonInfo),
    Host(Host),
    /// It is done; there is nothing to show.
    Done,
}

/// One process of the list.
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
    /// Why it is where it is, in words, when that is not obvious.
    pub reason: Option<String>,
}

/// One process, with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessDetail {
    pub process: Process,
    pub spec: AppSpec,
    pub unique_id: String,
    pub out_log: Option<PathBuf>,
    pub error_log: Option<PathBuf>,
    pub pid_file: PathBuf,
    /// The environment of the current or last run, ours included. Values that look like secrets are redacted.
    pub env: BTreeMap<String, String>,
    /// Ports and paths its cluster listens on.
    pub listens: Vec<String>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonInfo {
    pub version: String,
    pub api: u32,
    pub pid: i32,
    pub home: PathBuf,
    pub started_at: UnixMs,
    pub processes: u32,
}

/// Figures of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Percent of all cores together.
    pub cpu: f64,
    pub cores: u32,
    pub memory_used: i64,
    pub memory_total: i64,
    /// Over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Seconds since boot.
    pub uptime: i64,
}
