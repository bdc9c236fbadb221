//! Accepting: from a listener to a worker that has room.

use super::group::Inner;
use super::listener::Listener;
use crate::clock;
use crate::sys::keep::Keep;
use crate::sys::socket;
use serde_json::Value;
use std::io;
use std::os::fd::AsFd;
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Accepting pauses for this long when the process is out of descriptors.
const OUT_OF_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(20);
/// Connections taken in a row before other tasks have their turn.
const ACCEPT_BATCH: u32 = 32;

/// A server that workers share: its listener, and the task that accepts on it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) listener: Rc<AsyncFd<Listener>>,
    /// The key as JSON text.
    pub(super) key_json: String,
    pub(super) data: Value,
    pub(super) room: Rc<Notify>,
    pub(super) accepting: AbortHandle,
    pub(super) keep: Rc<dyn Keep>,
    pub(super) kept_as: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.keep.forget(&self.kept_as);
    }
}

/// Accepts only while a worker has room: until then connections wait in the kernel, where a daemon's death
/// doesn't touch them.
pub(super) async fn accept_loop(inner: Weak<Inner>, key: String, listener: Rc<AsyncFd<Listener>>, room: Rc<Notify>) {
    let mut batch = 0;
    loop {
        let has_room = match inner.upgrade() {
            Some(inner) => inner.state.borrow().primary.has_room(&key, clock::boot_ms()),
            None => return,
        };
        if !has_room {
            room.notified().await;
            continue;
        }
        let Some(group) = inner.upgrade() else { return };
        // Between these two marks a killed daemon would lose the connection.
        group.in_flight.begin();
        let accepted = socket::accept(listener.get_ref().as_fd()).map(|connection| {
            let mut state = group.state.borrow_mut();
            if let Some(next) = state.primary.accepted(&key, Rc::new(connection), clock::boot_ms()) {
                state.deliver(next);
            }
        });
        group.in_flight.end();
        drop(group);
        match accepted {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                batch = 0;
                match listener.readable().await {
                    Ok(mut ready) => ready.clear_ready(),
                    Err(_) => return,
                }
                continue;
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                tracing::warn!("out of file descriptors: connections to {} wait", listener.get_ref().describe());
                tokio::time::sleep(OUT_OF_DESCRIPTORS_PAUSE).await;
            }
            Err(error) => {
                tracing::warn!("accepting on {} failed: {error}", listener.get_ref().describe());
                tokio::time::sleep(OUT_OF_DESCRIPTORS_PAUSE).await;
            }
        }
        batch += 1;
        if batch % ACCEPT_BATCH == 0 {
            tokio::task::yield_now().await;
        }
    }
}
