//! What happens to processes, as a stream.

use super::{Process, Rollout};
use crate::domain::UnixMs;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at: UnixMs,
    pub event: EventKind,
    /// Whether a person or program asked for it.
    pub manually: bool,
    /// Why it happens, where nobody asked for it: a file that changed, a time that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    pub process: Process,
    /// Of which reload this is a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// PM2's names of process events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    #[serde(rename = "start")]
    Start,
    #[serde(rename = "online")]
    Online,
    #[serde(rename = "exit")]
    Exit,
    #[serde(rename = "stop")]
    Stop,
    #[serde(rename = "restart")]
    Restart,
    #[serde(rename = "reload")]
    Reload,
    /// A reload begins, waits whether the new version stays well, or is over; `reload` tells of each process.
    #[serde(rename = "rollout")]
    Rollout,
    #[serde(rename = "delete")]
    Delete,
    #[serde(rename = "restart overlimit")]
    RestartOverlimit,
    /// It uses more memory than its `max_memory_restart`, and is about to be replaced.
    #[serde(rename = "memory limit")]
    MemoryLimit,
    /// It can serve, as its settings ask.
    #[serde(rename = "ready")]
    Ready,
    /// It cannot serve any more, or is ended because a probe failed.
    #[serde(rename = "unhealthy")]
    Unhealthy,
}

impl EventKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Online => "online",
            Self::Exit => "exit",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Rollout => "rollout",
            Self::Delete => "delete",
            Self::RestartOverlimit => "restart overlimit",
            Self::MemoryLimit => "memory limit",
            Self::Ready => "ready",
            Self::Unhealthy => "unhealthy",
        }
    }
}
