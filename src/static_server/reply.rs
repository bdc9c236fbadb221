//! Answers: their headers, and what of a file is in them.

use super::body::Body;
use super::conditions::{self, Judged, Version, judge};
use super::range::{self, Part};
use super::variant::{Coding, Variants};
use hyper::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED, LOCATION, RANGE, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Response, StatusCode};
use std::fs::{File, Metadata};

pub(super) type Reply = Response<Body>;

const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// What is asked: everything that decides about the answer but the path.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
}

/// A file, and what of it there is compressed.
pub(super) struct Content {
    pub(super) kind: &'static str,
    pub(super) status: StatusCode,
    pub(super) file: File,
    pub(super) of: Metadata,
    pub(super) variants: Variants,
}

/// A status, and a sentence.
pub(super) fn plain(asked: &Asked<'_>, status: StatusCode, text: &str) -> Reply {
    page(asked, status, TEXT, text.to_owned())
}

/// `404 Not Found`.
pub(super) fn bare(asked: &Asked<'_>, status: StatusCode) -> Reply {
    plain(asked, status, &status.to_string())
}

pub(super) fn page(asked: &Asked<'_>, status: StatusCode, kind: &'static str, text: String) -> Reply {
    let length = text.len();
    let body = if asked.method == Method::HEAD { Body::empty() } else { Body::text(text) };
    let mut reply = with_status(status, body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    reply
}

pub(super) fn who_are_you(asked: &Asked<'_>) -> Reply {
    let mut reply = bare(asked, StatusCode::UNAUTHORIZED);
    let challenge = HeaderValue::from_static("Basic realm=\"rpm\", charset=\"UTF-8\"");
    reply.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    reply
}

pub(super) fn not_this_method(asked: &Asked<'_>) -> Reply {
    let status = if asked.method == Method::OPTIONS { StatusCode::NO_CONTENT } else { StatusCode::METHOD_NOT_ALLOWED };
    let mut reply = match status {
        StatusCode::NO_CONTENT => with_status(status, Body::empty()),
        status => bare(asked, status),
    };
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    reply
}

pub(super) fn moved(asked: &Asked<'_>, to: &str) -> Reply {
    let mut reply = bare(asked, StatusCode::MOVED_PERMANENTLY);
    if let Ok(to) = HeaderValue::from_str(to) {
        reply.headers_mut().insert(LOCATION, to);
    }
    reply
}

/// The file, the part of it that is asked for, or that nothing has changed.
pub(super) fn file(asked: &Asked<'_>, content: Content) -> Reply {
    let Content { kind, status, file, of, variants } = content;
    // A part is of the file itself: who goes on with a download has begun with that.
    let wants_part = asked.headers.contains_key(RANGE) && status == StatusCode::OK && asked.method == Method::GET;
    let (coding, file, of) = match variants.chosen {
        Some((coding, file, of)) if !wants_part => (Some(coding), file, of),
        _ => (None, file, of),
    };
    let version = Version::of(&of, coding);
    let judged = if status == StatusCode::OK { judge(asked.headers, &version) } else { Judged::Send };
    let mut reply = match judged {
        Judged::Unchanged => with_status(StatusCode::NOT_MODIFIED, Body::empty()),
        Judged::Changed => return bare(asked, StatusCode::PRECONDITION_FAILED),
        Judged::Send => {
            let part = if wants_part && conditions::is_same(asked.headers, &version) {
                range::part(&conditions::text(asked.headers, &RANGE).unwrap_or_default(), of.len())
            } else {
                Part::Whole
            };
            send(asked, status, file, of.len(), part)
        }
    };
    describe(&mut reply, kind, &version, coding, variants.vary);
    reply
}

fn send(asked: &Asked<'_>, status: StatusCode, file: File, length: u64, part: Part) -> Reply {
    let (status, first, count, range) = match part {
        Part::Whole => (status, 0, length, None),
        Part::Bytes { first, last } => {
            let range = format!("bytes {first}-{last}/{length}");
            (StatusCode::PARTIAL_CONTENT, first, last - first + 1, Some(range))
        }
        Part::Nowhere => {
            let mut reply = bare(asked, StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut reply, CONTENT_RANGE, &format!("bytes */{length}"));
            return reply;
        }
    };
    let body = if asked.method == Method::HEAD { Ok(Body::empty()) } else { Body::file(file, first, count) };
    let Ok(body) = body else { return bare(asked, StatusCode::INTERNAL_SERVER_ERROR) };
    let mut reply = with_status(status, body);
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(count));
    if let Some(range) = range {
        set(&mut reply, CONTENT_RANGE, &range);
    }
    reply
}

/// What is said of the file itself, also to who has it.
fn describe(reply: &mut Reply, kind: &'static str, version: &Version, coding: Option<Coding>, vary: bool) {
    set(reply, ETAG, &version.tag);
    if let Some(modified) = version.modified {
        set(reply, LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    }
    let headers = reply.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // An error of ours has a text, and a kind, of its own.
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    if vary {
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
}

fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

fn with_status(status: StatusCode, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    // As PM2 has it: fonts and data may be fetched from other sites.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
