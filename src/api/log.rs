//! Output of apps, as it crosses the contract. Text: bytes that are not UTF-8 are shown as U+FFFD here (the
//! files keep them as they are).

use crate::domain::{OutputStream, ProcessId, Selector, UnixMs};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    pub selector: Selector,
    /// How many of the last lines of each file come first.
    pub lines: u32,
    /// Whether what is written from now on follows.
    pub follow: bool,
    /// Only one stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<OutputStream>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LogItem {
    Line {
        id: ProcessId,
        name: String,
        stream: OutputStream,
        /// Without its line break.
        line: String,
        /// When it was captured; absent for lines read back from a file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<UnixMs>,
    },
    /// A file whose last lines follow.
    File { id: ProcessId, name: String, stream: OutputStream, path: String },
    /// The reader was too slow: this many bytes were left out here (they are in the file).
    Dropped { bytes: i64 },
    /// The daemon was replaced under this reader: what apps wrote in between is in the files, and may be missing here.
    /// Said by the client, never by a daemon.
    Resumed,
}
