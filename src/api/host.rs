//! Figures of the machine.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Percent of all cores together.
    pub cpu: f64,
    pub cores: u32,
    pub memory_used: i64,
    pub memory_total: i64,
    /// Over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Seconds since boot.
    pub uptime: i64,
    /// Interfaces that have ever carried anything. Rates are those since somebody last asked for these figures.
    #[serde(default)]
    pub network: Vec<Interface>,
    #[serde(default)]
    pub disks: Option<Disks>,
    #[serde(default)]
    pub file_systems: Vec<FileSystem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub received: Traffic,
    pub sent: Traffic,
}

/// One direction of an interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes a second.
    pub rate: f64,
    /// A minute.
    pub errors: f64,
    /// A minute.
    pub dropped: f64,
}

/// All disks together, in bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Disks {
    pub read: f64,
    pub written: f64,
}

/// Where something of ours is, and the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileSystem {
    pub path: PathBuf,
    pub size: i64,
    pub used: i64,
}
