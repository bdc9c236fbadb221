//! A descriptor that a worker gets with an answer: it listens, and accepts or receives, on its own copy.

use super::bun;
use super::kept::Tag;
use super::listener::{Bound, Listener};
use super::message;
use super::state::State;
use super::worker::WorkerId;
use crate::ipc::{Passenger, QueueFull};
use serde_json::Value;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

/// On its way to a worker. Nobody waits for it there, and nothing is lost with it.
#[derive(Debug)]
struct Copy {
    socket: Arc<OwnedFd>,
}

impl AsFd for Copy {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Passenger for Copy {
    fn sent(&self) {}

    fn is_answered(&self) -> bool {
        false
    }
}

impl State {
    /// Answers a query with the listener itself.
    pub(super) fn share(
        &mut self,
        id: WorkerId,
        ack: u64,
        (tag, listener): (&Tag, &Listener),
        data: &Value,
    ) -> Result<(), QueueFull> {
        let seq = self.primary.next_seq();
        let Some(worker) = self.workers.get(&id) else { return Ok(()) };
        let line = if worker.channel.marks() {
            bun::shared_reply(seq, ack, &tag.key, data)
        } else {
            message::shared_reply(seq, ack, &tag.key, data, kind(listener.bound()))
        };
        worker.channel.share(&line, Rc::new(Copy { socket: Arc::clone(listener.socket()) }))
    }
}

/// Node's name of what it makes of the descriptor.
fn kind(bound: &Bound) -> &'static str {
    match bound {
        Bound::Udp(_) => "dgram.Native",
        Bound::Tcp(_) | Bound::Unix(_) | Bound::Abstract(_) => "net.Native",
    }
}
