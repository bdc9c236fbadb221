//! A server that workers share: what is kept of it, and accepting, from its listener to a worker that has room.

use super::connection::Connection;
use super::kept::Tag;
use super::listener::Listener;
use super::state::Inner;
use crate::clock;
use crate::sys::keep::Keep;
use crate::sys::{ready, rest};
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
/// When no worker has room, answers are looked for after this.
const REST: Duration = Duration::from_micros(100);

/// A server of the app. Dropped, it ends here alone; [`Self::close`] ends it for everybody.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) listener: Rc<AsyncFd<Listener>>,
    pub(super) tag: Tag,
    /// The key as JSON text.
    pub(super) key_json: String,
    pub(super) room: Rc<Notify>,
    accepting: AbortHandle,
    keep: Rc<dyn Keep>,
    kept_as: String,
}

impl Server {
    /// Accepts from now on, as soon as the server has members.
    pub(super) fn open(inner: &Rc<Inner>, listener: Listener, tag: Tag, kept_as: String) -> io::Result<Self> {
        let (listener, room) = (Rc::new(ready::register(listener)?), Rc::new(Notify::new()));
        let accepting = accept_loop(Rc::downgrade(inner), tag.key.clone(), Rc::clone(&listener), Rc::clone(&room));
        Ok(Self {
            listener,
            key_json: Value::from(tag.key.as_str()).to_string(),
            tag,
            room,
            accepting: tokio::task::spawn_local(accepting).abort_handle(),
            keep: Rc::clone(&inner.keep),
            kept_as,
        })
    }

    /// Has it kept, with what is known of it now.
    pub(super) fn store(&self) -> io::Result<()> {
        self.keep.put(&self.kept_as, &self.tag.encode()?, self.listener.get_ref().socket())?;
        self.keep.settle()
    }

    /// Data comes from the first worker that has some: a TLS server reads what comes back without looking.
    pub(super) fn learn(&mut self, data: &Value) {
        if !self.tag.data.is_null() || data.is_null() {
            return;
        }
        self.tag.data = data.clone();
        if let Err(error) = self.store() {
            // It is kept without, and the next daemon learns it anew.
            tracing::warn!("the data of {} cannot be kept: {error}", self.listener.get_ref().describe());
        }
    }

    /// Its address is free when this returns.
    pub(super) fn close(self) {
        self.listener.get_ref().close();
        self.keep.forget(&self.kept_as);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts only while a worker has room: until then connections wait in the kernel, where a daemon's death
/// doesn't touch them.
async fn accept_loop(inner: Weak<Inner>, key: String, listener: Rc<AsyncFd<Listener>>, room: Rc<Notify>) {
    let mut batch = 0;
    loop {
        let Some(group) = inner.upgrade() else { return };
        let now = clock::boot();
        if !group.state.borrow().primary.has_room(&key, now) {
            drop(group);
            // All are busy: nobody waits longer for it, and answers come in bunches.
            rest::before_waiting(REST);
            room.notified().await;
            continue;
        }
        let accepted = Connection::accept(listener.get_ref().as_fd(), &group.in_flight).map(|connection| {
            let mut state = group.state.borrow_mut();
            if let Some(next) = state.primary.accepted(&key, connection, now) {
                state.deliver(next);
            }
        });
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
