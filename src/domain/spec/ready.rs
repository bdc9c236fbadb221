//! When an app is ready, when it is well, and whom it waits for.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What counts as ready. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadyPolicy {
    /// Wait for `process.send('ready')`.
    pub wait_ready: bool,
    /// How long to wait for readiness; `None` is the default of the verb (3 s at start, 30 s at reload).
    pub listen_timeout: Option<u64>,
    /// Wait for `READY=1` on `NOTIFY_SOCKET` (`sd_notify`).
    #[serde(default)]
    pub notify: bool,
    /// Wait for a line of output that contains a match of this regular expression.
    #[serde(default)]
    pub log_line: Option<String>,
    #[serde(default)]
    pub probes: Probes,
}

/// Questions to a running app, named as Kubernetes names them. Boxed, as few apps have them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Probes {
    /// Until it succeeds the others wait; too many failures are a failed start.
    pub startup: Option<Box<Probe>>,
    /// Whether it can serve now.
    pub ready: Option<Box<Probe>>,
    /// Whether it is well; too many failures end and restart it.
    pub live: Option<Box<Probe>>,
}

/// One question, asked again and again. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub check: Check,
    pub initial_delay: u64,
    pub period: u64,
    pub timeout: u64,
    pub success_threshold: u32,
    pub failure_threshold: u32,
}

impl Probe {
    pub fn of(check: Check) -> Self {
        Self { check, initial_delay: 0, period: 10_000, timeout: 1000, success_threshold: 1, failure_threshold: 3 }
    }
}

/// How it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// GET; well from 200 to 399.
    Http { host: String, port: u16, path: String, headers: BTreeMap<String, String> },
    /// A connection can be opened.
    Tcp { host: String, port: u16 },
    /// A command ends with code 0, in the directory and with the environment of the app.
    Exec { command: Vec<String> },
}

/// Another app, and how it has to be before this one is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub app: String,
    pub condition: Condition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It was executed.
    Started,
    /// It is online.
    Ready,
    /// Its ready and live probes succeed.
    Healthy,
    /// It has ended with code 0.
    Completed,
}
