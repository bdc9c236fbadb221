//! Streams as server-sent events. They are pulled: what nobody reads is never made.

use crate::api::{ApiError, Stream};
use crate::supervisor::Handle;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// After the end of the supervisor a stream goes on this long: what apps said last may still be on its way.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A response that ends in order when the stream does, or the supervisor behind `handle`.
pub(super) fn sse<T: Serialize + Send + Unpin + 'static>(stream: Stream<T>, handle: Handle) -> Response {
    let closed = Box::pin(async move {
        handle.ended().await;
        tokio::time::sleep(LAST_WORDS).await;
    });
    let body = Body::new(Events { stream, closed });
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// One event an item.
struct Events<T> {
    stream: Stream<T>,
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<T: Serialize> hyper::body::Body for Events<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.stream.poll_recv(context) {
            Poll::Ready(item) => Poll::Ready(item.map(|item| Ok(Frame::data(encode(&item))))),
            Poll::Pending => self.closed.as_mut().poll(context).map(|()| None),
        }
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
