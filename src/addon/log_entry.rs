//! What streams carry, as JavaScript objects.

use super::process::ProcessInfo;
use crate::api::{Event, LogItem, Rollout};
use napi_derive::napi;

/// A line that an app wrote.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct LogEntry {
    pub id: u32,
    pub name: String,
    #[napi(ts_type = "'out' | 'err'")]
    pub stream: String,
    /// Without its line break.
    pub line: String,
    /// When it was captured, in milliseconds since the epoch; `null` for a line read back from a file.
    pub at: Option<i64>,
}

/// Some lines, and how many bytes were left out among them because the reader was too slow.
#[napi(object, object_from_js = false)]
pub struct LogBatch {
    pub entries: Vec<LogEntry>,
    pub dropped: i64,
}

impl From<Vec<LogItem>> for LogBatch {
    fn from(items: Vec<LogItem>) -> Self {
        let mut batch = Self { entries: Vec::with_capacity(items.len()), dropped: 0 };
        for item in items {
            match item {
                LogItem::Line { id, name, stream, line, at } => {
                    batch.entries.push(LogEntry { id: id.0, name, stream: stream.as_str().to_owned(), line, at });
                }
                LogItem::File { .. } | LogItem::Resumed => {}
                LogItem::Dropped { bytes } => batch.dropped += bytes,
            }
        }
        batch
    }
}

/// Something that happened to a process.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ProcessEvent {
    /// In milliseconds since the epoch.
    pub at: i64,
    #[napi(
        ts_type = "'start' | 'online' | 'exit' | 'stop' | 'restart' | 'reload' | 'delete' | 'restart overlimit' | 'memory limit' | 'rollout' | 'ready' | 'unhealthy'"
    )]
    pub event: String,
    /// Whether a person or program asked for it.
    pub manually: bool,
    pub process: ProcessInfo,
    /// Of which reload this is a step; `null` where it is none.
    pub rollout: Option<ReloadStep>,
}

/// How far the reload of an app is.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct ReloadStep {
    #[napi(ts_type = "'begun' | 'replaced' | 'watching' | 'returned' | 'finished' | 'failed'")]
    pub step: String,
    /// How many processes it is about.
    pub total: u32,
    /// Their new runs have taken the place of the old ones.
    pub replaced: u32,
    /// Their old runs are back.
    pub returned: u32,
    /// The pid that the process had before this step.
    pub before: Option<i32>,
    /// Milliseconds since the replacement of this process began.
    pub elapsed: Option<i64>,
    /// How long the new ones have to stay well, in milliseconds.
    pub health_window: Option<i64>,
}

impl From<Rollout> for ReloadStep {
    fn from(rollout: Rollout) -> Self {
        Self {
            step: rollout.step.as_str().to_owned(),
            total: rollout.total,
            replaced: rollout.replaced,
            returned: rollout.returned,
            before: rollout.before,
            elapsed: rollout.elapsed.map(|elapsed| elapsed as i64),
            health_window: rollout.health_window.map(|window| window as i64),
        }
    }
}

impl From<Event> for ProcessEvent {
    fn from(event: Event) -> Self {
        Self {
            at: event.at,
            event: event.event.as_str().to_owned(),
            manually: event.manually,
            process: event.process.into(),
            rollout: event.rollout.map(Into::into),
        }
    }
}
