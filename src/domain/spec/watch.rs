//! Which changes of files restart an app.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchPolicy {
    /// Files and directories, absolute. The directory of the app when empty.
    pub paths: Vec<PathBuf>,
    /// Patterns as in a `.gitignore`, or PM2's regular expressions between slashes. `None` is dot files and `node_modules`.
    pub ignore: Option<Vec<String>>,
    /// Milliseconds without a change before the app is restarted.
    pub delay: u64,
}
