//! What the words of the journal say: which bytes are on their way, and how far they have come.

use super::sink::Identity;
use crate::domain::{OutputStream, ProcessId, SpawnId, UnixMs};
use crate::slots::Journal;

const STEP: usize = 0;
const PROCESS: usize = 1;
const SPAWN: usize = 2;
const STREAM: usize = 3;
const DEVICE: usize = 4;
const INODE: usize = 5;
const LENGTH: usize = 6;
const STAGING: usize = 7;
const AT: usize = 8;
const SECOND_DEVICE: usize = 9;
const SECOND_INODE: usize = 10;
const SECOND_LENGTH: usize = 11;

/// Bytes are counted in so many bits, so that a step is one word and changes at once.
const BITS: u32 = 31;
const MASK: u64 = (1 << BITS) - 1;

/// How far it has come. Only while it is not idle do the other words mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Idle,
    /// So many bytes, or the first of them, are being written behind the recorded end of the file. All of them are
    /// still in the app's pipe.
    Writing {
        bytes: usize,
    },
    /// The bytes are in the file. What the staging pipe holds beyond `base` is how many have left the app's pipe.
    Written {
        bytes: usize,
        base: usize,
    },
    /// Like `Written` with so many left to go; the staging pipe was full, and what it holds counts for nothing.
    Rest {
        bytes: usize,
    },
}

/// Whose bytes they are, and where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) process: ProcessId,
    pub(super) spawn: SpawnId,
    pub(super) stream: OutputStream,
    pub(super) file: Identity,
    /// Where the file ended before.
    pub(super) length: u64,
    /// Which pipe counts what is consumed.
    pub(super) staging: u64,
}

/// What there is to know beside the place of bytes that become something else, or go to a second file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Composed {
    /// The time in the text.
    pub(super) at: UnixMs,
    /// The file for both streams, and where it ended before.
    pub(super) second: Option<(Identity, u64)>,
}

#[derive(Debug, Clone)]
pub(super) struct Ledger(pub(super) Journal);

impl Ledger {
    pub(super) fn place(&self) -> Place {
        Place {
            process: ProcessId(self.0.get(PROCESS) as u32),
            spawn: SpawnId(self.0.get(SPAWN)),
            stream: if self.0.get(STREAM) == 1 { OutputStream::Out } else { OutputStream::Err },
            file: Identity { device: self.0.get(DEVICE), inode: self.0.get(INODE) },
            length: self.0.get(LENGTH),
            staging: self.0.get(STAGING),
        }
    }

    /// Only while idle. The step that makes it count comes after it.
    pub(super) fn set_place(&self, place: &Place) {
        self.0.set(PROCESS, place.process.0.into());
        self.0.set(SPAWN, place.spawn.0);
        self.0.set(STREAM, if place.stream == OutputStream::Out { 1 } else { 2 });
        self.0.set(DEVICE, place.file.device);
        self.0.set(INODE, place.file.inode);
        self.0.set(LENGTH, place.length);
        self.set_staging(place.staging);
    }

    /// Of bytes whose destination is more than a file.
    pub(super) fn composed(&self) -> Composed {
        let file = Identity { device: self.0.get(SECOND_DEVICE), inode: self.0.get(SECOND_INODE) };
        // No file has the number 0.
        let second = (file.inode != 0).then(|| (file, self.0.get(SECOND_LENGTH)));
        Composed { at: self.0.get(AT) as UnixMs, second }
    }

    /// Only while idle.
    pub(super) fn set_composed(&self, composed: &Composed) {
        let (file, length) = composed.second.unwrap_or((Identity { device: 0, inode: 0 }, 0));
        self.0.set(AT, composed.at as u64);
        self.0.set(SECOND_DEVICE, file.device);
        self.0.set(SECOND_INODE, file.inode);
        self.0.set(SECOND_LENGTH, length);
    }

    pub(super) fn set_staging(&self, number: u64) {
        self.0.set(STAGING, number);
    }

    pub(super) fn step(&self) -> Step {
        let word = self.0.get(STEP);
        let (bytes, base) = (((word >> 2) & MASK) as usize, (word >> (2 + BITS)) as usize);
        match word & 3 {
            0 => Step::Idle,
            1 => Step::Writing { bytes },
            2 => Step::Written { bytes, base },
            _ => Step::Rest { bytes },
        }
    }

    pub(super) fn set_step(&self, step: Step) {
        let (kind, bytes, base) = match step {
            Step::Idle => (0, 0, 0),
            Step::Writing { bytes } => (1, bytes, 0),
            Step::Written { bytes, base } => (2, bytes, base),
            Step::Rest { bytes } => (3, bytes, 0),
        };
        self.0.set(STEP, kind | (bytes as u64 & MASK) << 2 | (base as u64) << (2 + BITS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_set_is_found(kind in 0..4, bytes in 0_usize..1 << 31, base in 0_usize..1 << 31, n in any::<u64>()) {
            let ledger = Ledger(Journal::unkept());
            let step = match kind {
                0 => Step::Idle,
                1 => Step::Writing { bytes },
                2 => Step::Written { bytes, base },
                _ => Step::Rest { bytes },
            };
            ledger.set_step(step);
            prop_assert_eq!(ledger.step(), step);
            let place = Place {
                process: ProcessId(n as u32),
                spawn: SpawnId(n),
                stream: if n % 2 == 0 { OutputStream::Out } else { OutputStream::Err },
                file: Identity { device: n ^ 1, inode: n ^ 2 },
                length: n ^ 3,
                staging: n ^ 4,
            };
            ledger.set_place(&place);
            prop_assert_eq!(ledger.place(), place);
            let file = Identity { device: n, inode: n | 1 };
            for second in [None, Some((file, n ^ 5))] {
                let composed = Composed { at: n as UnixMs, second };
                ledger.set_composed(&composed);
                prop_assert_eq!(ledger.composed(), composed);
            }
            prop_assert_eq!(ledger.place(), place);
        }
    }
}
