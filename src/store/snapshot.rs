//! The saved form. Its own type, so that the file's format changes only on purpose.

use super::request::SavedRequest;
use crate::domain::alike::{self, Alike};
use crate::domain::{AppSpec, BootMs, ProcessId, SpawnId, UnixMs};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Grows when an older program could misread the file. Fields that are only added keep it.
const VERSION: u32 = 1;

/// The list, as it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub(super) version: u32,
    /// Which boot of the machine it belongs to: pids mean nothing in another.
    pub boot: String,
    /// The end was orderly: everything was stopped on purpose.
    pub closed: bool,
    /// The system asked for that end: after its next start the list is there again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_system: bool,
    /// The next process id.
    pub next_id: u32,
    /// A run id that no run has had.
    pub next_run: u64,
    #[serde(deserialize_with = "alike::read")]
    pub processes: Vec<SavedProcess>,
    /// The last requests that changed something, the oldest first.
    #[serde(default)]
    pub requests: Vec<SavedRequest>,
    /// Runs of processes that are on no list, and are left alone all the same: nobody knows that they should not run.
    #[serde(default)]
    pub left_alone: Vec<SpawnId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape of skip_serializing_if")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Bytes that are no list.
#[derive(Debug)]
pub enum ParseError {
    Damaged(serde_json::Error),
    /// The version of the form.
    Newer(u32),
}

impl Snapshot {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        // Alone, first: of a newer form nothing else may be understood.
        let Form { version } = serde_json::from_slice(bytes).map_err(ParseError::Damaged)?;
        if version > VERSION {
            return Err(ParseError::Newer(version));
        }
        serde_json::from_slice(bytes).map_err(ParseError::Damaged)
    }

    pub fn new(boot: String, closed: bool, next_id: u32, next_run: u64, processes: Vec<SavedProcess>) -> Self {
        Self {
            version: VERSION,
            boot,
            closed,
            by_system: false,
            next_id,
            next_run,
            processes,
            requests: Vec::new(),
            left_alone: Vec::new(),
        }
    }

    #[must_use]
    pub const fn ended_by_system(mut self, by_system: bool) -> Self {
        self.by_system = by_system;
        self
    }

    #[must_use]
    pub fn with_requests(mut self, requests: Vec<SavedRequest>) -> Self {
        self.requests = requests;
        self
    }

    #[must_use]
    pub fn with_left_alone(mut self, runs: Vec<SpawnId>) -> Self {
        self.left_alone = runs;
        self
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedProcess {
    pub id: ProcessId,
    pub instance: u32,
    pub unique_id: String,
    pub spec: Arc<AppSpec>,
    /// Whether it should run. What it was doing is in its slot.
    pub wanted: bool,
    /// It ran until the machine was started anew, and has neither been started nor stopped since.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ran_before_boot: bool,
    /// It is between a stop and a start of one command: whoever comes upon it starts it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub returns: bool,
    pub restarts: u32,
    pub created_at: UnixMs,
    /// During the health window of a reload: what returns if the new run does not stay well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<SavedStandby>,
    /// The mark of `monitor` and `unmonitor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitored: Option<bool>,
}

impl Alike for SavedProcess {
    /// The processes of an app are described alike.
    fn share_with(&mut self, other: &Self) {
        if self.spec == other.spec {
            self.spec = Arc::clone(&other.spec);
        } else {
            Arc::make_mut(&mut self.spec).share_with(&other.spec);
        }
    }
}

/// The run before the current one, which lives still, and what it was started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedStandby {
    pub run: SpawnId,
    /// The run that is on trial.
    pub by: SpawnId,
    pub spec: Arc<AppSpec>,
    /// When the window is over; absent while others of the app are still being replaced.
    #[serde(default)]
    pub until: Option<BootMs>,
}
