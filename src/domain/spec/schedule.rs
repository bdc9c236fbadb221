//! What happens to an app by the clock.

use serde::{Deserialize, Serialize};

/// Patterns in the grammar of cron: five fields, or six with seconds first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schedule {
    /// When it is restarted, or started if it is stopped.
    pub restart: Option<String>,
    /// A name of the time zone database; `None` is the daemon's own.
    pub time_zone: Option<String>,
    /// It is a job: it runs at these times and ends by itself.
    pub job: Option<Job>,
}

/// A program that runs and ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Job {
    /// When it is run; `None` is by hand only.
    pub cron: Option<String>,
    pub overlap: Overlap,
    pub catch_up: CatchUp,
    /// Milliseconds after which a run is stopped and counts as failed.
    pub timeout: Option<u64>,
}

/// What becomes of a run that is due while another is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    #[default]
    Skip,
    /// One of them follows when the run before it has ended.
    Queue,
    /// The older one is stopped.
    Replace,
}

/// What becomes of runs that were due while nobody was there to start them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    #[default]
    None,
    /// One run for all of them.
    Once,
}
