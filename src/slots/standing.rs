//! What a run has said of itself, and what was found out about it: words that are each written at once, and need no sum.

use super::tally::TALLY_WORDS;
use crate::domain::SpawnId;
use crate::sys::memory::SharedWords;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const LISTENING: u64 = 1 << 63;
const READY: u64 = 1 << 62;
const RETIRED: u64 = 1 << 61;
const ONLINE: u64 = 1 << 60;
const ASKED: u64 = 1 << 59;
const GOING: u64 = 1 << 58;
const SIGNAL: u64 = 1 << 48;
const SIGNALS: u64 = 0x3ff << 48;
/// Servers of an app that can be told apart.
pub const MOST_SERVERS: u32 = 48;

/// Of the second word.
const NOTIFIED: u64 = 1 << 0;
const STARTED_UP: u64 = 1 << 1;
const SERVES: u64 = 1 << 2;
const LEAVING: u64 = 1 << 3;
const AGENT: u64 = 1 << 8;
const MARKS: u64 = 1 << 9;
const SECOND: u64 = 1 << 10;
const HELD_BACK: u64 = 1 << 11;

/// What it has said itself, what others have found out, the last run whose line of output was seen, and what it was handed.
pub(super) const WORDS: usize = 3 + TALLY_WORDS;
const SAID: usize = 0;
const FOUND: usize = 1;
const LINE: usize = 2;
pub(super) const TALLY: usize = 3;

/// The words of one process. Cheap to clone; all copies are the same words.
#[derive(Debug, Clone)]
pub struct Standing {
    pub(super) words: Words,
}

#[derive(Debug, Clone)]
pub(super) enum Words {
    Shared { memory: Arc<SharedWords>, at: usize },
    Own(Arc<[AtomicU64; WORDS]>),
}

impl Words {
    pub(super) fn word(&self, which: usize) -> &AtomicU64 {
        match self {
            Self::Shared { memory, at } => &memory.words()[at + which],
            Self::Own(words) => &words[which],
        }
    }
}

/// Notes that a run has printed the line that is waited for. Goes to the thread that reads it, and may come late: it is
/// about its own run only.
#[derive(Debug)]
pub struct LineMark {
    words: Words,
    run: SpawnId,
}

impl LineMark {
    pub fn set(&self) {
        // Runs grow: an older one that comes late changes nothing.
        self.words.word(LINE).fetch_max(self.run.0, Ordering::AcqRel);
    }
}

/// Each of these is true of the current run only: a new one begins with [`Standing::reset`]. (Its [`Tally`] goes on.)
///
/// [`Tally`]: super::Tally
impl Standing {
    pub(super) fn shared(memory: Arc<SharedWords>, at: usize) -> Self {
        Self { words: Words::Shared { memory, at } }
    }

    /// For a process that nobody goes on with.
    pub fn unkept() -> Self {
        Self { words: Words::Own(Arc::default()) }
    }

    fn get(&self) -> u64 {
        self.words.word(SAID).load(Ordering::Acquire)
    }

    fn set(&self, value: u64) {
        self.words.word(SAID).store(value, Ordering::Release);
    }

    fn mark(&self, bits: u64, on: bool) {
        let word = self.get();
        self.set(if on { word | bits } else { word & !bits });
    }

    fn found(&self, bits: u64) -> bool {
        self.words.word(FOUND).load(Ordering::Acquire) & bits != 0
    }

    fn mark_found(&self, bits: u64, on: bool) {
        let word = self.words.word(FOUND);
        let old = word.load(Ordering::Acquire);
        word.store(if on { old | bits } else { old & !bits }, Ordering::Release);
    }

    /// A new run begins.
    pub fn reset(&self) {
        self.set(0);
        self.words.word(FOUND).store(0, Ordering::Release);
    }

    /// It has sent `READY=1`.
    pub fn set_notified(&self) {
        self.mark_found(NOTIFIED, true);
    }

    pub fn is_notified(&self) -> bool {
        self.found(NOTIFIED)
    }

    /// It has sent `STOPPING=1`.
    pub fn set_leaving(&self) {
        self.mark_found(LEAVING, true);
    }

    pub fn is_leaving(&self) -> bool {
        self.found(LEAVING)
    }

    /// Our agent is in it.
    pub fn set_agent(&self) {
        self.mark_found(AGENT, true);
    }

    pub fn has_agent(&self) -> bool {
        self.found(AGENT)
    }

    /// It marks internal messages on its channel, as Bun does.
    pub fn set_marks(&self) {
        self.mark_found(MARKS, true);
    }

    pub fn has_marks(&self) -> bool {
        self.found(MARKS)
    }

    /// It accepts at the second of the two listeners that its place has.
    pub fn set_second(&self, on: bool) {
        self.mark_found(SECOND, on);
    }

