//! How a run is, as JavaScript objects.

use crate::api::{self, Health};
use napi_derive::napi;

/// How a run is, beside what it is doing.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ProcessHealth {
    /// What is missing before it starts, or is ready, in words.
    pub waits_for: Option<String>,
    pub probes: Vec<ProbeState>,
    /// The last `STATUS=` that it has sent to its notify socket.
    pub status: Option<String>,
    /// It has sent `STOPPING=1`.
    pub leaving: bool,
    /// Why the last run was ended, where nobody had asked for that.
    pub last_ended: Option<String>,
}

/// One probe of the current run.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ProbeState {
    #[napi(ts_type = "'startup' | 'ready' | 'live'")]
    pub phase: String,
    /// What is asked.
    pub question: String,
    /// What its answers amount to; `null` before there are enough.
    pub passes: Option<bool>,
    /// Since when they do, in milliseconds since the epoch.
    pub since: i64,
    /// The last one.
    pub answer: Option<String>,
    /// In a row.
    pub failures: u32,
    pub failure_threshold: u32,
}

impl From<Health> for ProcessHealth {
    fn from(health: Health) -> Self {
        Self {
            waits_for: health.waits_for,
            probes: health.probes.into_iter().map(Into::into).collect(),
            status: health.status,
            leaving: health.leaving,
            last_ended: health.last_ended,
        }
    }
}

impl From<api::ProbeState> for ProbeState {
    fn from(state: api::ProbeState) -> Self {
        Self {
            phase: state.phase,
            question: state.question,
            passes: state.passes,
            since: state.since,
            answer: state.answer,
            failures: state.failures,
            failure_threshold: state.failure_threshold,
        }
    }
}
