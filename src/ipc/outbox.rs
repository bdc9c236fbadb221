//! What waits to be written, and when a descriptor may go out.
//!
//! Node's receiver keeps one descriptor at a time and takes one per 64 KiB read. If a line that belongs to a
//! descriptor isn't wholly inside the read that brought it, the next descriptor overwrites it. So after many plain
//! bytes, or a short write, a descriptor is followed by no other until all that are out were acknowledged.

use std::collections::VecDeque;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

/// Plain bytes after which the line of a descriptor could straddle two reads: half of the receiver's buffer.
const PLAIN_LIMIT: usize = 32 * 1024;

/// Lines are filled up with spaces to a multiple of so many bytes: who reads so many at a time never reads the end of one
/// line with the beginning of another. The agent does so (`process/agent.cjs`).
const PIECE: usize = 256;

/// What a frame takes beside its bytes.
const FRAME: usize = size_of::<Frame>() + 32;

/// A descriptor to be sent, by somebody who wants to know when it is out.
pub trait Passenger: AsFd + fmt::Debug {
    /// The receiver's end of the channel has it.
    fn sent(&self);

    /// Whether the receiver answers to it, beyond the bare word that says that some descriptor has arrived.
    fn is_answered(&self) -> bool {
        true
    }
}

/// One line, with the descriptor that travels with it.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Vec<u8>,
    pub descriptor: Option<Rc<dyn Passenger>>,
}

/// The queue of one channel: strictly first in, first out.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own: any of them can be so with any other")]
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Frame>,
    queued_bytes: usize,
    /// How much of the first frame is out.
    offset: usize,
    plain_since_descriptor: usize,
    short_write: bool,
    unacknowledged: usize,
    barrier: bool,
    /// One is out that no answer will be told for: what ends a barrier is that nothing is unread.
    unanswered: bool,
    /// Another has written to this channel, and what it wrote may be too much to put a descriptor behind.
    behind_another: bool,
    /// The buffer of a frame that is out, for the next one with a descriptor.
    spare: Vec<u8>,
}

impl Outbox {
    /// For a channel that another has written to: how much of that is unread is not known yet.
    pub fn behind_another() -> Self {
        Self { behind_another: true, ..Self::default() }
    }

    /// Whether the next descriptor waits for [`Self::unread`].
    pub fn asks_for_unread(&self) -> bool {
        let is_unsure = self.behind_another || self.barrier && self.unanswered;
        is_unsure && self.queue.front().is_some_and(|frame| frame.descriptor.is_some()) && self.offset == 0
    }

    /// This much is unread of what was written so far: all of it may be plain bytes, or, where it is much, hold a
    /// descriptor whose line the receiver has read one half of.
    pub fn unread(&mut self, bytes: usize) {
        if bytes <= PLAIN_LIMIT {
            self.behind_another = false;
            self.plain_since_descriptor = self.plain_since_descriptor.max(bytes);
        }
        if bytes == 0 {
            // All lines were read whole, each with its descriptor.
            self.barrier = false;
            self.unanswered = false;
        }
    }

    /// Nobody will read it: what waits is dropped.
    pub fn clear(&mut self) {
        self.queue.clear();
        (self.queued_bytes, self.offset) = (0, 0);
    }

    pub fn push(&mut self, mut frame: Frame) {
        fill_up(&mut frame.bytes);
        self.queued_bytes += frame.bytes.len();
        self.queue.push_back(frame);
    }

