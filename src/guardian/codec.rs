//! The fields that messages are made of, as bytes: nothing between or behind them, integers little endian.

use super::message::{Cause, End, Malformed, Verdict};
use crate::sys::keep::{LONGEST_NAME, LONGEST_TAG};

/// Longest path or text in a message.
pub(super) const LONGEST_TEXT: usize = 4000;

pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(super) fn signed(&mut self, number: i32) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A length of two bytes, then the bytes. What is too long for a message is cut; names and tags never are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let bytes = &bytes[..bytes.len().min(LONGEST_TEXT)];
        self.0.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn end(&mut self, end: End) -> &mut Self {
        match end {
            End::Code(code) => self.byte(0).signed(code),
            End::Signal(signal) => self.byte(1).signed(signal),
            End::Unknown => self.byte(2).signed(0),
        }
    }

    pub(super) fn cause(&mut self, cause: Cause) -> &mut Self {
        match cause {
            Cause::Ended(end) => self.byte(0).end(end),
            Cause::Hung(time) => self.byte(1).number(time),
            Cause::MadeRoom => self.byte(2),
            Cause::GuardianKilled => self.byte(3),
        }
    }

    pub(super) fn verdict(&mut self, verdict: Verdict) -> &mut Self {
        match verdict {
            Verdict::Taken => self.byte(0),
            Verdict::NotExecuted(errno) => self.byte(1).signed(errno),
            Verdict::Ended(end) => self.byte(2).end(end),
            Verdict::Late(time) => self.byte(3).number(time),
            Verdict::Crashed(end) => self.byte(4).end(end),
        }
    }
}

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn signed(&mut self) -> Result<i32, Malformed> {
        self.take().map(i32::from_le_bytes)
    }

    pub(super) fn version(&mut self) -> Result<u16, Malformed> {
        u16::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub(super) fn bytes(&mut self, longest: usize) -> Result<Vec<u8>, Malformed> {
        let length = usize::from(self.take().map(u16::from_le_bytes)?);
        if length > longest {
            return Err(Malformed);
        }
        let (head, tail) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = tail;
        Ok(head.to_vec())
    }

    pub(super) fn name(&mut self) -> Result<String, Malformed> {
        let name = String::from_utf8(self.bytes(LONGEST_NAME)?).map_err(|_| Malformed)?;
        if name.is_empty() { Err(Malformed) } else { Ok(name) }
    }

    pub(super) fn tag(&mut self) -> Result<Vec<u8>, Malformed> {
        self.bytes(LONGEST_TAG)
    }

    pub(super) fn end(&mut self) -> Result<End, Malformed> {
        let (kind, value) = (self.byte()?, self.signed()?);
        match kind {
            0 => Ok(End::Code(value)),
            1 => Ok(End::Signal(value)),
            2 if value == 0 => Ok(End::Unknown),
            _ => Err(Malformed),
        }
    }

    pub(super) fn cause(&mut self) -> Result<Cause, Malformed> {
        match self.byte()? {
            0 => Ok(Cause::Ended(self.end()?)),
            1 => Ok(Cause::Hung(self.number()?)),
            2 => Ok(Cause::MadeRoom),
            3 => Ok(Cause::GuardianKilled),
            _ => Err(Malformed),
        }
    }

    pub(super) fn verdict(&mut self) -> Result<Verdict, Malformed> {
        match self.byte()? {
            0 => Ok(Verdict::Taken),
            1 => Ok(Verdict::NotExecuted(self.signed()?)),
            2 => Ok(Verdict::Ended(self.end()?)),
            3 => Ok(Verdict::Late(self.number()?)),
            4 => Ok(Verdict::Crashed(self.end()?)),
            _ => Err(Malformed),
        }
    }
}
