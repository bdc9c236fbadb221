//! Where output goes, and what its lines look like there.

use super::AppSpec;
use crate::domain::log_line::{LineForm, LogType};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where output goes. `None` is the default file in the home; paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogFiles {
    pub out: Option<PathBuf>,
    pub error: Option<PathBuf>,
    /// All instances write one file; otherwise the process id goes before the extension.
    pub merge: bool,
    pub disable: bool,
    /// One more file, for both streams.
    #[serde(default)]
    pub combined: Option<CombinedLog>,
    #[serde(default)]
    pub log_type: LogType,
    /// What each line begins with, in the tokens of Day.js.
    #[serde(default)]
    pub date_format: Option<String>,
    /// That format was asked for as PM2's `time`.
    #[serde(default)]
    pub time: bool,
}

/// Where both streams go together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CombinedLog {
    /// `logs/<name>.log` in the home.
    InHome,
    At(PathBuf),
}

impl AppSpec {
    /// What its lines become in a log; `None` where they stay as they are.
    pub fn line_form(&self) -> Option<LineForm> {
        let LogFiles { log_type, date_format, .. } = &self.logs;
        (*log_type != LogType::Raw || date_format.is_some()).then(|| LineForm {
            log_type: *log_type,
            date_format: date_format.clone(),
            time_zone: self.schedule.time_zone.clone(),
            app: self.name.clone(),
        })
    }
}
