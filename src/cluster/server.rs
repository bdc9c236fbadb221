//! A server that workers share: what is kept of it, and accepting, from its listener to a worker that has room. Of some
//! kinds the workers accept themselves: each has a copy of the listener then.

use super::connection::Connection;
use super::kept::{self, Tag};
use super::later::try_again_later;
use super::listener::Listener;
use super::relieve::{Bell, relieve};
use super::sched::Way;
use super::seats::{SeatListener, Seats};
use super::state::Inner;
use super::worker::Berth;
use crate::clock;
use crate::sys::fault::{self, Point};
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
/// When no worker has room, answers are looked for after this: a fraction of what those that are busy have to do.
const REST: Duration = Duration::from_micros(400);

/// Who accepts.
#[derive(Debug)]
enum Serving {
    /// We do, and hand connections over one by one.
    Accepted { listener: Rc<AsyncFd<Listener>>, kept_as: String, room: Rc<Notify>, accepting: AbortHandle },
    /// The workers do, who have its descriptor.
    Shared { listener: Listener, kept_as: String },
    /// The workers do, each at a listener of its own.
    PerSeat { seats: Seats, bell: Rc<Bell>, relieving: AbortHandle },
}

/// A server of the app. Dropped, it ends here alone; [`Self::close`] ends it for everybody.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) tag: Tag,
    /// The key as JSON text.
    pub(super) key_json: String,
    serving: Serving,
    keep: Rc<dyn Keep>,
}

impl Server {
    /// Accepts from now on, as soon as the server has members; unless these do it themselves.
    pub(super) fn open(inner: &Rc<Inner>, listener: Listener, tag: Tag, kept_as: String) -> io::Result<Self> {
        let serving = if tag.shared {
            Serving::Shared { listener, kept_as }
        } else {
            Serving::accept(inner, listener, kept_as, &tag)?
        };
        Ok(Self::new(inner, serving, tag))
    }

    /// Each worker accepts at its own listener, and is relieved where it doesn't.
    pub(super) fn open_seats(inner: &Rc<Inner>, seats: Seats, tag: Tag) -> Self {
        let bell: Rc<Bell> = Rc::default();
        let relieving = tokio::task::spawn_local(relieve(Rc::downgrade(inner), tag.key.clone(), Rc::clone(&bell)));
        let serving = Serving::PerSeat { seats, bell, relieving: relieving.abort_handle() };
        Self::new(inner, serving, tag)
    }

    fn new(inner: &Rc<Inner>, serving: Serving, tag: Tag) -> Self {
        let key_json = Value::from(tag.key.as_str()).to_string();
        Self { tag, key_json, serving, keep: Rc::clone(&inner.keep) }
    }

    pub(super) fn listener(&self) -> &Listener {
        match &self.serving {
            Serving::Accepted { listener, .. } => listener.get_ref(),
            Serving::Shared { listener, .. } => listener,
            Serving::PerSeat { seats, .. } => seats.first(),
        }
    }

    /// The one that a worker has that accepts there.
    pub(super) fn listener_of(&self, berth: Berth) -> &Listener {
        self.seats().and_then(|seats| seats.at(berth)).unwrap_or_else(|| self.listener())
    }

    pub(super) fn seats(&self) -> Option<&Seats> {
        match &self.serving {
            Serving::PerSeat { seats, .. } => Some(seats),
            Serving::Accepted { .. } | Serving::Shared { .. } => None,
        }
    }

    pub(super) fn seats_mut(&mut self) -> Option<(&mut Seats, &Bell)> {
        match &mut self.serving {
            Serving::PerSeat { seats, bell, .. } => Some((seats, bell)),
            Serving::Accepted { .. } | Serving::Shared { .. } => None,
        }
    }

    /// There is a listener for the berth when this returns; it has been bound if there was none.
    pub(super) fn add_berth(
        &mut self,
        berth: Berth,
        bind: impl Fn(&Listener) -> Result<Listener, i32>,
    ) -> io::Result<()> {
        let Serving::PerSeat { seats, bell, .. } = &mut self.serving else { return Ok(()) };
        if seats.at(berth).is_some() {
            return Ok(());
        }
        let listener = bind(seats.first()).map_err(io::Error::from_raw_os_error)?;
        fault::point(Point::ListenBound);
        seats.add(SeatListener { berth, listener, kept_as: kept::unused_name()? }, &self.tag, self.keep.as_ref())?;
        bell.changed();
        Ok(())
    }

