//! Threads of our own.

use nix::sys::signal::SigSet;
use std::ffi::CStr;
use std::io;

/// What the system's tools call this thread; of the first one, the program.
pub fn name(name: &CStr) {
    let _ = nix::sys::prctl::set_name(name);
}

/// Leaves all signals to the other threads, so that no call of this one is interrupted half-way.
pub fn block_signals() -> io::Result<()> {
    SigSet::all().thread_block().map_err(Into::into)
}
