//! Server-sent events into a bounded channel.

use crate::api::{ApiError, Code, Stream};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use memchr::memchr;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

/// Events that wait for a reader; then the daemon is not read from, and counts what it drops.
const WAITING: usize = 16;

/// Reads `data:` lines as `T`s until the body ends or the stream is dropped.
pub(super) fn events<T: DeserializeOwned + Send + 'static>(body: Incoming) -> Stream<T> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        tokio::select! {
            () = pump(body, &sender) => {}
            () = sender.closed() => {}
        }
    });
    receiver
}

async fn pump<T: DeserializeOwned>(mut body: Incoming, sender: &mpsc::Sender<Result<T, ApiError>>) {
    let mut buffer = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(_)) => continue,
            Err(error) => {
                let gone = ApiError::new(Code::Unreachable, format!("the daemon ended the stream: {error}"));
                let _ = sender.send(Err(gone.hint("run the command again"))).await;
                return;
            }
        };
        buffer.extend_from_slice(&data);
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &buffer[start..]) {
            let line = &buffer[start..start + length];
            start += length + 1;
            if let Some(json) = line.strip_prefix(b"data: ")
                && sender.send(parse(json)).await.is_err()
            {
                return;
            }
        }
        buffer.drain(..start);
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(json).map_err(|error| {
        ApiError::new(Code::Internal, format!("the daemon sent what this version doesn't understand: {error}"))
            .hint("restart the daemon with this version: rpm kill")
    })
}
