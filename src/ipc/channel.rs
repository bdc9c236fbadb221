//! A channel's descriptor, read and written without blocking.

use super::Inbound;
use super::codec::{Lines, decode};
use super::outbox::{Frame, Outbox};
use crate::sys;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// What may wait for an app that doesn't read, in bytes. More is refused to whoever sends.
const LONGEST_QUEUE: usize = 16 * 1024 * 1024;

/// Descriptors that may wait for the line that they belong to. Node sends one at a time.
const MOST_DESCRIPTORS: usize = 16;
/// Reads in a row before other tasks have their turn.
const READS_IN_A_ROW: u32 = 64;

/// Our end of an app's channel.
#[derive(Debug)]
pub struct Channel {
    fd: AsyncFd<Arc<OwnedFd>>,
    outbox: RefCell<Outbox>,
    inbox: RefCell<Inbox>,
    waiting: Notify,
}

#[derive(Debug, Default)]
struct Inbox {
    lines: Lines,
    descriptors: VecDeque<OwnedFd>,
    ended: bool,
}

/// The app doesn't read what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

impl Channel {
    /// Takes over a non-blocking stream socket.
    pub fn new(fd: Arc<OwnedFd>) -> io::Result<Self> {
        Ok(Self {
            fd: sys::ready::register(fd)?,
            outbox: RefCell::default(),
            inbox: RefCell::default(),
            waiting: Notify::new(),
        })
    }

    /// Queues a line (with its break) and writes what can be written.
    pub fn send(&self, bytes: Vec<u8>) -> Result<(), QueueFull> {
        if self.outbox.borrow().len() + bytes.len() > LONGEST_QUEUE {
            return Err(QueueFull);
        }
        self.queue(Frame { bytes, descriptor: None });
        Ok(())
    }

    /// The same with a descriptor. The caller bounds how many are out.
    pub fn send_descriptor(&self, bytes: Vec<u8>, descriptor: Rc<OwnedFd>) {
        self.queue(Frame { bytes, descriptor: Some(descriptor) });
    }

    fn queue(&self, frame: Frame) {
        self.outbox.borrow_mut().push(frame);
        self.flush();
    }

    /// Writes until nothing is left or the socket is full. A dead channel shows when it is read.
    fn flush(&self) {
        let mut outbox = self.outbox.borrow_mut();
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
        match self.fd.readable().await {
            Ok(mut ready) => ready.clear_ready(),
            Err(_) => return false,
        }
        loop {
            match self.read(READS_IN_A_ROW, &mut each) {
                Read::Emptied => return true,
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
        let mut buffer = [0; 16 * 1024];
        for _ in 0..most {
            let mut messages = Vec::new();
            let emptied = {
                let inbox = &mut *self.inbox.borrow_mut();
                if inbox.ended {
                    return Read::Ended;
                }
                let mut descriptors = Vec::new();
                match sys::channel::receive(self.fd.get_ref().as_fd(), &mut buffer, &mut descriptors) {
                    Ok(count) if count > 0 => {
                        // A read ends early at a descriptor, or because there is nothing more: another read would say
                        // so, and cost as much as the first. What comes later wakes us again.
                        let emptied = count < buffer.len() && descriptors.is_empty();
                        inbox.descriptors.extend(descriptors);
                        let lines = inbox.lines.push(&buffer[..count], |line| messages.push(decode(line)));
                        inbox.ended = lines.is_err() || inbox.descriptors.len() > MOST_DESCRIPTORS;
                        emptied
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Read::Emptied,
                    // A zero read, or the reset of a peer that died with unread bytes.
                    _ => {
                        inbox.ended = true;
                        false
                    }
                }
            };
            for message in messages {
                self.handle(message, each);
            }
            if self.inbox.borrow().ended {
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
            Inbound::HandleAck | Inbound::HandleNack => {
                self.outbox.borrow_mut().acknowledged();
                self.flush();
                each(message, None);
            }
            Inbound::Handle => {
                let descriptor = self.inbox.borrow_mut().descriptors.pop_front();
                // Until it is answered the app queues everything it sends, cluster messages included.
                let answer: &[u8] = match descriptor {
                    Some(_) => b"{\"cmd\":\"NODE_HANDLE_ACK\"}\n",
                    None => b"{\"cmd\":\"NODE_HANDLE_NACK\"}\n",
                };
                if self.send(answer.to_vec()).is_err() {
                    // It sends handles and never reads the answers.
                    self.inbox.borrow_mut().ended = true;
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
