//! What an app may use at most, and how the system treats it. Set before its first instruction.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Sizes in bytes. `None` and empty are what the daemon has itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Resident memory of a process with all it has started, above which it is replaced.
    pub max_memory_restart: Option<u64>,
    /// `memory.max` of its control group: it is killed above that.
    pub memory_max: Option<u64>,
    /// `memory.high`: it is slowed down above that.
    pub memory_high: Option<u64>,
    pub cpu: Option<CpuQuota>,
    /// `pids.max`.
    pub pids_max: Option<u32>,
    /// By the lower-case name of the resource, such as `nofile`.
    pub rlimits: BTreeMap<String, ResourceLimit>,
    /// From -20, the most favoured, to 19.
    pub nice: Option<i32>,
    /// The cores it may run on.
    pub cpu_affinity: Vec<u32>,
    /// From -1000, never killed, to 1000, killed first.
    pub oom_score_adj: Option<i32>,
    pub umask: Option<u32>,
}

/// Thousandths of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuQuota(pub u32);

/// `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    pub soft: Option<u64>,
    pub hard: Option<u64>,
}
