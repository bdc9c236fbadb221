//! A line that somebody waits for, found while output is copied.
//!
//! It is looked for before the bytes leave the app's pipe, and noted where it outlives this program: a line that was
//! copied has been seen. Sources that nobody waits for have no tap, and cost nothing.

use super::source::Partial;
use crate::slots::LineMark;
use regex_lite::Regex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Both streams of a run share one. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Tap {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pattern: Regex,
    mark: LineMark,
    found: AtomicBool,
    waiting: Mutex<Option<oneshot::Sender<()>>>,
}

impl Tap {
    pub(super) fn new(pattern: Regex, mark: LineMark, waiting: oneshot::Sender<()>) -> Self {
        let (found, waiting) = (AtomicBool::new(false), Mutex::new(Some(waiting)));
        Self { inner: Arc::new(Inner { pattern, mark, found, waiting }) }
    }

    /// Looks through the lines that end in the chunk; `partial` is how the first of them began.
    pub(super) fn look(&self, partial: &Partial, chunk: &[u8]) {
        if self.is_through() {
            return;
        }
        let Some(end) = memchr::memrchr(b'\n', chunk) else { return };
        let mut head = partial.bytes.as_slice();
        for line in chunk[..end].split(|byte| *byte == b'\n') {
            if self.matches(head, line) {
                return self.find();
            }
            head = &[];
        }
    }

    fn matches(&self, head: &[u8], line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = if head.is_empty() {
            String::from_utf8_lossy(line)
        } else {
            String::from_utf8_lossy(&[head, line].concat()).into_owned().into()
        };
        self.inner.pattern.is_match(&text)
    }

    fn find(&self) {
        self.inner.mark.set();
        self.inner.found.store(true, Ordering::Release);
        let waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever waited may have gone.
        let _ = waiting.map(|waiting| waiting.send(()));
    }

    /// Nothing is looked for any more.
    pub(super) fn is_through(&self) -> bool {
        self.inner.found.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SpawnId;
    use crate::slots::Standing;

    fn partial(bytes: &[u8]) -> Partial {
        Partial { bytes: bytes.to_vec(), since: 0 }
    }

    #[test]
    fn whole_lines_count_however_they_come() {
        for (head, chunk, found) in [
            (&b""[..], &b"listening on 80\n"[..], true),
            (b"", b"one\r\nlistening on 80\r\n", true),
            (b"liste", b"ning on 80\nmore", true),
            (b"", b"listening on 80", false),
            (b"x", b"listening on 80\n", false),
            (b"", b"listening on eighty\n", false),
            (b"", b"\xff\nlistening on 80\n", true),
        ] {
            let standing = Standing::unkept();
            let (sender, mut waits) = oneshot::channel();
            let tap = Tap::new(Regex::new(r"^listening on \d+$").unwrap(), standing.line_mark(SpawnId(4)), sender);
            tap.look(&partial(head), chunk);
            let text = String::from_utf8_lossy(chunk);
            assert_eq!((standing.has_line(SpawnId(4)), waits.try_recv().is_ok()), (found, found), "{text:?}");
            assert_eq!(tap.is_through(), found);
        }
    }
}