    pub fn is_second(&self) -> bool {
        self.found(SECOND)
    }

    /// It gets connections only where no other worker is ready.
    pub fn set_held_back(&self, on: bool) {
        self.mark_found(HELD_BACK, on);
    }

    pub fn is_held_back(&self) -> bool {
        self.found(HELD_BACK)
    }

    /// Its startup probe has succeeded.
    pub fn set_started_up(&self) {
        self.mark_found(STARTED_UP, true);
    }

    pub fn has_started_up(&self) -> bool {
        self.found(STARTED_UP)
    }

    /// Its ready probe succeeds, or not.
    pub fn set_serving(&self, serves: bool) {
        self.mark_found(SERVES, serves);
    }

    pub fn serves(&self) -> bool {
        self.found(SERVES)
    }

    /// For whoever reads its output.
    pub fn line_mark(&self, run: SpawnId) -> LineMark {
        LineMark { words: self.words.clone(), run }
    }

    /// The line of output that its run waits for was seen.
    pub fn has_line(&self, run: SpawnId) -> bool {
        self.words.word(LINE).load(Ordering::Acquire) == run.0 && run.0 != 0
    }

    /// It listens under this server, by the server's number in its app. Numbers from [`MOST_SERVERS`] on are not kept.
    pub fn join(&self, server: u32) {
        if server < MOST_SERVERS {
            self.mark(1 << server, true);
        }
    }

    pub fn leave(&self, server: u32) {
        if server < MOST_SERVERS {
            self.mark(1 << server, false);
        }
    }

    pub fn has_joined(&self, server: u32) -> bool {
        server < MOST_SERVERS && self.get() & (1 << server) != 0
    }

    /// Its first `listening`.
    pub fn set_listening(&self) {
        self.mark(LISTENING, true);
    }

    pub fn is_listening(&self) -> bool {
        self.get() & LISTENING != 0
    }

    /// It has said `ready`.
    pub fn set_ready(&self) {
        self.mark(READY, true);
    }

    pub fn is_ready(&self) -> bool {
        self.get() & READY != 0
    }

    /// Node is up in it.
    pub fn set_online(&self) {
        self.mark(ONLINE, true);
    }

    pub fn is_online(&self) -> bool {
        self.get() & ONLINE != 0
    }

    /// A signal that somebody has asked for is about to be sent to it.
    pub fn count_signal(&self) {
        let word = self.get();
        self.set(word & !SIGNALS | word.wrapping_add(SIGNAL) & SIGNALS);
    }

    /// How many there were. After 1023 it begins anew.
    pub fn signals(&self) -> u16 {
        ((self.get() & SIGNALS) / SIGNAL) as u16
    }

    /// What it has said is lost: it counts as one that listens wherever its app does. A worker refuses connections of
    /// servers that it doesn't know, and another gets them.
    pub fn assume_serving(&self) {
        self.mark_found(NOTIFIED | STARTED_UP | SERVES, true);
        self.mark(LISTENING | READY | ONLINE | ((1 << MOST_SERVERS) - 1), true);
    }

    /// It gets no connections any more.
    pub fn set_retired(&self) {
        self.mark(RETIRED, true);
    }

    /// It gets them again.
    pub fn set_recalled(&self) {
        self.mark(RETIRED, false);
    }

    pub fn is_retired(&self) -> bool {
        self.get() & RETIRED != 0
    }

    /// A worker that drains was told to close its servers.
    pub fn set_going(&self) {
        self.mark(GOING, true);
    }

    pub fn is_going(&self) -> bool {
        self.get() & GOING != 0
    }

    /// The step of the stop that is under way has been carried out: its signal is sent.
    pub fn set_asked(&self, asked: bool) {
        self.mark(ASKED, asked);
    }

    pub fn is_asked(&self) -> bool {
        self.get() & ASKED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_for_its_own_run() {
        let standing = Standing::unkept();
        let marks = [3, 4].map(|run| standing.line_mark(SpawnId(run)));
        assert!(!standing.has_line(SpawnId(0)));
        marks[0].set();
        assert!(standing.has_line(SpawnId(3)));
        standing.reset();
        assert!(!standing.has_line(SpawnId(4)));
        marks[1].set();
        marks[0].set();
        assert!(standing.has_line(SpawnId(4)), "the last words of the run before come late");
    }

    #[test]
    fn a_new_run_has_shown_nothing() {
        let standing = Standing::unkept();
        standing.set_notified();
        standing.set_started_up();
        standing.set_serving(true);
        standing.set_leaving();
        assert!(standing.is_notified() && standing.has_started_up() && standing.serves() && standing.is_leaving());
        standing.set_serving(false);
        assert!(!standing.serves() && standing.is_notified());
        standing.reset();
        assert!(!standing.is_notified() && !standing.has_started_up() && !standing.is_leaving());
    }
}