    /// The same for a line that comes with a descriptor.
    pub fn push_with(&mut self, mark: &[u8], line: &[u8], descriptor: Rc<dyn Passenger>) {
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.extend_from_slice(mark);
        bytes.extend_from_slice(line);
        self.push(Frame { bytes, descriptor: Some(descriptor) });
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Memory of what waits.
    pub fn len(&self) -> usize {
        self.queued_bytes + self.queue.len() * FRAME
    }

    /// Descriptors sent and not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// What may be written now.
    pub fn next(&self) -> Option<(&[u8], Option<BorrowedFd<'_>>)> {
        let frame = self.queue.front()?;
        let descriptor = frame.descriptor.as_ref().filter(|_| self.offset == 0);
        if descriptor.is_some() && (self.barrier || self.behind_another) {
            return None;
        }
        Some((&frame.bytes[self.offset..], descriptor.map(|passenger| passenger.as_fd())))
    }

    /// `count` bytes of [`Self::next`] are out (its descriptor with the first of them).
    pub fn wrote(&mut self, count: usize) {
        let Some(frame) = self.queue.front() else { return };
        self.queued_bytes -= count;
        let whole = self.offset + count == frame.bytes.len();
        if let Some(descriptor) = frame.descriptor.as_ref().filter(|_| self.offset == 0) {
            descriptor.sent();
            if descriptor.is_answered() {
                self.unacknowledged += 1;
            } else {
                self.unanswered = true;
            }
            self.barrier = self.plain_since_descriptor > PLAIN_LIMIT || self.short_write || !whole;
            self.plain_since_descriptor = 0;
            self.short_write = false;
        } else {
            self.plain_since_descriptor += count;
        }
        if whole {
            if let Some(Frame { mut bytes, descriptor: Some(_) }) = self.queue.pop_front() {
                bytes.clear();
                self.spare = bytes;
            }
            self.offset = 0;
        } else {
            self.offset += count;
            self.short_write = true;
        }
    }

    /// The receiver has taken a descriptor.
    pub fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        if self.unacknowledged == 0 && !self.unanswered {
            self.barrier = false;
        }
    }
}

