//! Threads of our own.

use nix::sys::signal::SigSet;
use std::io;

/// Leaves all signals to the other threads, so that no call of this one is interrupted half-way.
pub fn block_signals() -> io::Result<()> {
    SigSet::all().thread_block().map_err(Into::into)
}
