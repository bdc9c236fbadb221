//! How the workers of an app share its connections, and how they are replaced.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What holds among the workers of a cluster. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterPolicy {
    pub sched: Sched,
    /// What a worker that leaves has to finish its connections.
    pub drain_timeout: u64,
    /// Whether Node runs with our agent, which helps to drain.
    pub agent: bool,
}

impl Default for ClusterPolicy {
    fn default() -> Self {
        Self { sched: Sched::default(), drain_timeout: 30_000, agent: true }
    }
}

/// Who gets a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sched {
    /// The worker with the fewest that it has not taken yet, in turn among equals.
    #[default]
    RoundRobin,
    /// The one the kernel chooses: each worker has a listener of its own.
    Kernel,
    /// Always the same one for a client's address.
    IpHash,
}

impl Sched {
    /// Whether workers of both can serve one server at a time. Else a change of the schedule needs a restart.
    pub fn shares_listeners_like(self, other: Self) -> bool {
        (self == Self::Kernel) == (other == Self::Kernel)
    }
}

/// How a reload goes about. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RolloutPolicy {
    /// How many are replaced at a time.
    pub parallel: u32,
    /// For this long after the last one was replaced the new ones must stay well, or the version before returns.
    pub health_window: Option<u64>,
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self { parallel: 1, health_window: None }
    }
}

/// A socket that is bound for an app, and inherited by it (`LISTEN_FDS`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// All of IPv6 and IPv4.
    Port(u16),
    Tcp(SocketAddr),
    /// Absolute.
    Unix(PathBuf),
}
