//! Logs and events, for whoever reads along.

use super::world::World;
use crate::api::{ApiError, Event, EventKind, LogItem, LogQuery, Rollout, Stream};
use crate::bus::PROCESS_EVENT;
use crate::clock;
use crate::domain::selector::Candidate;
use crate::domain::{OutputStream, ProcessId, SpawnId, UnixMs};
use crate::logs::{self, Follow, FollowItem, Item, Label};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Events that wait for a listener. One that is slower is let go: it cannot know what it missed.
const EVENTS_WAITING: usize = 1024;
/// Batches of log lines that wait for a reader; behind them the log room drops and counts.
const LOGS_WAITING: usize = 4;

impl World {
    pub(super) fn listen(&self) -> Stream<Event> {
        let (sender, receiver) = mpsc::channel(EVENTS_WAITING);
        self.listeners.borrow_mut().push(sender);
        receiver
    }

    pub(super) fn announce(&self, id: ProcessId, event: EventKind, manually: bool) {
        self.announce_step(id, event, manually, None);
    }

    pub(super) fn announce_step(&self, id: ProcessId, event: EventKind, manually: bool, rollout: Option<Rollout>) {
        let cause = self.cause_of(id, event);
        let manually = manually && (event != EventKind::Restart || cause.is_none());
        let because = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let step = rollout.as_ref().map(|rollout| format!(" {}", rollout.step.as_str())).unwrap_or_default();
        tracing::info!("{}: {}{step}{because}", self.label(id), event.as_str());
        if self.listeners.borrow().is_empty() && !self.context.bus.wants(PROCESS_EVENT) {
            return;
        }
        let Some(process) = self.registry.borrow().get(id).map(|entry| self.view(entry)) else { return };
        let event = Event { at: clock::unix_ms(), event, manually, cause, process, rollout };
        self.tell_bus(&event);
        self.listeners.borrow_mut().retain(|listener| listener.try_send(Ok(event.clone())).is_ok());
    }

    pub(super) async fn logs(&self, query: LogQuery) -> Result<Stream<Vec<LogItem>>, ApiError> {
        let ids = if query.follow && query.selector.is_all() {
            self.registry.borrow().find(&query.selector)?
        } else {
            self.registry.borrow().select(&query.selector)?
        };
        let files = self.log_files(&ids, query.stream);
        let follow = if query.follow {
            let wanted = wanted(&query, ids);
            logs::follow(&self.context.logs, files, query.lines, wanted).await
        } else {
            logs::past(files, query.lines)
        };
        let (sender, receiver) = mpsc::channel(LOGS_WAITING);
        tokio::task::spawn_local(pump(follow, sender));
        Ok(receiver)
    }

    /// Each file once: merged logs have several writers.
    fn log_files(&self, ids: &[ProcessId], stream: Option<OutputStream>) -> Vec<(Label, PathBuf)> {
        let registry = self.registry.borrow();
        let mut seen = BTreeSet::new();
        let mut files = Vec::new();
        for entry in ids.iter().filter_map(|id| registry.get(*id)) {
            for (which, path) in
                [(OutputStream::Out, &entry.identity.out_log), (OutputStream::Err, &entry.identity.error_log)]
            {
                let Some(path) = path.as_ref().filter(|path| ***path != *Path::new("/dev/null")) else { continue };
                if stream.is_none_or(|wanted| wanted == which) && seen.insert(path.clone()) {
                    let label = Label {
                        id: entry.identity.id,
                        spawn: SpawnId(0),
                        name: entry.spec.name.as_str().into(),
                        namespace: entry.spec.namespace.as_str().into(),
                        stream: which,
                    };
                    files.push((label, path.to_path_buf()));
                }
            }
        }
        files
    }
}

/// Names and namespaces take in processes that come later; ids and scripts mean those that are there now.
fn wanted(query: &LogQuery, ids: Vec<ProcessId>) -> Arc<dyn Fn(&Label) -> bool + Send + Sync> {
    let (mut selector, stream) = (query.selector.clone(), query.stream);
    selector.cwd = None;
    Arc::new(move |label| {
        let candidate =
            Candidate { id: label.id, name: &label.name, namespace: &label.namespace, script: Path::new("") };
        let named = || selector.select(&[candidate]).is_ok_and(|found| !found.is_empty());
        stream.is_none_or(|wanted| wanted == label.stream) && (ids.contains(&label.id) || named())
    })
}

async fn pump(mut follow: Follow, sender: mpsc::Sender<Result<Vec<LogItem>, ApiError>>) {
    loop {
        let items = tokio::select! {
            items = follow.next() => items,
            () = sender.closed() => return,
        };
        let Some(items) = items else { return };
        if sender.send(Ok(items.into_iter().map(convert).collect())).await.is_err() {
            return;
        }
    }
}

/// Bytes that are no text are shown as such.
pub(super) fn as_text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

pub(super) fn output_of(label: &Label, bytes: &[u8], at: Option<UnixMs>) -> LogItem {
    LogItem::Line { id: label.id, name: label.name.to_string(), stream: label.stream, line: as_text(bytes), at }
}

fn convert(item: FollowItem) -> LogItem {
    match item {
        FollowItem::File { label, path } => LogItem::File {
            id: label.id,
            name: label.name.to_string(),
            stream: label.stream,
            path: path.to_string_lossy().into_owned(),
        },
        FollowItem::Past { label, line: bytes } => output_of(&label, &bytes, None),
        FollowItem::Unreadable { label, path, error } => {
            let what = format!("[its log file {} cannot be read: {error}]", path.display());
            output_of(&label, what.as_bytes(), None)
        }
        FollowItem::Live(Item::Line { label, line: bytes, at }) => output_of(&label, &bytes, Some(at)),
        FollowItem::Live(Item::Dropped { bytes }) => LogItem::Dropped { bytes: bytes as i64 },
    }
}
