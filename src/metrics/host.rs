//! Figures of the machine.

use super::traffic::{Counted, DiskRates, InterfaceRates};
use crate::clock;
use crate::sys::counters::{self, Space};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use sysinfo::System;

/// What is shown of the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct HostFigures {
    /// Percent of all cores together, since the call before.
    pub cpu: f64,
    pub cores: u32,
    pub memory_used: u64,
    pub memory_total: u64,
    /// Over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Seconds since boot.
    pub uptime: u64,
    /// Since the call before, as are the disks' figures.
    pub network: Vec<InterfaceRates>,
    pub disks: Option<DiskRates>,
    /// Where they are used, and how full they are.
    pub file_systems: Vec<(PathBuf, Space)>,
}

/// Asks the system when somebody wants to know; costs nothing otherwise.
#[derive(Debug)]
pub struct HostSampler {
    system: Option<System>,
    /// The last two looks that are far enough from one another.
    counted: (Counted, Counted),
}

impl HostSampler {
    /// Takes the first look: percentages are differences, and the first figure shall be of something.
    pub fn new() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_cpu_usage();
        }
        let counted = Counted::now(clock::boot());
        Self { system, counted: (counted.clone(), counted) }
    }

    /// `None` where the system doesn't say. `places`: the file systems of these paths, each once.
    pub fn figures(&mut self, places: &[&Path]) -> Option<HostFigures> {
        let now = Counted::now(clock::boot());
        if !now.is_too_soon_after(&self.counted.1) {
            let before = std::mem::replace(&mut self.counted.1, now);
            self.counted.0 = before;
        }
        let (before, now) = &self.counted;
        let system = self.system.as_mut()?;
        system.refresh_cpu_usage();
        system.refresh_memory();
        let load = System::load_average().ok()?;
        Some(HostFigures {
            cpu: f64::from(system.global_cpu_usage()),
            cores: system.cpus().len() as u32,
            memory_used: system.used_memory(),
            memory_total: system.total_memory(),
            load: [load.one, load.five, load.fifteen],
            uptime: System::uptime().ok()?,
            network: now.network_since(before),
            disks: now.disks_since(before),
            file_systems: file_systems(places),
        })
    }
}

fn file_systems(places: &[&Path]) -> Vec<(PathBuf, Space)> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for place in places {
        let Ok(device) = place.metadata().map(|of| of.dev()) else { continue };
        if let Some(space) = counters::space(place).filter(|_| !seen.contains(&device)) {
            seen.push(device);
            found.push((place.to_path_buf(), space));
        }
    }
    found
}

impl Default for HostSampler {
    fn default() -> Self {
        Self::new()
    }
}
