//! A few words of the shared memory for the log thread: what it was doing when it was cut off.

use crate::sys::memory::SharedWords;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many words there are.
pub const JOURNAL_WORDS: usize = 16;

/// The words, from any thread; one writer.
#[derive(Debug, Clone)]
pub struct Journal {
    memory: Memory,
}

#[derive(Debug, Clone)]
enum Memory {
    Shared { memory: Arc<SharedWords>, at: usize },
    Own(Arc<[AtomicU64; JOURNAL_WORDS]>),
}

impl Journal {
    pub(super) fn shared(memory: Arc<SharedWords>, at: usize) -> Self {
        Self { memory: Memory::Shared { memory, at } }
    }

    /// For a program that nobody goes on from.
    pub fn unkept() -> Self {
        Self { memory: Memory::Own(Arc::default()) }
    }

    pub fn get(&self, word: usize) -> u64 {
        self.words()[word].load(Ordering::Acquire)
    }

    /// Whoever finds this value finds everything that was set before it: a death between two of these leaves the
    /// first alone.
    pub fn set(&self, word: usize, value: u64) {
        self.words()[word].store(value, Ordering::Release);
    }

    fn words(&self) -> &[AtomicU64] {
        match &self.memory {
            Memory::Shared { memory, at } => &memory.words()[*at..*at + JOURNAL_WORDS],
            Memory::Own(words) => &words[..],
        }
    }
}
