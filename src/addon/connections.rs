//! What a worker was given to do, and what is left of it, as JavaScript objects.

use crate::api;
use napi_derive::napi;

/// Connections that the daemon has accepted and handed to the workers of one process of a cluster.
#[napi(object, object_from_js = false)]
pub struct ProcessConnections {
    /// Handed over, some of them perhaps given back.
    pub dispatched: i64,
    /// Of them not acknowledged by the worker that runs.
    pub outstanding: u32,
    /// A worker didn't want them (`server.maxConnections`, or a server that it has closed).
    pub refused: i64,
    /// Taken back and given to others: refused, or not acknowledged when the worker ended.
    pub redispatched: i64,
    /// How many the worker that runs may have outstanding at present; 0 where none runs.
    pub window: u32,
    /// The worker that runs gets no more of them.
    pub draining: bool,
    /// When counting began, in milliseconds since the epoch.
    pub since: i64,
}

/// A process that gets no more connections, finishes those that it has, and goes.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ProcessDraining {
    pub pid: Option<i32>,
    /// How many there are; `null` where it doesn't tell.
    pub open: Option<u32>,
    /// The time that it still has, in milliseconds.
    pub left: i64,
}

impl From<api::Draining> for ProcessDraining {
    fn from(seen: api::Draining) -> Self {
        Self { pid: seen.pid, open: seen.open, left: seen.left }
    }
}

impl From<api::Connections> for ProcessConnections {
    fn from(seen: api::Connections) -> Self {
        Self {
            dispatched: seen.dispatched as i64,
            outstanding: seen.outstanding,
            refused: seen.refused as i64,
            redispatched: seen.redispatched as i64,
            window: seen.window,
            draining: seen.draining,
            since: seen.since,
        }
    }
}
