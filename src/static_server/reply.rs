//! Answers: their headers, and what of a file is in them.

use super::body::Body;
use super::conditions::{self, Judged, Version, judge};
use super::parts;
use super::press::Press;
use super::range::{self, Part};
use super::variant::{Coding, Variants};
use bytes::Bytes;
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
pub(super) struct Content<'a> {
    pub(super) kind: &'static str,
    pub(super) status: StatusCode,
    pub(super) file: File,
    pub(super) of: Metadata,
    pub(super) variants: Variants,
    pub(super) press: &'a Press,
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
pub(super) fn file(asked: &Asked<'_>, content: Content<'_>) -> Reply {
    let Content { kind, status, file, of, variants, press } = content;
    // A part is of the file itself: who goes on with a download has begun with that.
    let wants_part = asked.headers.contains_key(RANGE) && status == StatusCode::OK && asked.method == Method::GET;
    let is_pressed = Press::takes(kind, &of);
    let vary = variants.vary || is_pressed;
    if is_pressed && variants.takes_gzip && variants.chosen.is_none() && !wants_part {
        let about = About { kind, version: Version::compressed(&of), coding: Some(Coding::Gzip), vary };
        match judged(asked, status, &about.version) {
            Judged::Send => match press.press(&file, &of) {
                Ok(Some(bytes)) => return about.described(whole(asked, status, bytes)),
                Ok(None) => {}
                Err(_) => return bare(asked, StatusCode::INTERNAL_SERVER_ERROR),
            },
            other => return about.of_unsent(asked, other),
        }
    }
    let (coding, file, of) = match variants.chosen {
        Some((coding, file, of)) if !wants_part => (Some(coding), file, of),
        _ => (None, file, of),
    };
    let about = About { kind, version: Version::of(&of, coding), coding, vary };
    match judged(asked, status, &about.version) {
        Judged::Send => {}
        other => return about.of_unsent(asked, other),
    }
    let part = if wants_part && conditions::is_same(asked.headers, &about.version) {
        range::part(&conditions::text(asked.headers, &RANGE).unwrap_or_default(), of.len())
    } else {
        Part::Whole
    };
    about.described(match part {
        Part::Several(spans) => parts::several(file, &spans, of.len(), kind)
            .unwrap_or_else(|_| bare(asked, StatusCode::INTERNAL_SERVER_ERROR)),
        part => send(asked, status, file, of.len(), &part),
    })
}

/// Of a page that says that something isn't there nothing is asked.
fn judged(asked: &Asked<'_>, status: StatusCode, version: &Version) -> Judged {
    if status == StatusCode::OK { judge(asked.headers, version) } else { Judged::Send }
}

fn whole(asked: &Asked<'_>, status: StatusCode, bytes: Bytes) -> Reply {
    let length = bytes.len();
    let mut reply = with_status(status, if asked.method == Method::HEAD { Body::empty() } else { Body::text(bytes) });
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    reply
}

fn send(asked: &Asked<'_>, status: StatusCode, file: File, length: u64, part: &Part) -> Reply {
    let (status, first, count, range) = match part {
        Part::Whole | Part::Several(_) => (status, 0, length, None),
        Part::Bytes(span) => {
            (StatusCode::PARTIAL_CONTENT, span.first, span.length(), Some(parts::content_range(*span, length)))
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
struct About {
    kind: &'static str,
    version: Version,
    coding: Option<Coding>,
    /// Another client may be sent another variant.
    vary: bool,
}

impl About {
    /// They have it, or expect something else.
    fn of_unsent(&self, asked: &Asked<'_>, judged: Judged) -> Reply {
        if judged == Judged::Changed {
            return bare(asked, StatusCode::PRECONDITION_FAILED);
        }
        self.described(with_status(StatusCode::NOT_MODIFIED, Body::empty()))
    }

    fn described(&self, mut reply: Reply) -> Reply {
        set(&mut reply, ETAG, &self.version.tag_sent());
        if let Some(modified) = self.version.modified {
            set(&mut reply, LAST_MODIFIED, &httpdate::fmt_http_date(modified));
        }
        let headers = reply.headers_mut();
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        // An error of ours has a text, and a kind, of its own.
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(self.kind));
        if self.vary {
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if let Some(coding) = self.coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        reply
    }
}

pub(super) fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

pub(super) fn with_status(status: StatusCode, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    // As PM2 has it: fonts and data may be fetched from other sites.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
