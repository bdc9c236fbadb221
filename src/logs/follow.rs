//! The past of some files and what comes after it, in one stream, nothing missing and nothing twice.

use super::handle::{Label, Logs};
use super::subscriber::{Item, Subscription};
use super::tail::TailLines;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_blocking};

/// About how much of a file is read at a time.
const BATCH: usize = 256 << 10;

#[derive(Debug)]
pub enum FollowItem {
    /// A file whose last lines follow.
    File {
        label: Label,
        path: PathBuf,
    },
    /// A line of the past.
    Past {
        label: Label,
        line: Vec<u8>,
    },
    /// A file's past cannot be read, or not to its end.
    Unreadable {
        label: Label,
        path: PathBuf,
        error: io::Error,
    },
    Live(Item),
}

/// First the last lines of each file, then what comes live.
pub struct Follow {
    past: VecDeque<Past>,
    /// The file that is being read, and what comes of it. Kept here so that a call may be cancelled.
    reading: Option<JoinHandle<(Option<Past>, Vec<FollowItem>)>>,
    live: Option<Subscription>,
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("files_left", &self.past.len()).finish_non_exhaustive()
    }
}

struct Past {
    label: Label,
    path: PathBuf,
    lines: u32,
    end: Option<u64>,
    reader: Option<TailLines>,
    /// Whether its name has been told.
    named: bool,
}

/// The last `lines` lines of the files, and then, of the sources that are `wanted`, all that is not among them.
pub async fn follow(
    logs: &Logs,
    files: Vec<(Label, PathBuf)>,
    lines: u32,
    wanted: Arc<dyn Fn(&Label) -> bool + Send + Sync>,
) -> Follow {
    let mut live = logs.subscribe_at(wanted, files.iter().map(|(_, path)| path.clone()).collect());
    let mut all = past(files, lines);
    for file in &mut all.past {
        file.end = live.start_of(&file.path).await;
    }
    Follow { live: Some(live), ..all }
}

/// Only the last `lines` lines of the files.
pub fn past(files: Vec<(Label, PathBuf)>, lines: u32) -> Follow {
    let file = |(label, path)| Past { label, path, lines, end: None, reader: None, named: false };
    let past = if lines == 0 { VecDeque::new() } else { files.into_iter().map(file).collect() };
    Follow { past, reading: None, live: None }
}

impl Follow {
    /// The next items; waits for some. `None`: no more come. Safe to cancel.
    pub async fn next(&mut self) -> Option<Vec<FollowItem>> {
        loop {
            if self.reading.is_none() {
                let Some(past) = self.past.pop_front() else { break };
                self.reading = Some(spawn_blocking(move || past.read()));
            }
            if let Some(reading) = &mut self.reading {
                let read = reading.await;
                self.reading = None;
                let (more, items) = read.ok()?;
                if let Some(more) = more {
                    self.past.push_front(more);
                }
                if !items.is_empty() {
                    return Some(items);
                }
            }
        }
        let items = self.live.as_mut()?.next().await?;
        Some(items.into_iter().map(FollowItem::Live).collect())
    }
}

impl Past {
    /// The next batch, and what is left if there is more.
    fn read(mut self) -> (Option<Self>, Vec<FollowItem>) {
        let mut items = Vec::new();
        match self.fill(&mut items) {
            Ok(true) => return (Some(self), items),
            Ok(false) => {}
            // The app has written nothing yet, or the file was emptied just now.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {}
            Err(error) => items.push(FollowItem::Unreadable { label: self.label, path: self.path, error }),
        }
        (None, items)
    }

    fn fill(&mut self, items: &mut Vec<FollowItem>) -> io::Result<bool> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(TailLines::open(&self.path, self.lines, self.end)?),
        };
        let mut bytes = 0;
        for line in reader {
            let line = line?;
            // A file without lines isn't worth a word.
            if !std::mem::replace(&mut self.named, true) {
                items.push(FollowItem::File { label: self.label.clone(), path: self.path.clone() });
            }
            bytes += line.len() + size_of::<FollowItem>();
            items.push(FollowItem::Past { label: self.label.clone(), line });
            if bytes >= BATCH {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
