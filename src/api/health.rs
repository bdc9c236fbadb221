//! How a run is.

use crate::domain::UnixMs;
use serde::{Deserialize, Serialize};

/// Beside what it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Health {
    /// What is missing before it starts, or is ready, in words.
    #[serde(default)]
    pub waits_for: Option<String>,
    #[serde(default)]
    pub probes: Vec<ProbeState>,
    /// The last `STATUS=` that it has sent to its notify socket.
    #[serde(default)]
    pub status: Option<String>,
    /// It has sent `STOPPING=1`.
    #[serde(default)]
    pub leaving: bool,
    /// Why the last run was ended, where nobody had asked for that.
    #[serde(default)]
    pub last_ended: Option<String>,
}

/// One probe of the current run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeState {
    /// `startup`, `ready` or `live`.
    pub phase: String,
    /// What is asked.
    pub question: String,
    /// What its answers amount to; `None` before there are enough.
    pub passes: Option<bool>,
    /// Since when they do.
    pub since: UnixMs,
    /// The last one.
    pub answer: Option<String>,
    /// In a row.
    pub failures: u32,
    pub failure_threshold: u32,
}
