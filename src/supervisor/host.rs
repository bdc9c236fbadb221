//! Figures of the machine, as they are answered.

use super::world::World;
use crate::api::{ApiError, Code, Response, host};
use crate::metrics::{InterfaceRates, Rates, Space};
use std::path::{Path, PathBuf};

impl World {
    pub(super) fn host_figures(&self) -> Result<Response, ApiError> {
        let places = [Path::new("/"), self.home.root()];
        let figures = self
            .host
            .borrow_mut()
            .figures(&places)
            .ok_or_else(|| ApiError::new(Code::Internal, "the system tells nothing of its load and memory here"))?;
        let file_system = |(path, space): (PathBuf, Space)| host::FileSystem {
            path,
            size: space.size as i64,
            used: space.used as i64,
        };
        Ok(Response::Host(host::Host {
            cpu: figures.cpu,
            cores: figures.cores,
            memory_used: figures.memory_used as i64,
            memory_total: figures.memory_total as i64,
            load: figures.load,
            uptime: figures.uptime as i64,
            network: figures.network.into_iter().map(interface).collect(),
            disks: figures.disks.map(|rates| host::Disks { read: rates.read, written: rates.written }),
            file_systems: figures.file_systems.into_iter().map(file_system).collect(),
        }))
    }
}

fn interface(rates: InterfaceRates) -> host::Interface {
    let traffic = |of: Rates| host::Traffic { rate: of.bytes, errors: of.errors, dropped: of.dropped };
    host::Interface { name: rates.name, received: traffic(rates.received), sent: traffic(rates.sent) }
}
