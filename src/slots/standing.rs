//! What a run has said of itself, in one word that is written at once: it needs no sum.

use super::table::Inner;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

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

/// The word of one process. Cheap to clone; all copies are the same word.
#[derive(Debug, Clone)]
pub struct Standing {
    word: Word,
}

#[derive(Debug, Clone)]
enum Word {
    Shared { table: Rc<Inner>, at: usize },
    Own(Rc<Cell<u64>>),
}

/// Each of these is true of the current run only: a new one begins with [`Standing::reset`].
impl Standing {
    pub(super) fn shared(table: Rc<Inner>, at: usize) -> Self {
        Self { word: Word::Shared { table, at } }
    }

    /// For a process that nobody goes on with.
    pub fn unkept() -> Self {
        Self { word: Word::Own(Rc::default()) }
    }

    fn get(&self) -> u64 {
        match &self.word {
            Word::Shared { table, at } => table.memory.words()[*at].load(Ordering::Acquire),
            Word::Own(word) => word.get(),
        }
    }

    fn set(&self, value: u64) {
        match &self.word {
            Word::Shared { table, at } => table.memory.words()[*at].store(value, Ordering::Release),
            Word::Own(word) => word.set(value),
        }
    }

    fn mark(&self, bits: u64, on: bool) {
        let word = self.get();
        self.set(if on { word | bits } else { word & !bits });
    }

    /// A new run begins.
    pub fn reset(&self) {
        self.set(0);
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
        self.mark(LISTENING | READY | ONLINE | ((1 << MOST_SERVERS) - 1), true);
    }

    /// It gets no connections any more.
    pub fn set_retired(&self) {
        self.mark(RETIRED, true);
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
