//! Jobs as others see them.

use crate::domain::job::History;
use crate::domain::{ProcessId, Status, UnixMs};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub id: ProcessId,
    pub name: String,
    pub status: Status,
    /// `None`: it runs by hand only.
    pub cron: Option<String>,
    /// `None` is the daemon's own.
    pub time_zone: Option<String>,
    /// When it is due next.
    pub next_run: Option<UnixMs>,
    /// A run follows the one that is under way.
    pub queued: bool,
    /// The runs that are remembered, the oldest first; the last may be under way.
    #[serde(flatten)]
    pub history: History,
}
