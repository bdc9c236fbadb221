//! The guardian's end of the socket to one daemon: reads what came, writes what there is to say, never waits.

use super::message::{Child, ExitRecord, LONGEST_MESSAGE, Message};
use super::store::Store;
use crate::sys::packet;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Answers that a daemon has not read. It waits for each, so more than a few are a daemon gone wrong.
const MOST_ANSWERS: usize = 64;

/// One packet from the other end.
#[derive(Debug)]
pub(super) enum Incoming {
    Message {
        message: Message,
        sender: i32,
        descriptor: Option<OwnedFd>,
        truncated: bool,
    },
    /// Bytes that are no message.
    Garbage,
    /// Nothing more at the moment.
    Empty,
    /// Nobody is left who could send: the daemon, and every child that has not been executed yet.
    End,
}

#[derive(Debug)]
pub(super) struct Wire {
    socket: OwnedFd,
    /// Names the daemon's end in `/proc`.
    pub(super) peer: u64,
    answers: VecDeque<Message>,
    /// Runs that the answer to `GET` has still to tell: those that lived then, and those that had ended.
    lives: VecDeque<Child>,
    ends: VecDeque<ExitRecord>,
    /// The last entry that the answer to `GET` has told.
    replay: Option<String>,
    asked: bool,
    blocked: Option<Blocked>,
}

/// Why something could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocked {
    /// The socket is full: it says when it isn't.
    Full,
    /// The user has too many descriptors in flight, or the kernel too little memory: nobody says when that is over.
    Crowded,
}

impl Wire {
    /// The guardian's end, and the daemon's.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let (socket, theirs) = packet::pair()?;
        let peer = packet::inode(theirs.as_fd())?;
        let wire = Self {
            socket,
            peer,
            answers: VecDeque::new(),
            lives: VecDeque::new(),
            ends: VecDeque::new(),
            replay: None,
            asked: false,
            blocked: None,
        };
        Ok((wire, theirs))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn blocked(&self) -> Option<Blocked> {
        self.blocked
    }

    pub(super) fn receive(&self) -> Incoming {
        let mut buffer = [0; LONGEST_MESSAGE];
        match packet::receive(self.fd(), &mut buffer) {
            Ok(None) => Incoming::End,
            Ok(Some(packet)) => match Message::decode(&buffer[..packet.length]) {
                Ok(message) => Incoming::Message {
                    message,
                    sender: packet.sender,
                    descriptor: packet.descriptor,
                    truncated: packet.truncated,
                },
                Err(_) => Incoming::Garbage,
            },
            // Out of memory, for one: the poll brings us back.
            Err(_) => Incoming::Empty,
        }
    }

    /// False when the daemon asks without reading.
    pub(super) fn answer(&mut self, message: Message) -> bool {
        self.answers.push_back(message);
        self.answers.len() <= MOST_ANSWERS
    }

    /// Everything in the store: descriptors as they are by and by, runs as they are now; and after it `rest`.
    pub(super) fn replay(&mut self, store: &Store, rest: impl IntoIterator<Item = Message>) {
        self.asked = true;
        self.lives = store.children().to_vec().into();
        self.ends = store.exits().copied().collect();
        self.answers.extend(rest);
        self.replay = Some(String::new());
    }

    /// Writes what can be written.
    pub(super) fn pump(&mut self, store: &mut Store) {
        self.blocked = self.write(store).err();
    }

    fn write(&mut self, store: &mut Store) -> Result<(), Blocked> {
        self.write_replay(store)?;
        while let Some(child) = self.lives.front() {
            self.send(&Message::Child(*child), None)?;
            self.lives.pop_front();
        }
        while let Some(exit) = self.ends.front() {
            self.send(&Message::Exit(*exit), None)?;
            self.ends.pop_front();
        }
        while let Some(message) = self.answers.front() {
            self.send(message, None)?;
            self.answers.pop_front();
        }
        // Before it has asked for everything it expects nothing but answers, and the exits are part of one.
        while self.asked
            && let Some(exit) = store.untold()
        {
            self.send(&Message::Exit(exit), None)?;
            store.next_told();
        }
        Ok(())
    }

    fn write_replay(&mut self, store: &Store) -> Result<(), Blocked> {
        while let Some(last) = &self.replay {
            let next = store.after(last);
            if let Some((name, entry)) = next {
                let message = Message::Kept { name: name.to_owned(), tag: entry.tag.to_vec() };
                self.send(&message, Some(entry.fd.as_fd()))?;
            }
            self.replay = next.map(|(name, _)| name.to_owned());
        }
        Ok(())
    }

    /// A dead peer takes everything.
    fn send(&self, message: &Message, descriptor: Option<BorrowedFd<'_>>) -> Result<(), Blocked> {
        match packet::send(self.fd(), &message.encode(), descriptor) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(Blocked::Full),
            Err(error) => match error.raw_os_error() {
                Some(libc::ETOOMANYREFS | libc::ENOBUFS | libc::ENOMEM) => Err(Blocked::Crowded),
                _ => Ok(()),
            },
            Ok(()) => Ok(()),
        }
    }
}
