//! Figures: of each process, sampled, and of the machine, when asked.

mod host;
mod sampler;
mod trees;

pub use host::{HostFigures, HostSampler};
pub use sampler::{Sample, Sampler};
pub use trees::{Footprint, Root, Trees};
