//! Figures of the machine.

use sysinfo::System;

/// What is shown of the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
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
}

/// Asks the system when somebody wants to know; costs nothing otherwise.
#[derive(Debug)]
pub struct HostSampler {
    system: Option<System>,
}

impl HostSampler {
    /// Takes the first look: percentages are differences, and the first figure shall be of something.
    pub fn new() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_cpu_usage();
        }
        Self { system }
    }

    /// `None` where the system doesn't say.
    pub fn figures(&mut self) -> Option<HostFigures> {
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
        })
    }
}

impl Default for HostSampler {
    fn default() -> Self {
        Self::new()
    }
}
