//! Carries out [`super::relief`]: sleeps until something waits in a queue, then looks at all of them now and then.
//!
//! While all queues are empty this costs nothing. While connections come it costs a look every few milliseconds, however
//! many they are: what the workers accept themselves wakes nobody here.

use super::connection::Connection;
use super::message;
use super::relief::{Next, Queue, Relief, Watch};
use super::state::{Inner, State, Worker};
use super::worker::Berth;
use crate::clock;
use crate::slots::InFlight;
use crate::sys::ready;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Notify;

/// Between two looks. A connection waits for a worker that is busy until two of them have found it, and a third one that
/// another worker is awake.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// For this long after it has read something a worker counts as one that comes to what it is given.
const AWAKE_FOR: Duration = Duration::from_millis(15);

/// What wakes the one who looks.
#[derive(Debug, Default)]
pub(super) struct Bell {
    changed: Notify,
    /// Connections could be moved, if somebody had room for them.
    wants_room: Cell<bool>,
}

impl Bell {
    /// A worker begins or ceases to listen, or there is a listener more.
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }

    /// A worker may have room.
    pub(super) fn room(&self) {
        if self.wants_room.take() {
            self.changed.notify_one();
        }
    }
}

/// Ends with the server.
pub(super) async fn relieve(inner: Weak<Inner>, key: String, bell: Rc<Bell>) {
    while let Some((sockets, queues)) = look(&inner, &key) {
        if queues.iter().all(|queue| queue.length == 0) {
            tokio::select! {
                () = arrival(sockets) => {}
                () = bell.changed.notified() => continue,
            }
        }
        let Some((_, queues)) = look(&inner, &key) else { return };
        let mut watch = Watch::begin(&queues);
        loop {
            let _ = tokio::time::timeout(LOOK_EVERY, bell.changed.notified()).await;
            match inner.upgrade().and_then(|group| group.relieve(&key, &mut watch, &bell)) {
                Some(Next::Look) => {}
                Some(Next::Arrival) => break,
                Some(Next::Change) => bell.changed.notified().await,
                None => return,
            }
        }
    }
}

fn look(inner: &Weak<Inner>, key: &str) -> Option<(Vec<Arc<OwnedFd>>, Vec<Queue>)> {
    let group = inner.upgrade()?;
    let state = group.state.borrow();
    let seats = state.servers.get(key)?.seats()?;
    Some((seats.sockets(), seats.queues()))
}

impl Inner {
    /// One look, and what it leads to. `None` when the server is not there any more.
    fn relieve(&self, key: &str, watch: &mut Watch, bell: &Bell) -> Option<Next> {
        let mut state = self.state.borrow_mut();
        let queues = state.servers.get(key)?.seats()?.queues();
        let Relief { from, mut to } = watch.look(&queues);
        if !from.is_empty() {
            to.retain(|berth| state.is_awake(key, *berth));
            if to.is_empty() {
                return Some(Next::Look);
            }
        }
        for (berth, count) in from {
            for _ in 0..count {
                if !state.primary.has_room_at(key, &to, clock::boot()) {
                    bell.wants_room.set(true);
                    return Some(Next::Look);
                }
                // It has been served meanwhile, or its client has gone.
                let Ok(connection) = state.accept_at(key, berth, &self.in_flight)? else { break };
                let now = clock::boot();
                if let Some(next) = state.primary.accepted_for(key, &to, connection, now) {
                    if let Some(worker) = state.workers.get_mut(&next.worker) {
                        worker.unread_at = now;
                    }
                    state.deliver(next);
                }
            }
        }
        Some(watch.next(&queues))
    }
}

impl State {
    /// Whether the event loop of the worker there has just come round. One that is not known to is knocked at: what it
    /// was sent it reads when its loop does.
    fn is_awake(&mut self, key: &str, berth: Berth) -> bool {
        let now = clock::boot();
        let Self { primary, workers, .. } = self;
        let mut there = primary.staying(key).filter(|(_, worker)| worker.berth == berth).map(|(id, _)| id).peekable();
        there.peek().is_some() && there.all(|id| workers.get_mut(&id).is_some_and(|worker| has_turned(worker, now)))
    }

    fn accept_at(&self, key: &str, berth: Berth, in_flight: &InFlight) -> Option<io::Result<Rc<Connection>>> {
        let listener = self.servers.get(key)?.seats()?.at(berth)?;
        Some(Connection::accept(listener.as_fd(), in_flight))
    }
}

fn has_turned(worker: &mut Worker, now: Duration) -> bool {
    if !worker.channel.is_read() {
        worker.unread_at = now;
        return false;
    }
    if now.saturating_sub(worker.unread_at) <= AWAKE_FOR {
        return true;
    }
    worker.unread_at = now;
    // Where it cannot be sent it does not read, which is the answer.
    let _ = worker.channel.send_internal(message::knock());
    false
}

/// Waits until something is in one of the queues. Registered for that alone: else each connection would wake us.
async fn arrival(sockets: Vec<Arc<OwnedFd>>) {
    let registered: Vec<_> = sockets.into_iter().filter_map(|socket| ready::register(socket).ok()).collect();
    if registered.is_empty() {
        return tokio::time::sleep(LOOK_EVERY).await;
    }
    poll_fn(|context| {
        let is_ready = registered.iter().any(|socket| socket.poll_read_ready(context).is_ready());
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
