//! Figures: of each process, sampled, and of the machine, when asked.

mod host;
mod ports;
mod sampler;
mod traffic;
mod trees;

pub use crate::sys::counters::Space;
pub use crate::sys::ports::{Held, Holder};
pub use host::{HostFigures, HostSampler};
pub use ports::{Ports, holders_now};
pub use sampler::{Sample, Sampler};
pub use traffic::{DiskRates, InterfaceRates, Rates};
pub use trees::{Footprint, Root, Trees};