/// Spaces before its break.
fn fill_up(line: &mut Vec<u8>) {
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.resize((line.len() + 1).next_multiple_of(PIECE) - 1, b' ');
        line.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::fd::OwnedFd;

    #[derive(Debug)]
    struct Null {
        fd: OwnedFd,
        is_answered: bool,
    }

    impl AsFd for Null {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }
    }

    impl Passenger for Null {
        fn sent(&self) {}

        fn is_answered(&self) -> bool {
            self.is_answered
        }
    }

    fn null(is_answered: bool) -> Rc<dyn Passenger> {
        Rc::new(Null { fd: std::fs::File::open("/dev/null").unwrap().into(), is_answered })
    }

    fn descriptor() -> Rc<dyn Passenger> {
        null(true)
    }

    fn write_all(outbox: &mut Outbox) -> usize {
        let mut sent = 0;
        while let Some((bytes, fd)) = outbox.next().map(|(bytes, fd)| (bytes.len(), fd.is_some())) {
            sent += usize::from(fd);
            outbox.wrote(bytes);
        }
        sent
    }

    #[test]
    fn descriptors_flow_freely_after_few_bytes() {
        let mut outbox = Outbox::default();
        for _ in 0..16 {
            outbox.push(Frame { bytes: vec![b'x'; 100], descriptor: Some(descriptor()) });
        }
        assert_eq!(write_all(&mut outbox), 16);
    }

    #[test]
    fn many_plain_bytes_raise_the_barrier_after_the_next_descriptor() {
        let mut outbox = Outbox::default();
        outbox.push(Frame { bytes: vec![b'x'; PLAIN_LIMIT + 1], descriptor: None });
        for _ in 0..3 {
            outbox.push(Frame { bytes: vec![b'h'; 100], descriptor: Some(descriptor()) });
        }
        assert_eq!(write_all(&mut outbox), 1);
        outbox.acknowledged();
        assert_eq!(write_all(&mut outbox), 2);
    }

    #[test]
    fn a_short_write_raises_it_too() {
        let mut outbox = Outbox::default();
        outbox.push(Frame { bytes: vec![b'x'; 100], descriptor: None });
        outbox.wrote(40);
        for _ in 0..2 {
            outbox.push(Frame { bytes: vec![b'h'; 100], descriptor: Some(descriptor()) });
        }
        assert_eq!(write_all(&mut outbox), 1);
        assert_eq!(outbox.unacknowledged(), 1);
    }

    #[test]
    fn behind_one_without_an_answer_the_barrier_ends_when_all_is_read() {
        let mut outbox = Outbox::default();
        outbox.push(Frame { bytes: vec![b'x'; PLAIN_LIMIT + 1], descriptor: None });
        for is_answered in [true, false, true] {
            outbox.push(Frame { bytes: vec![b'h'; 100], descriptor: Some(null(is_answered)) });
        }
        assert_eq!((write_all(&mut outbox), outbox.asks_for_unread()), (1, false));
        outbox.acknowledged();
        assert_eq!(write_all(&mut outbox), 2);
        outbox.push(Frame { bytes: vec![b'x'; PLAIN_LIMIT + 1], descriptor: None });
        for _ in 0..2 {
            outbox.push(Frame { bytes: vec![b'h'; 100], descriptor: Some(descriptor()) });
        }
        assert_eq!((write_all(&mut outbox), outbox.asks_for_unread()), (1, true));
        outbox.acknowledged();
        outbox.acknowledged();
        outbox.unread(1);
        assert_eq!(write_all(&mut outbox), 0);
        outbox.unread(0);
        assert_eq!(write_all(&mut outbox), 1);
    }

    #[test]
    fn behind_another_a_descriptor_waits_until_little_is_unread() {
        let mut outbox = Outbox::behind_another();
        for _ in 0..2 {
            outbox.push(Frame { bytes: vec![b'h'; 100], descriptor: Some(descriptor()) });
        }
        outbox.unread(PLAIN_LIMIT + 1);
        assert_eq!((write_all(&mut outbox), outbox.asks_for_unread()), (0, true));
        outbox.unread(PLAIN_LIMIT);
        assert_eq!((write_all(&mut outbox), outbox.asks_for_unread()), (2, false));
    }

    proptest! {
        #[test]
        fn a_line_fills_pieces_and_means_the_same(text in ".{0,600}", has_descriptor: bool) {
            let mut outbox = Outbox::default();
            let line = format!("{}\n", serde_json::json!(text));
            if has_descriptor {
                outbox.push_with(&[], line.as_bytes(), descriptor());
            } else {
                outbox.push(Frame { bytes: line.clone().into_bytes(), descriptor: None });
            }
            let (bytes, _) = outbox.next().unwrap();
            prop_assert_eq!(bytes.len(), line.len().next_multiple_of(PIECE));
            prop_assert_eq!(bytes.iter().position(|byte| *byte == b'\n'), Some(bytes.len() - 1));
            prop_assert_eq!(serde_json::from_slice::<String>(bytes).unwrap(), text);
        }

        /// Between two unacknowledged descriptors there are never more plain bytes than half a read.
        #[test]
        fn a_receiver_never_loses_a_descriptor(steps in prop::collection::vec((0..3u8, 1..50_000usize), 1..200)) {
            let mut outbox = Outbox::default();
            let mut plain = 0;
            let mut outstanding = 0;
            let mut risky = false;
            for (kind, size) in steps {
                match kind {
                    0 => outbox.push(Frame { bytes: vec![b'p'; size], descriptor: None }),
                    1 => outbox.push(Frame { bytes: vec![b'h'; 100], descriptor: Some(descriptor()) }),
                    _ => { outbox.acknowledged(); outstanding = outbox.unacknowledged(); }
                }
                let take = |outbox: &Outbox| outbox.next().map(|(bytes, fd)| (bytes.len(), fd.is_some()));
                while let Some((length, fd)) = take(&outbox) {
                    if fd {
                        prop_assert!(!(risky && outstanding > 0), "a descriptor follows a risky one");
                        risky = plain > PLAIN_LIMIT;
                        outstanding += 1;
                        plain = 0;
                    } else {
                        plain += length;
                    }
                    outbox.wrote(length);
                }
                if outstanding == 0 { risky = false; }
            }
        }
    }
}
