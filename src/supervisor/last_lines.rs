//! The last lines of a run that may fail, while they come: its log files have those of other runs too.

use super::last_words::{cut, plain, redact};
use crate::domain::{AppSpec, ProcessId, SpawnId};
use crate::logs::{Item, Logs, Subscription};
use crate::process::Unwritten;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// So many are shown.
const MOST: usize = 12;
/// How long a disk may take for the last of them.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

pub(super) struct LastLines {
    live: Subscription,
    /// Each with its run; the oldest first.
    lines: VecDeque<(SpawnId, String)>,
}

impl LastLines {
    /// Of runs of the process that begin after the one named.
    pub(super) fn follow(logs: &Logs, id: ProcessId, after: SpawnId) -> Self {
        let live = logs.subscribe(Arc::new(move |label| label.id == id && label.spawn > after));
        Self { live, lines: VecDeque::new() }
    }

    /// Reads as long as it is polled.
    pub(super) async fn collect(&mut self) -> Infallible {
        loop {
            match self.live.next().await {
                Some(items) => self.take(items),
                // The log thread has ended: nothing more comes.
                None => std::future::pending().await,
            }
        }
    }

    /// Those of the runs that are meant, once all that they wrote was read; without secrets, and what a terminal would
    /// obey.
    pub(super) async fn last(
        mut self,
        unwritten: &Unwritten,
        spec: &AppSpec,
        is_meant: impl Fn(SpawnId) -> bool,
    ) -> Vec<String> {
        tokio::select! {
            // When all is written it was read before.
            _ = tokio::time::timeout(LAST_OUTPUT, unwritten.none()) => {}
            never = self.collect() => match never {},
        }
        while let Ok(Some(items)) = tokio::time::timeout(Duration::ZERO, self.live.next()).await {
            self.take(items);
        }
        let mut lines: Vec<&(SpawnId, String)> = self.lines.iter().filter(|(run, _)| is_meant(*run)).collect();
        let too_many = lines.len().saturating_sub(MOST);
        lines.drain(..too_many);
        lines.into_iter().map(|(_, line)| cut(&redact(plain(line), spec))).collect()
    }

    fn take(&mut self, items: Vec<Item>) {
        for item in items {
            let Item::Line { label, line, .. } = item else { continue };
            let text = String::from_utf8_lossy(&line).into_owned();
            if text.trim().is_empty() {
                continue;
            }
            // Twice as many: some may be of a run that is not meant.
            if self.lines.len() == 2 * MOST {
                self.lines.pop_front();
            }
            self.lines.push_back((label.spawn, text));
        }
    }
}
