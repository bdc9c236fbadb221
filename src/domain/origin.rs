//! Who says something.

use super::ProcessId;
use serde::{Deserialize, Serialize};

/// A process, as far as a message tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub id: ProcessId,
    pub name: String,
    pub namespace: String,
}
