//! What the workers of a process were given to do.

use crate::domain::UnixMs;
use serde::{Deserialize, Serialize};

/// Connections that the daemon has accepted and handed to the workers of one process of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Handed over, some of them perhaps given back.
    pub dispatched: u64,
    /// Of them not acknowledged by the worker that runs.
    pub outstanding: u32,
    /// A worker didn't want them.
    pub refused: u64,
    /// Taken back and given to others: refused, or not acknowledged when the worker ended.
    pub redispatched: u64,
    /// How many the worker that runs may have outstanding at present; 0 where none runs.
    pub window: u32,
    /// The worker that runs gets no more of them.
    pub draining: bool,
    /// When counting began.
    pub since: UnixMs,
}
