//! The daemon's own log: its standard error, which the launcher has pointed at `rpm.log`. Never more than two files
//! of [`LARGEST`] bytes.

use crate::domain::date_format;
use crate::paths::Home;
use jiff::Zoned;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs};
use tokio::sync::mpsc;
use tracing::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// A log of more bytes is set aside, over the one that was set aside before.
const LARGEST: u64 = 10 * 1024 * 1024;
/// Bytes between two looks at the file.
const LOOK_EVERY: u64 = 1024 * 1024;

/// Lines that wait for who passes them on; more are in the file only.
const WAITING: usize = 256;

/// Gives the lines of the log besides, as they are written.
pub(super) fn begin(home: Option<Home>) -> mpsc::Receiver<String> {
    let (lines, receiver) = mpsc::channel(WAITING);
    let writer = move || Log { home: home.clone(), lines: lines.clone() };
    tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_target(false)
        .with_ansi(false)
        .with_timer(Clock { format: date_format_wanted() })
        .with_writer(writer)
        .init();
    receiver
}

/// PM2's setting of what a line begins with: `RPM_LOG_DATE_FORMAT`, else `PM2_LOG_DATE_FORMAT`.
fn date_format_wanted() -> Option<String> {
    ["RPM_LOG_DATE_FORMAT", "PM2_LOG_DATE_FORMAT"].into_iter().find_map(|name| env::var(name).ok())
}

/// What lines begin with.
struct Clock {
    /// In the tokens of Day.js; nothing at all where it is empty.
    format: Option<String>,
}

impl FormatTime for Clock {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        match &self.format {
            None => SystemTime.format_time(to),
            Some(format) => to.write_str(&date_format::format(&Zoned::now(), format)),
        }
    }
}

/// Standard error, with an eye on how much was written.
struct Log {
    home: Option<Home>,
    lines: mpsc::Sender<String>,
}

static WRITTEN: AtomicU64 = AtomicU64::new(LOOK_EVERY);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = WRITTEN.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if written >= LOOK_EVERY {
            WRITTEN.store(0, Ordering::Relaxed);
            if let Some(home) = &self.home {
                set_aside(home);
            }
        }
        // Of one that nobody reads there is no more than fits.
        let _ = self.lines.try_send(String::from_utf8_lossy(bytes).into_owned());
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn set_aside(home: &Home) {
    let log = home.daemon_log();
    if fs::metadata(&log).is_ok_and(|file| file.len() > LARGEST) {
        // A copy, as our standard error is this very file; it is opened for appending, and goes on at its new end.
        let copied = fs::copy(&log, log.with_extension("log.1"));
        let emptied = fs::OpenOptions::new().write(true).open(&log).and_then(|file| file.set_len(0));
        let _ = (copied, emptied);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        fs::write(home.daemon_log(), "small").unwrap();
        set_aside(&home);
        assert_eq!(fs::read_to_string(home.daemon_log()).unwrap(), "small");
        fs::write(home.daemon_log(), vec![b'x'; LARGEST as usize + 1]).unwrap();
        set_aside(&home);
        assert_eq!(fs::metadata(home.daemon_log()).unwrap().len(), 0);
        assert_eq!(fs::metadata(directory.path().join("rpm.log.1")).unwrap().len(), LARGEST + 1);
    }
}
