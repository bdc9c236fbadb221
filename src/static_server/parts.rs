//! Several parts of a file in one answer (`multipart/byteranges`; RFC 9110, 14.6).

use super::body::{Body, Segment};
use super::range::Span;
use super::reply::{Reply, set, with_status};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use std::collections::VecDeque;
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// The parts in the order in which they are wanted, each told of before it comes.
pub(super) fn several(file: File, spans: &[Span], length: u64, kind: &str) -> io::Result<Reply> {
    let boundary = boundary()?;
    let file = Arc::new(file);
    let mut segments = VecDeque::with_capacity(spans.len() * 2 + 1);
    for span in spans {
        let range = content_range(*span, length);
        let head = format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {range}\r\n\r\n");
        segments.push_back(Segment::Text(Bytes::from(head)));
        segments.push_back(Segment::part(Arc::clone(&file), span.first, span.length()));
    }
    segments.push_back(Segment::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    let total: u64 = segments.iter().map(Segment::length).sum();
    let mut reply = with_status(StatusCode::PARTIAL_CONTENT, Body::Several(segments));
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(total));
    set(&mut reply, CONTENT_TYPE, &format!("multipart/byteranges; boundary={boundary}"));
    Ok(reply)
}

pub(super) fn content_range(span: Span, length: u64) -> String {
    format!("bytes {}-{}/{length}", span.first, span.last)
}

/// What no file has in it, as nobody could know it.
fn boundary() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut boundary = String::with_capacity(32);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(boundary, "{byte:02x}");
    }
    Ok(boundary)
}
