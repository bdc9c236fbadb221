//! A channel's descriptor, read and written without blocking.

use super::Inbound;
use super::codec::decode;
use super::inbox::{Inbox, Look};
use super::outbox::{Frame, Outbox, Passenger};
use crate::sys;
use crate::sys::fault::{self, Point};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// What may wait for an app that doesn't read, in bytes. More is refused to whoever sends.
const LONGEST_QUEUE: usize = 16 * 1024 * 1024;
/// Reads in a row before other tasks have their turn.
const READS_IN_A_ROW: u32 = 64;

/// Our end of an app's channel.
///
/// A message leaves the socket only after it was handled: whoever goes on after our death reads it again. Only a line
/// that is longer than a read, or comes with a descriptor, leaves it before.
#[derive(Debug)]
pub struct Channel {
    fd: AsyncFd<Arc<OwnedFd>>,
    outbox: RefCell<Outbox>,
    inbox: RefCell<Inbox>,
    waiting: Notify,
}

/// The app doesn't read what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

impl Channel {
    /// Takes over a non-blocking stream socket.
    pub fn new(fd: Arc<OwnedFd>) -> io::Result<Self> {
        Self::with(fd, Outbox::default(), Inbox::default())
    }

    /// The same with one that another has read and written: it may have stopped in the middle of a line.
    pub fn adopted(fd: Arc<OwnedFd>) -> io::Result<Self> {
        Self::with(fd, Outbox::behind_another(), Inbox::amid_a_line())
    }

    fn with(fd: Arc<OwnedFd>, outbox: Outbox, inbox: Inbox) -> io::Result<Self> {
        let fd = sys::ready::register(fd)?;
        Ok(Self { fd, outbox: RefCell::new(outbox), inbox: RefCell::new(inbox), waiting: Notify::new() })
    }

    /// Queues a line (with its break) and writes what can be written.
    pub fn send(&self, bytes: Vec<u8>) -> Result<(), QueueFull> {
        if self.outbox.borrow().len() + bytes.len() > LONGEST_QUEUE {
            return Err(QueueFull);
        }
        self.queue(Frame { bytes, descriptor: None });
        Ok(())
    }

    /// The same with a descriptor. The caller bounds how many are out, and says when one was taken.
    pub fn send_descriptor(&self, bytes: Vec<u8>, descriptor: Rc<dyn Passenger>) {
        self.queue(Frame { bytes, descriptor: Some(descriptor) });
    }

    /// The app has answered to a descriptor of ours. Its bare [`Inbound::HandleAck`] doesn't say to which: it may be
    /// one that another has sent on this channel.
    pub fn descriptor_taken(&self) {
        self.outbox.borrow_mut().acknowledged();
        self.flush();
    }

    /// Nothing is written any more.
    pub fn abandon(&self) {
        self.outbox.borrow_mut().clear();
    }

    fn queue(&self, frame: Frame) {
        self.outbox.borrow_mut().push(frame);
        self.flush();
    }

    /// Writes until nothing is left or the socket is full. A dead channel shows when it is read.
    fn flush(&self) {
        let mut outbox = self.outbox.borrow_mut();
        if outbox.asks_for_unread() {
            // Where it can't be known, nobody reads.
            outbox.unread(sys::channel::unread_by_peer(self.fd.get_ref().as_fd()).unwrap_or(0));
            if outbox.asks_for_unread() {
                self.waiting.notify_one();
            }
        }
        while let Some((bytes, descriptor)) = outbox.next() {
            let descriptor = descriptor.map(|fd| fd.as_fd());
            match sys::channel::send(self.fd.get_ref().as_fd(), bytes, descriptor) {
                Ok(count) => outbox.wrote(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting.notify_one();
                    return;
                }
                // Too many descriptors in flight for this user, or the peer is gone: an acknowledgement or the end
                // of the channel brings us back here.
                Err(_) => return,
            }
        }
    }

    /// Writes what could not be written at once. Never returns; run it beside [`Self::receive`].
    pub async fn write_later(&self) {
        loop {
            self.waiting.notified().await;
            if let Ok(mut ready) = self.fd.writable().await {
                ready.clear_ready();
                drop(ready);
                self.flush();
            }
        }
    }

    /// Waits for messages and hands each to `each`, with the descriptor that came with a [`Inbound::Handle`].
    /// False once the channel has ended.
    pub async fn receive(&self, mut each: impl FnMut(Inbound, Option<OwnedFd>)) -> bool {
        let closed = match self.fd.readable().await {
            Ok(mut ready) => {
                let closed = ready.ready().is_read_closed();
                ready.clear_ready();
                closed
            }
            Err(_) => return false,
        };
        loop {
            match self.read(READS_IN_A_ROW, &mut each) {
                // The end is not read behind the beginning of a line, which stays where it is.
                Read::Emptied => return !closed,
                Read::Ended => return false,
                // An app that writes without end has no more than its turn.
                Read::More => tokio::task::yield_now().await,
            }
        }
    }

    /// The same for what is there already. False once the channel has ended.
    pub fn receive_now(&self, mut each: impl FnMut(Inbound, Option<OwnedFd>)) -> bool {
        !matches!(self.read(u32::MAX, &mut each), Read::Ended)
    }

    fn read(&self, most: u32, each: &mut impl FnMut(Inbound, Option<OwnedFd>)) -> Read {
        let fd = self.fd.get_ref().as_fd();
        let mut buffer = [0; 16 * 1024];
        for _ in 0..most {
            let look = self.inbox.borrow_mut().look(fd, &mut buffer);
            let emptied = match look {
                Look::Lines { length, emptied } => {
                    for line in buffer[..length - 1].split(|byte| *byte == b'\n') {
                        let message = decode(line);
                        if !self.inbox.borrow_mut().is_a_rest(&message) {
                            self.handle(message, each);
                        }
                    }
                    fault::point(Point::ChannelHandled);
                    if sys::channel::consume(fd, &mut buffer[..length]).is_err() {
                        self.inbox.borrow_mut().end();
                    }
                    emptied
                }
                Look::Taken { messages, emptied } => {
                    for message in messages {
                        self.handle(message, each);
                    }
                    emptied
                }
                Look::Nothing => return Read::Emptied,
                Look::Ended => return Read::Ended,
            };
            if self.inbox.borrow().has_ended() {
                return Read::Ended;
            }
            if emptied {
                return Read::Emptied;
            }
        }
        Read::More
    }

    fn handle(&self, message: Inbound, each: &mut impl FnMut(Inbound, Option<OwnedFd>)) {
        match message {
            Inbound::Handle => {
                let descriptor = self.inbox.borrow_mut().descriptor();
                // Until it is answered the app queues everything it sends, cluster messages included.
                let answer: &[u8] = match descriptor {
                    Some(_) => b"{\"cmd\":\"NODE_HANDLE_ACK\"}\n",
                    None => b"{\"cmd\":\"NODE_HANDLE_NACK\"}\n",
                };
                if self.send(answer.to_vec()).is_err() {
                    // It sends handles and never reads the answers.
                    self.inbox.borrow_mut().end();
                }
                each(Inbound::Handle, descriptor);
            }
            other => each(other, None),
        }
    }
}

enum Read {
    /// Nothing more is there.
    Emptied,
    More,
    Ended,
}
