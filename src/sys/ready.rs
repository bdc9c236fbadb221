//! Descriptors in the event loop.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use tokio::io::unix::AsyncFd;

/// Registers a descriptor that its owner keeps open for as long as it lives.
pub fn register<T: AsFd + AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: `AsFd` promises that the descriptor is open while `owner` lives, and AsyncFd owns it and deregisters
    // before dropping it. Nothing in this program swaps the descriptor inside such an owner.
    unsafe { AsyncFd::register(owner) }.map_err(Into::into)
}