    /// Whether its connections come to us.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.serving, Serving::Accepted { .. })
    }

    /// A worker may have room again.
    pub(super) fn accept_again(&self) {
        match &self.serving {
            Serving::Accepted { room, .. } => room.notify_one(),
            Serving::PerSeat { bell, .. } => bell.room(),
            Serving::Shared { .. } => {}
        }
    }

    /// Has it kept, with what is known of it now.
    pub(super) fn store(&self) -> io::Result<()> {
        match &self.serving {
            Serving::Accepted { kept_as, .. } | Serving::Shared { kept_as, .. } => {
                self.keep.put(kept_as, &self.tag.encode()?, self.listener().socket())?;
                self.keep.settle()
            }
            Serving::PerSeat { seats, .. } => seats.store(&self.tag, self.keep.as_ref()),
        }
    }

    /// Data comes from the first worker that has some: a TLS server reads what comes back without looking.
    pub(super) fn learn(&mut self, data: &Value) {
        if !self.tag.data.is_null() || data.is_null() {
            return;
        }
        self.tag.data = data.clone();
        if let Err(error) = self.store() {
            // It is kept without, and the next daemon learns it anew.
            tracing::warn!("the data of {} cannot be kept: {error}", self.listener().describe());
        }
    }

    /// Its address is free when this returns.
    pub(super) fn close(self) {
        let is_over = match &self.serving {
            Serving::Accepted { kept_as, .. } | Serving::Shared { kept_as, .. } => {
                let is_over = self.listener().close();
                self.keep.forget(kept_as);
                is_over
            }
            Serving::PerSeat { seats, .. } => seats.close(self.keep.as_ref()),
        };
        if !is_over && let Err(error) = self.keep.settle() {
            tracing::warn!("{} may be taken for a moment: {error}", self.listener().describe());
        }
    }
}

impl Serving {
    fn accept(inner: &Rc<Inner>, listener: Listener, kept_as: String, tag: &Tag) -> io::Result<Self> {
        let (listener, room) = (Rc::new(ready::register(listener)?), Rc::new(Notify::new()));
        let accepting = accept_loop(Rc::downgrade(inner), tag.key.clone(), Rc::clone(&listener), Rc::clone(&room));
        let accepting = tokio::task::spawn_local(accepting).abort_handle();
        Ok(Self::Accepted { listener, kept_as, room, accepting })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        match self {
            Self::Accepted { accepting, .. } => accepting.abort(),
            Self::PerSeat { relieving, .. } => relieving.abort(),
            Self::Shared { .. } => {}
        }
    }
}

/// Accepts only while a worker has room: until then connections wait in the kernel, where a daemon's death
/// doesn't touch them.
async fn accept_loop(inner: Weak<Inner>, key: String, listener: Rc<AsyncFd<Listener>>, room: Rc<Notify>) {
    let (mut batch, mut failing) = (0, false);
    loop {
        let Some(group) = inner.upgrade() else { return };
        let now = clock::boot();
        let Some(way) = group.state.borrow().primary.room(&key, now) else {
            drop(group);
            // All have enough to do: nobody waits longer for it, and answers come in bunches.
            rest::before_waiting(REST);
            room.notified().await;
            continue;
        };
        let accept = if way == Way::ByClient { Connection::accept_from } else { Connection::accept };
        let accepted = accept(listener.get_ref().as_fd(), &group.in_flight).map(|connection| {
            let mut state = group.state.borrow_mut();
            if let Some(next) = state.primary.accepted(&key, connection, now) {
                state.deliver(next);
            }
        });
        if way == Way::ByClient {
            try_again_later(&group);
        }
        match accepted {
            Ok(()) => failing = false,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                (batch, failing) = (0, false);
                drop(group);
                match listener.readable().await {
                    Ok(mut ready) => ready.clear_ready(),
                    Err(_) => return,
                }
                continue;
            }
            Err(error) => {
                let what = listener.get_ref().describe();
                if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP)) {
                    // One that a worker has bound is the worker's to end.
                    tracing::warn!("{what} listens no more: {error}");
                    return group.state.borrow_mut().close(&key);
                }
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!("connections to {what} wait, as they cannot be accepted: {error}");
                }
                drop(group);
                tokio::time::sleep(OUT_OF_DESCRIPTORS_PAUSE).await;
                continue;
            }
        }
        drop(group);
        batch += 1;
        if batch % ACCEPT_BATCH == 0 {
            tokio::task::yield_now().await;
        }
    }
}
