//! Requests that change something, as they are remembered for a daemon after this one.

use crate::domain::{ProcessId, SpawnId};
use serde::{Deserialize, Serialize};

/// A request by its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRequest {
    pub key: String,
    pub stage: Stage,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It may have been carried out, in part or wholly.
    Begun(Begun),
    /// It was, with this answer, as JSON.
    Through(String),
}

/// What a request was about when it began: whoever goes on with it does only what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begun {
    /// Processes, each with its run of then: one with another run has been dealt with.
    Processes(Vec<(ProcessId, SpawnId)>),
    /// The same for each app of a `start`.
    Start(Vec<Vec<(ProcessId, SpawnId)>>),
    /// How many there are to be, and those that were put on the list for that.
    Scale { target: u32, new: Vec<ProcessId> },
    /// Processes, each with its run of then and how many signals that had been sent: one of which that has changed has
    /// been dealt with.
    Signal(Vec<(ProcessId, SpawnId, u16)>),
    /// The daemon that was to make room, and when the last update before this one was reported.
    Update { generation: u64, reported: Option<i64> },
}
