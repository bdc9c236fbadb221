//! What should run, on disk: written whole at each change, never half.

mod file;
mod snapshot;

pub use file::{Store, StoreError};
pub use snapshot::{SavedProcess, Snapshot};
