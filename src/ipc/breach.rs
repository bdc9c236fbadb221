//! What no app of good will writes on its channel, in words: whoever does is ended.

use super::codec::{LONGEST_INTERNAL, LONGEST_LINE};
use std::fmt;

/// How an app has broken the rules of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// It would have to be kept in memory as a whole.
    LineTooLong,
    /// All apps together have begun so many long lines.
    TooMuchHeld,
    /// As no message of Node's own is.
    MessageTooLong,
    /// They would stay open with us for ever.
    StrayDescriptors,
    /// What is written to it would wait here without end.
    DoesNotRead,
    /// It has got a line without its descriptor: nobody knows any more which belongs to which.
    OutOfStep,
    /// It sends messages that nobody has asked it for, without end.
    Flood,
}

impl Breach {
    /// In the order of their numbers, which other versions of this program read.
    const ALL: [Self; 7] = [
        Self::LineTooLong,
        Self::TooMuchHeld,
        Self::MessageTooLong,
        Self::StrayDescriptors,
        Self::DoesNotRead,
        Self::OutOfStep,
        Self::Flood,
    ];

    /// From 1 on.
    pub fn number(self) -> u32 {
        Self::ALL.into_iter().zip(1..).find_map(|(breach, number)| (breach == self).then_some(number)).unwrap_or(0)
    }

    /// `None` for what this version doesn't know.
    pub fn of(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong => write!(f, "it sent a line over {} MiB", LONGEST_LINE >> 20),
            Self::TooMuchHeld => f.write_str("it went on with a long line, when those of all apps took over 256 MiB"),
            Self::MessageTooLong => {
                write!(f, "it sent a message of Node's cluster over {} KiB", LONGEST_INTERNAL >> 10)
            }
            Self::StrayDescriptors => f.write_str("it sent descriptors that belong to no message"),
            Self::DoesNotRead => f.write_str("it asks and asks, and doesn't read the answers"),
            Self::OutOfStep => f.write_str("descriptors and messages to it could not be paired any more"),
            Self::Flood => f.write_str("it flooded its channel with messages that nobody had asked for"),
        }
    }
}
