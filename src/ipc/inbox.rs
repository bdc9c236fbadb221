//! What is read of a channel, and whether it is taken out of the socket before or after it is handled.

use super::codec::{Lines, MARK, decode};
use super::held::Held;
use super::{Breach, Inbound};
use crate::sys;
use memchr::{memchr, memrchr};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Descriptors that may wait for the line that they belong to. Node sends one at a time.
const MOST_DESCRIPTORS: usize = 16;

/// The reading half of one channel.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// A line that is longer than a read, as far as it came.
    lines: Lines,
    held: Held,
    descriptors: VecDeque<OwnedFd>,
    ended: bool,
    /// Why it was ended, where that was not by the app.
    breach: Option<Breach>,
    /// The app marks internal messages.
    marks: bool,
    /// The next line may be the rest of one.
    amid_a_line: bool,
}

/// What is there.
pub(super) enum Look {
    /// Whole lines, still in the socket: so many bytes of the buffer, the last one a line break.
    Lines {
        length: usize,
        emptied: bool,
    },
    /// Lines that had to be taken out of the socket.
    Taken {
        messages: Vec<Inbound>,
        emptied: bool,
    },
    /// Nothing, or the beginning of a line, which stays in the socket.
    Nothing,
    Ended,
}

impl Inbox {
    /// For a channel that another has read from.
    pub(super) fn amid_a_line() -> Self {
        Self { amid_a_line: true, ..Self::default() }
    }

    /// Whether this is no message but the rest of one whose beginning another has taken.
    pub(super) fn is_a_rest(&mut self, message: &Inbound) -> bool {
        let is_json = || match message {
            Inbound::Garbage => false,
            Inbound::User(text) => text.is_json(),
            _ => true,
        };
        std::mem::take(&mut self.amid_a_line) && !is_json()
    }

    /// The descriptor of the next line that needs one.
    pub(super) fn descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    /// What comes after that is not read.
    pub(super) fn fail(&mut self, breach: Breach) {
        self.ended = true;
        self.breach.get_or_insert(breach);
        self.lines = Lines::default();
        self.descriptors.clear();
        // What takes nothing is never too much.
        let _ = self.held.set(0);
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn breach(&self) -> Option<Breach> {
        self.breach
    }

    pub(super) fn marks(&self) -> bool {
        self.marks
    }

    pub(super) fn set_marks(&mut self, marks: bool) {
        self.marks = marks;
    }

    pub(super) fn decode(&mut self, line: &[u8]) -> Inbound {
        let message = decode(line);
        self.marks |= is_marked(line, Some(&message));
        message
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Looks for whole lines.
    pub(super) fn look(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Look {
        if self.ended {
            return Look::Ended;
        }
        let peeked = match sys::channel::peek(fd, buffer) {
            Ok(peeked) if peeked.count > 0 => peeked,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Look::Nothing,
            // The end, or the reset of a peer that died with unread bytes.
            _ => {
                self.ended = true;
                return Look::Ended;
            }
        };
        let seen = &buffer[..peeked.count];
        // A read ends early at a descriptor, or because there is nothing more: another look would say so, and cost as
        // much as the first. What comes later wakes us again.
        let full = peeked.count == buffer.len();
        let emptied = !full && !peeked.descriptor;
        if peeked.descriptor {
            return self.take(fd, &mut buffer[..peeked.count], false);
        }
        if !self.lines.is_empty() {
            // No further than this line: those behind it are handled before they are taken.
            let length = memchr(b'\n', seen).map_or(seen.len(), |at| at + 1);
            return self.take(fd, &mut buffer[..length], emptied && length == peeked.count);
        }
        match memrchr(b'\n', seen) {
            Some(at) => Look::Lines { length: at + 1, emptied },
            None if full => self.take(fd, buffer, false),
            None => Look::Nothing,
        }
    }

    fn take(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8], emptied: bool) -> Look {
        let mut descriptors = Vec::new();
        match sys::channel::receive(fd, buffer, &mut descriptors) {
            Ok(count) if count > 0 => {
                self.descriptors.extend(descriptors);
                let (mut messages, mut marks) = (Vec::new(), self.marks);
                let lines = self.lines.push(&buffer[..count], |line| {
                    messages.push(decode(line));
                    marks |= is_marked(line, messages.last());
                });
                self.marks = marks;
                if lines.is_err() {
                    self.fail(Breach::LineTooLong);
                }
                if let Err(breach) = self.held.set(self.lines.held()) {
                    self.fail(breach);
                }
                // Those that belong to the lines which are about to be handled are none too many.
                let wanted = messages.iter().filter(|message| **message == Inbound::Handle).count();
                if self.descriptors.len() > MOST_DESCRIPTORS + wanted {
                    self.fail(Breach::StrayDescriptors);
                }
                if messages.first().is_some_and(|first| self.is_a_rest(first)) {
                    messages.remove(0);
                }
                Look::Taken { messages, emptied }
            }
            _ => {
                self.ended = true;
                Look::Ended
            }
        }
    }
}

fn is_marked(line: &[u8], message: Option<&Inbound>) -> bool {
    line.first() == Some(&MARK) && message.is_some_and(|message| *message != Inbound::Garbage)
}
