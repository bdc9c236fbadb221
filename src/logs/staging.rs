//! What outlives the log thread: the pipe that counts what was consumed, and the words that say of what.

use super::ledger::Ledger;
use crate::slots::Journal;
use crate::sys::pipe;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// As large as anybody may have one.
const SIZE: usize = 1 << 20;

/// Bytes pass through it between an app's pipe and nowhere, after they have been written: how many of a chunk are in
/// it tells the next daemon how many are not in the app's pipe any more. One log thread has one.
#[derive(Debug, Clone)]
pub struct Staging {
    pub(super) pipe: Arc<OwnedFd>,
    pub(super) ledger: Ledger,
}

impl Staging {
    pub fn new(journal: Journal) -> io::Result<Self> {
        Ok(Self::inherited(Arc::new(pipe::lasting(SIZE)?), journal))
    }

    /// The pipe of a log thread before this one. [`super::recover`] comes first.
    pub fn inherited(pipe: Arc<OwnedFd>, journal: Journal) -> Self {
        Self { pipe, ledger: Ledger(journal) }
    }

    /// To be kept where it outlives this program.
    pub fn pipe(&self) -> &Arc<OwnedFd> {
        &self.pipe
    }
}
