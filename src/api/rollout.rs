//! How far a reload is.

use serde::{Deserialize, Serialize};

/// A step of the reload of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    pub step: RolloutStep,
    /// How many processes it is about.
    pub total: u32,
    /// Their new runs have taken the place of the old ones.
    pub replaced: u32,
    /// Their old runs are back.
    pub returned: u32,
    /// The pid that the process had before this step, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i32>,
    /// Milliseconds since the replacement of this process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed: Option<u64>,
    /// How long the new ones have to stay well, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_window: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RolloutStep {
    Begun,
    /// The process runs its new version.
    Replaced,
    /// All do, and have to stay well for the health window.
    Watching,
    /// The process runs the version of before again.
    Returned,
    Finished,
    Failed,
}

impl RolloutStep {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Replaced => "replaced",
            Self::Watching => "watching",
            Self::Returned => "returned",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// Whether no other step of that reload follows.
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Finished | Self::Failed)
    }
}
