//! The messages between the guardian and its daemon, as bytes: a type, then fixed fields, little endian.
//!
//! One message is one packet. A descriptor travels beside a message that says so, one at most. What is too short,
//! too long or unknown is [`Malformed`]; nothing here panics, whatever the bytes. `docs/guardian-protocol.md` is the
//! same for people.

use super::codec::{LONGEST_TEXT, Reader, Writer};

/// Grows when a side of the older number could misunderstand the newer one. Both sides of a running pair must have
/// the same; a daemon that a guardian of another version starts refuses, and the one before it goes on.
pub const VERSION: u16 = 1;

/// No packet is longer.
pub const LONGEST_MESSAGE: usize = 4096;

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Code(i32),
    Signal(i32),
    /// Nobody can know any more.
    Unknown,
}

/// A run that was born and has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    pub run: u64,
    pub pid: i32,
}

/// The end of an app's run, kept until it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitRecord {
    pub run: u64,
    pub pid: i32,
    pub end: End,
    /// User and system time, microseconds.
    pub cpu_us: u64,
    /// Largest resident set, bytes.
    pub max_rss: u64,
    /// Boot clock, milliseconds.
    pub at: u64,
}

/// Why a daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Ended(End),
    /// It said nothing for so many milliseconds, and was killed.
    Hung(u64),
    /// It made room for another program.
    MadeRoom,
    /// The guardian before this one was killed: its daemon became the new guardian.
    GuardianKilled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeathRecord {
    pub generation: u64,
    /// Unix time, milliseconds.
    pub at: i64,
    pub cause: Cause,
}

/// What became of the last program that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRecord {
    pub at: i64,
    pub program: Vec<u8>,
    pub outcome: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// It could not be executed: the `errno`.
    NotExecuted(i32),
    /// It ended before it was ready.
    Ended(End),
    /// It was not ready after so many milliseconds.
    Late(u64),
    /// It ended too often, and the program before it came back.
    Crashed(End),
}

/// Who the guardian is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    pub pid: i32,
    /// Of the daemon that asks, from 1.
    pub generation: u64,
    /// Unix time, milliseconds.
    pub started_at: i64,
    pub orphans: u64,
    /// The soft limit of open files that apps get.
    pub open_files: u64,
    /// The version of the program.
    pub version: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    // from the daemon
    Hello {
        version: u16,
    },
    /// With a descriptor.
    Put {
        name: String,
        tag: Vec<u8>,
    },
    Delete {
        name: String,
    },
    Barrier(u64),
    /// From a child that has not been executed yet; its pid is the sender's.
    Born(u64),
    Get,
    Acknowledge(u64),
    /// With a descriptor: the program.
    Try {
        path: Vec<u8>,
    },
    Ready,
    Quit,
    Beat,
    // from the guardian
    Welcome {
        version: u16,
    },
    Done(u64),
    Refused {
        barrier: u64,
        errno: i32,
    },
    /// With a descriptor.
    Kept {
        name: String,
        tag: Vec<u8>,
    },
    Child(Child),
    Exit(ExitRecord),
    Death(DeathRecord),
    Update(UpdateRecord),
    End(About),
}

