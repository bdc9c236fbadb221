//! Where output goes and what its lines look like, from what was written about it.

use super::{AppOptions, Caller, LogFile, place};
use crate::domain::date_format;
use crate::domain::log_line::LogType;
use crate::domain::spec::{CombinedLog, LogFiles, Mode};
use std::path::{Path, PathBuf};

pub(super) fn log_files(options: &AppOptions, mode: Mode, cwd: &Path, caller: &Caller) -> LogFiles {
    let file = |path: &String| place::log_file(path, cwd, caller);
    LogFiles {
        out: super::complete::filled(options.out_file.as_ref()).map(file),
        error: super::complete::filled(options.error_file.as_ref()).map(file),
        merge: options.merge_logs.unwrap_or(mode == Mode::Fork && options.instances.is_none()),
        disable: options.disable_logs.unwrap_or_default(),
        combined: options.log_file.as_ref().and_then(|log| combined_log(log, file)),
        log_type: options.log_type.as_deref().map(log_type).unwrap_or_default(),
        date_format: log_dates(options).and_then(|(format, _)| format),
        time: options.time.unwrap_or_default(),
    }
}

/// Where both streams go together; `path` says where a path leads.
pub fn combined_log(log: &LogFile, path: impl FnOnce(&String) -> PathBuf) -> Option<CombinedLog> {
    match log {
        LogFile::None => None,
        LogFile::InHome => Some(CombinedLog::InHome),
        LogFile::Path(log) => Some(CombinedLog::At(path(log))),
    }
}

/// What is no type is no reason not to start, as in PM2.
pub fn log_type(word: &str) -> LogType {
    if word == "json" { LogType::Json } else { LogType::Raw }
}

/// The date before each line, if anybody has said anything about it, and whether that is PM2's `time`.
pub fn log_dates(options: &AppOptions) -> Option<(Option<String>, bool)> {
    let time = || (Some(date_format::DEFAULT.to_owned()), true);
    let format = || options.log_date_format.clone().map(|format| (Some(format).filter(|f| !f.is_empty()), false));
    options.time.filter(|time| *time).map(|_| time()).or_else(format)
}

/// A word that means nothing.
pub(super) fn surprise(options: &AppOptions) -> Option<String> {
    let word = options.log_type.as_ref().filter(|word| !["raw", "json", ""].contains(&word.as_str()))?;
    Some(format!("log_type is raw or json; {word:?} is taken for raw"))
}
