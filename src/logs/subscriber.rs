//! Followers: a bounded queue each, filled by the log thread, emptied by whoever follows.

use super::handle::{Label, Starts};
use super::source::PIECE;
use crate::domain::UnixMs;
use crate::sys::epoll::Waker;
use std::fmt;
use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// What one follower may leave unread, bookkeeping included.
pub(super) const BUDGET: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A line without its line break, or a piece of one (see the module's page).
    Line { label: Label, line: Vec<u8>, at: UnixMs },
    /// The follower was too slow: this many bytes, line breaks included, are missing here.
    Dropped { bytes: u64 },
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    items: Vec<Item>,
    /// Of the budget.
    used: usize,
    /// Not queued since the last item.
    dropped: u64,
    /// One side has gone: no more items come, or none are wanted.
    ended: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Queues `head` and `body` as one line if there is room.
    fn push(&mut self, label: &Label, at: UnixMs, head: &[u8], body: &[u8]) -> bool {
        let cost = head.len() + body.len() + size_of::<Item>();
        if self.used + cost > BUDGET {
            return false;
        }
        self.note_dropped();
        self.used += cost;
        self.items.push(Item::Line { label: label.clone(), line: [head, body].concat(), at });
        true
    }

    fn note_dropped(&mut self) {
        let bytes = mem::take(&mut self.dropped);
        if bytes > 0 {
            self.items.push(Item::Dropped { bytes });
        }
    }

    fn take(&mut self) -> Option<Vec<Item>> {
        self.note_dropped();
        self.used = 0;
        (!self.items.is_empty()).then(|| mem::take(&mut self.items))
    }
}

/// The log thread's side of a follower. The follower sees the end when it is dropped.
pub(super) struct Feed {
    queue: Arc<Queue>,
}

impl Feed {
    /// Both sides of a queue. The waker tells the log thread that the follower has gone.
    pub(super) fn new(waker: Arc<Waker>) -> (Self, QueueReader) {
        let queue = Arc::new(Queue::default());
        (Self { queue: Arc::clone(&queue) }, QueueReader { queue, waker })
    }

    /// Nobody follows any more.
    pub(super) fn is_over(&self) -> bool {
        self.queue.lock().ended
    }

    /// Whole lines: `head` is the beginning of the first, `lines` the rest of it and more, ending in a line break.
    pub(super) fn lines(&self, label: &Label, at: UnixMs, mut head: &[u8], mut lines: &[u8]) {
        self.fill(|waiting| {
            while let Some(end) = memchr::memchr(b'\n', lines) {
                if !waiting.push(label, at, head, &lines[..end]) {
                    waiting.dropped += (head.len() + lines.len()) as u64;
                    break;
                }
                head = &[];
                lines = &lines[end + 1..];
            }
        });
    }

    /// Text without a line break, `head` and then `body`, in pieces of a bounded length.
    pub(super) fn pieces(&self, label: &Label, at: UnixMs, mut head: &[u8], mut body: &[u8]) {
        self.fill(|waiting| {
            while head.len() + body.len() > 0 {
                let (piece, rest) = body.split_at(body.len().min(PIECE.saturating_sub(head.len())));
                if !waiting.push(label, at, head, piece) {
                    waiting.dropped += (head.len() + body.len()) as u64;
                    break;
                }
                head = &[];
                body = rest;
            }
        });
    }

    fn fill(&self, add: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.queue.lock();
        if waiting.ended {
            return;
        }
        let was_empty = waiting.items.is_empty();
        add(&mut waiting);
        if was_empty && !waiting.items.is_empty() {
            drop(waiting);
            self.queue.filled.notify_one();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.queue.lock().ended = true;
        self.queue.filled.notify_one();
    }
}

/// The follower's side of the queue.
pub(super) struct QueueReader {
    queue: Arc<Queue>,
    waker: Arc<Waker>,
}

impl Drop for QueueReader {
    fn drop(&mut self) {
        *self.queue.lock() = Waiting { ended: true, ..Waiting::default() };
        self.waker.wake();
    }
}

/// Lines as they come. Dropping it ends it.
pub struct Subscription {
    reader: QueueReader,
    starts: Result<Starts, oneshot::Receiver<Starts>>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) fn new(reader: QueueReader, starts: oneshot::Receiver<Starts>) -> Self {
        Self { reader, starts: Err(starts) }
    }

    /// All that came since the last call; waits for something. `None`: the log thread has ended. Safe to cancel.
    pub async fn next(&mut self) -> Option<Vec<Item>> {
        loop {
            let ended = {
                let mut waiting = self.reader.queue.lock();
                if let Some(items) = waiting.take() {
                    return Some(items);
                }
                waiting.ended
            };
            if ended {
                return None;
            }
            self.reader.queue.filled.notified().await;
        }
    }

    /// Up to which byte of the file the past goes: what follows it comes live. A line that was unfinished at that
    /// moment belongs to what comes live, as a whole. `None` if no source was writing a file of this path.
    pub async fn start_of(&mut self, path: &Path) -> Option<u64> {
        if let Err(starts) = &mut self.starts {
            self.starts = Ok(starts.await.unwrap_or_default());
        }
        self.starts.as_ref().ok().and_then(|starts| starts.get(path).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::label;
    use super::*;

    fn texts(items: Vec<Item>) -> Vec<String> {
        items
            .into_iter()
            .map(|item| match item {
                Item::Line { line, .. } => String::from_utf8(line).unwrap(),
                Item::Dropped { bytes } => format!("-{bytes}"),
            })
            .collect()
    }

    #[test]
    fn lines_are_put_together_with_what_was_kept() {
        let (feed, reader) = Feed::new(Arc::new(Waker::new().unwrap()));
        feed.lines(&label(1), 5, b"on", b"e\n\ntwo\n");
        feed.pieces(&label(1), 5, b"thr", b"ee");
        assert_eq!(texts(reader.queue.lock().take().unwrap()), ["one", "", "two", "three"]);
    }

    #[test]
    fn long_text_comes_in_pieces() {
        let (feed, reader) = Feed::new(Arc::new(Waker::new().unwrap()));
        feed.pieces(&label(1), 5, &[b'h'; 10], &vec![b'x'; 2 * PIECE]);
        let pieces = texts(reader.queue.lock().take().unwrap());
        assert_eq!(pieces.iter().map(String::len).collect::<Vec<_>>(), [PIECE, PIECE, 10]);
    }

    #[test]
    fn what_does_not_fit_is_counted_in_its_place() {
        let (feed, reader) = Feed::new(Arc::new(Waker::new().unwrap()));
        let long = vec![b'x'; 300 << 10];
        for _ in 0..5 {
            feed.lines(&label(1), 5, &long, b"\n");
        }
        feed.lines(&label(1), 5, b"", b"small\n");
        let seen = texts(reader.queue.lock().take().unwrap());
        assert_eq!(seen.len(), 5);
        assert_eq!(seen[3..], [format!("-{}", 2 * (long.len() + 1)), "small".into()]);
        assert!(reader.queue.lock().take().is_none());
    }
}
