//! Errors that cross the contract: a stable code, what happened, what to do next.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Stable names, for programs. In JavaScript they are `error.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// Nothing has that name or id.
    NotFound,
    /// `start` of a script that runs already under this name.
    AlreadyRunning,
    /// What something was said to doesn't run.
    NotRunning,
    /// The app did not start, or not stay up.
    StartFailed,
    /// A new version did not become ready; the old one goes on.
    ReloadFailed,
    /// Another reload of the same app is under way.
    ReloadInProgress,
    /// A new program cannot be the daemon; the old one goes on.
    UpdateFailed,
    /// `scale` to the size it has.
    SameSize,
    /// A value that makes no sense.
    Invalid,
    /// An application file that cannot be read or understood.
    Config,
    /// The daemon cannot be reached or started.
    Unreachable,
    /// The daemon, or its home, belongs to somebody else.
    Permission,
    /// A later command on the same process overtook this one.
    Superseded,
    /// The supervisor is leaving.
    Closing,
    /// A defect of ours.
    Internal,
}

impl Code {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyRunning => "ALREADY_RUNNING",
            Self::NotRunning => "NOT_RUNNING",
            Self::StartFailed => "START_FAILED",
            Self::ReloadFailed => "RELOAD_FAILED",
            Self::ReloadInProgress => "RELOAD_IN_PROGRESS",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::SameSize => "SAME_SIZE",
            Self::Invalid => "INVALID",
            Self::Config => "CONFIG",
            Self::Unreachable => "UNREACHABLE",
            Self::Permission => "PERMISSION",
            Self::Superseded => "SUPERSEDED",
            Self::Closing => "CLOSING",
            Self::Internal => "INTERNAL",
        }
    }
}

/// What went wrong, to whom, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    pub code: Code,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
