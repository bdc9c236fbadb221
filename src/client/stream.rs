//! Server-sent events into a bounded channel, from one daemon after the other.

use super::failure::foreign;
use super::remote::Client;
use super::transport::Call;
use crate::api::{ApiError, Code, Stream};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use memchr::memchr;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

/// Events that wait for a reader; then the daemon is not read from, and counts what it drops.
const WAITING: usize = 16;

/// Where a stream goes on when its daemon is lost.
pub(super) struct Source<T> {
    pub(super) client: Client,
    /// `None` for one that cannot go on without repeating.
    pub(super) again: Option<Call<'static>>,
    /// Told where it goes on.
    pub(super) mark: Option<T>,
}

/// How a body came to its end.
enum End {
    /// In order, or nobody reads any more.
    Over,
    Lost(hyper::Error),
}

/// Reads `data:` lines as `T`s until a daemon ends the stream in order, or the stream is dropped.
pub(super) fn events<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    body: Incoming,
    source: Source<T>,
) -> Stream<T> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        tokio::select! {
            () = follow(body, &source, &sender) => {}
            () = sender.closed() => {}
        }
    });
    receiver
}

async fn follow<T: DeserializeOwned + Clone>(
    mut body: Incoming,
    source: &Source<T>,
    sender: &mpsc::Sender<Result<T, ApiError>>,
) {
    loop {
        let End::Lost(error) = pump(body, sender).await else { return };
        let reopened = if let Some(call) = &source.again {
            source.client.open(call, false).await
        } else {
            let lost = ApiError::new(Code::Unreachable, format!("the daemon ended the stream: {error}"));
            Err(lost.hint("run the command again"))
        };
        match (reopened, &source.mark) {
            (Ok(next), mark) => {
                body = next;
                if let Some(mark) = mark
                    && sender.send(Ok(mark.clone())).await.is_err()
                {
                    return;
                }
            }
            (Err(error), _) => {
                let _ = sender.send(Err(error)).await;
                return;
            }
        }
    }
}

async fn pump<T: DeserializeOwned>(mut body: Incoming, sender: &mpsc::Sender<Result<T, ApiError>>) -> End {
    let mut buffer = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(_)) => continue,
            Err(error) => return End::Lost(error),
        };
        buffer.extend_from_slice(&data);
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &buffer[start..]) {
            let line = &buffer[start..start + length];
            start += length + 1;
            if let Some(json) = line.strip_prefix(b"data: ")
                && sender.send(parse(json)).await.is_err()
            {
                return End::Over;
            }
        }
        buffer.drain(..start);
    }
    End::Over
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(json).map_err(|error| foreign("sent", &error))
}