impl Message {
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer(Vec::with_capacity(64));
        match self {
            Self::Hello { version } => to.byte(1).number(u64::from(*version)),
            Self::Put { name, tag } => to.byte(2).bytes(name.as_bytes()).bytes(tag),
            Self::Delete { name } => to.byte(3).bytes(name.as_bytes()),
            Self::Barrier(number) => to.byte(4).number(*number),
            Self::Born(run) => to.byte(5).number(*run),
            Self::Get => to.byte(6),
            Self::Acknowledge(run) => to.byte(7).number(*run),
            Self::Try { path } => to.byte(8).bytes(path),
            Self::Ready => to.byte(9),
            Self::Quit => to.byte(10),
            Self::Beat => to.byte(11),
            Self::Welcome { version } => to.byte(128).number(u64::from(*version)),
            Self::Done(barrier) => to.byte(129).number(*barrier),
            Self::Refused { barrier, errno } => to.byte(130).number(*barrier).signed(*errno),
            Self::Kept { name, tag } => to.byte(131).bytes(name.as_bytes()).bytes(tag),
            Self::Child(child) => to.byte(132).number(child.run).signed(child.pid),
            Self::Exit(exit) => {
                to.byte(133).number(exit.run).signed(exit.pid).end(exit.end);
                to.number(exit.cpu_us).number(exit.max_rss).number(exit.at)
            }
            Self::Death(death) => to.byte(134).number(death.generation).number(death.at as u64).cause(death.cause),
            Self::Update(update) => {
                to.byte(135).number(update.at as u64).verdict(update.outcome).bytes(&update.program)
            }
            Self::End(about) => {
                to.byte(136).signed(about.pid).number(about.generation).number(about.started_at as u64);
                to.number(about.orphans).number(about.open_files).bytes(&about.version)
            }
        };
        to.0
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        let message = match from.byte()? {
            1 => Self::Hello { version: from.version()? },
            2 => Self::Put { name: from.name()?, tag: from.tag()? },
            3 => Self::Delete { name: from.name()? },
            4 => Self::Barrier(from.number()?),
            5 => Self::Born(from.number()?),
            6 => Self::Get,
            7 => Self::Acknowledge(from.number()?),
            8 => Self::Try { path: from.bytes(LONGEST_TEXT)? },
            9 => Self::Ready,
            10 => Self::Quit,
            11 => Self::Beat,
            128 => Self::Welcome { version: from.version()? },
            129 => Self::Done(from.number()?),
            130 => Self::Refused { barrier: from.number()?, errno: from.signed()? },
            131 => Self::Kept { name: from.name()?, tag: from.tag()? },
            132 => Self::Child(Child { run: from.number()?, pid: from.signed()? }),
            133 => Self::Exit(ExitRecord {
                run: from.number()?,
                pid: from.signed()?,
                end: from.end()?,
                cpu_us: from.number()?,
                max_rss: from.number()?,
                at: from.number()?,
            }),
            134 => {
                Self::Death(DeathRecord { generation: from.number()?, at: from.number()? as i64, cause: from.cause()? })
            }
            135 => Self::Update(UpdateRecord {
                at: from.number()? as i64,
                outcome: from.verdict()?,
                program: from.bytes(LONGEST_TEXT)?,
            }),
            136 => Self::End(About {
                pid: from.signed()?,
                generation: from.number()?,
                started_at: from.number()? as i64,
                orphans: from.number()?,
                open_files: from.number()?,
                version: from.bytes(LONGEST_TEXT)?,
            }),
            _ => return Err(Malformed),
        };
        if from.0.is_empty() { Ok(message) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::keep::LONGEST_TAG;
    use proptest::prelude::*;

    fn end() -> impl Strategy<Value = End> {
        prop_oneof![any::<i32>().prop_map(End::Code), any::<i32>().prop_map(End::Signal), Just(End::Unknown)]
    }

    fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..longest)
    }

    fn cause() -> impl Strategy<Value = Cause> {
        let hung = any::<u64>().prop_map(Cause::Hung);
        prop_oneof![end().prop_map(Cause::Ended), hung, Just(Cause::MadeRoom), Just(Cause::GuardianKilled)]
    }

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            Just(Verdict::Taken),
            any::<i32>().prop_map(Verdict::NotExecuted),
            end().prop_map(Verdict::Ended),
            any::<u64>().prop_map(Verdict::Late),
            end().prop_map(Verdict::Crashed),
        ]
    }

    fn message() -> impl Strategy<Value = Message> {
        let name = || "[a-z0-9/.-]{1,200}";
        prop_oneof![
            any::<u16>().prop_map(|version| Message::Hello { version }),
            (name(), bytes(LONGEST_TAG)).prop_map(|(name, tag)| Message::Put { name, tag }),
            name().prop_map(|name| Message::Delete { name }),
            any::<u64>().prop_map(Message::Barrier),
            any::<u64>().prop_map(Message::Born),
            Just(Message::Get),
            any::<u64>().prop_map(Message::Acknowledge),
            bytes(LONGEST_TEXT).prop_map(|path| Message::Try { path }),
            prop_oneof![Just(Message::Ready), Just(Message::Quit), Just(Message::Beat)],
            any::<u16>().prop_map(|version| Message::Welcome { version }),
            any::<u64>().prop_map(Message::Done),
            any::<(u64, i32)>().prop_map(|(barrier, errno)| Message::Refused { barrier, errno }),
            (name(), bytes(LONGEST_TAG)).prop_map(|(name, tag)| Message::Kept { name, tag }),
            any::<(u64, i32)>().prop_map(|(run, pid)| Message::Child(Child { run, pid })),
            (any::<(u64, i32, u64, u64, u64)>(), end()).prop_map(|((run, pid, cpu_us, max_rss, at), end)| {
                Message::Exit(ExitRecord { run, pid, end, cpu_us, max_rss, at })
            }),
            (any::<(u64, i64)>(), cause()).prop_map(|((generation, at), cause)| Message::Death(DeathRecord {
                generation,
                at,
                cause
            })),
            (any::<i64>(), verdict(), bytes(LONGEST_TEXT))
                .prop_map(|(at, outcome, program)| Message::Update(UpdateRecord { at, program, outcome })),
            (any::<(i32, u64, i64, u64, u64)>(), bytes(20)).prop_map(
                |((pid, generation, started_at, orphans, open_files), version)| {
                    Message::End(About { pid, generation, started_at, orphans, open_files, version })
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(message in message()) {
            let bytes = message.encode();
            prop_assert!(bytes.len() <= LONGEST_MESSAGE);
            prop_assert_eq!(Message::decode(&bytes), Ok(message));
        }

        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn what_is_cut_or_longer_is_malformed(message in message(), cut in any::<prop::sample::Index>(), more in any::<u8>()) {
            let mut bytes = message.encode();
            let at = cut.index(bytes.len());
            prop_assert_eq!(Message::decode(&bytes[..at]), Err(Malformed));
            bytes.push(more);
            prop_assert_eq!(Message::decode(&bytes), Err(Malformed));
        }

        /// One wrong byte is another message or none, and what it says is within bounds.
        #[test]
        fn a_wrong_byte_is_no_panic(message in message(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = message.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(other) = Message::decode(&bytes) {
                prop_assert_eq!(other.encode(), bytes);
            }
        }
    }
}
