//! What is sent: a text, or a part of a file, read as fast as the client takes it.

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// So much of a file is in memory for each connection.
pub(super) const CHUNK: u64 = 128 << 10;

#[derive(Debug)]
pub(super) enum Body {
    Whole(Option<Bytes>),
    File(Part),
    /// One after the other.
    Several(VecDeque<Segment>),
}

/// What is between parts, or one of them.
#[derive(Debug)]
pub(super) enum Segment {
    Text(Bytes),
    Part(Part),
}

impl Segment {
    pub(super) const fn part(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self::Part(Part { file, offset, left: length, reading: None })
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Part(part) => part.left,
        }
    }
}

/// A part of a file that is still to be sent.
#[derive(Debug)]
pub(super) struct Part {
    file: Arc<File>,
    offset: u64,
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Body {
    pub(super) fn empty() -> Self {
        Self::Whole(None)
    }

    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }

    /// `length` bytes from `offset` on. A part of one chunk is read here, where waiting is allowed.
    pub(super) fn file(file: File, offset: u64, length: u64) -> io::Result<Self> {
        if length == 0 {
            return Ok(Self::empty());
        }
        if length <= CHUNK {
            return read(&file, offset, length).map(|bytes| Self::Whole(Some(bytes)));
        }
        Ok(Self::File(Part { file: Arc::new(file), offset, left: length, reading: None }))
    }
}

/// All of it, or an error: what is promised in the headers is sent, or the connection ends.
pub(super) fn read(file: &File, offset: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes.into())
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File(part) => part.poll(context),
            Self::Several(segments) => loop {
                match segments.pop_front() {
                    None => return Poll::Ready(None),
                    Some(Segment::Text(text)) => return Poll::Ready(Some(Ok(Frame::data(text)))),
                    Some(Segment::Part(mut part)) => {
                        let polled = part.poll(context);
                        if !matches!(polled, Poll::Ready(None)) {
                            segments.push_front(Segment::Part(part));
                            return polled;
                        }
                    }
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::File(part) => part.left == 0 && part.reading.is_none(),
            Self::Several(segments) => segments.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File(part) => part.left,
            Self::Several(segments) => segments.iter().map(Segment::length).sum(),
        })
    }
}

impl Part {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = self.left.min(CHUNK);
        let reading = self.reading.get_or_insert_with(|| {
            let (file, offset) = (Arc::clone(&self.file), self.offset);
            spawn_blocking(move || read(&file, offset, length))
        });
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        self.offset += length;
        self.left -= length;
        Poll::Ready(Some(read.map_err(io::Error::other).flatten().map(Frame::data)))
    }
}
