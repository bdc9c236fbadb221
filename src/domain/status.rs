//! What is seen of a process.

use serde::{Deserialize, Serialize};
use std::fmt;

/// PM2's words for where a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    #[serde(rename = "launching")]
    Launching,
    #[serde(rename = "online")]
    Online,
    #[serde(rename = "stopping")]
    Stopping,
    #[serde(rename = "stopped")]
    Stopped,
    #[serde(rename = "waiting restart")]
    WaitingRestart,
    #[serde(rename = "errored")]
    Errored,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "launching",
            Self::Online => "online",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::WaitingRestart => "waiting restart",
            Self::Errored => "errored",
        }
    }

    /// Whether an operating system process may exist.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Launching | Self::Online | Self::Stopping)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Code(i32),
    Signal(i32),
    /// By SIGKILL, from the kernel, for want of memory.
    OomKilled,
    /// It ended while nobody could learn how.
    Unknown,
    /// It could not be executed; the value is the `errno`.
    NotStarted(i32),
}

impl Outcome {
    /// The exit code PM2 would record: the code, or 0 after a signal.
    pub const fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            Self::Signal(_) | Self::OomKilled => Some(0),
            Self::Unknown | Self::NotStarted(_) => None,
        }
    }
}
