//! Streams as server-sent events. They are pulled: what nobody reads is never made.

use crate::api::{ApiError, Stream};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) fn sse<T: Serialize + Send + Unpin + 'static>(stream: Stream<T>) -> Response {
    let body = Body::new(Events { stream });
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// One event an item.
struct Events<T> {
    stream: Stream<T>,
}

impl<T: Serialize> hyper::body::Body for Events<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.stream.poll_recv(context).map(|item| Some(Ok(Frame::data(encode(&item?)))))
    }
}

fn encode<T: Serialize>(item: &Result<T, ApiError>) -> Bytes {
    let mut bytes = b"data: ".to_vec();
    let written = match item {
        Ok(item) => serde_json::to_writer(&mut bytes, item),
        Err(error) => serde_json::to_writer(&mut bytes, error),
    };
    if let Err(error) = written {
        tracing::error!("an event cannot be written as JSON: {error}");
    }
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}
