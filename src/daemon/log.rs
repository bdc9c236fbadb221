//! The daemon's own log: its standard error, which the launcher has pointed at `rpm.log`.

use crate::paths::Home;
use std::fs;
use std::io;
use tracing::Level;

/// A log larger than this is set aside when a daemon starts.
const LARGEST: u64 = 10 * 1024 * 1024;

pub(super) fn begin() {
    tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_target(false)
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
}

/// Keeps one old log. Called before anything is written, while the file is still the launcher's.
pub(super) fn set_aside(home: &Home) {
    let log = home.daemon_log();
    if fs::metadata(&log).is_ok_and(|file| file.len() > LARGEST) {
        let old = log.with_extension("log.1");
        // A copy, as our standard error is this very file.
        if fs::copy(&log, old).is_ok()
            && let Ok(file) = fs::OpenOptions::new().write(true).open(&log)
        {
            let _ = file.set_len(0);
        }
    }
}
