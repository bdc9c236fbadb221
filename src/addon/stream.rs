//! Streams that JavaScript pulls from, one `next()` at a time.

use super::failure::settle;
use super::log_entry::{LogBatch, ProcessEvent};
use super::packet::BusBatch;
use crate::api::{ApiError, BusItem, Event, LogItem, Stream};
use napi::bindgen_prelude::{Env, PromiseRaw};
use napi_derive::napi;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// The receiving end, shared by the object and by a `next()` that waits.
struct Source<T> {
    receiver: Mutex<Option<Stream<T>>>,
    closed: watch::Sender<bool>,
}

impl<T> Source<T> {
    fn new(receiver: Stream<T>) -> Arc<Self> {
        Arc::new(Self { receiver: Mutex::new(Some(receiver)), closed: watch::Sender::new(false) })
    }

    /// The next item; `None` when the stream has ended, also by [`Self::close`] in the meantime.
    async fn next(&self) -> Result<Option<T>, ApiError> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            () = async { drop(closed.wait_for(|closed| *closed).await) } => {
                // Dropping the receiver is what unsubscribes.
                self.receiver.lock().await.take();
                Ok(None)
            }
            item = async {
                match self.receiver.lock().await.as_mut() {
                    Some(receiver) => receiver.recv().await.transpose(),
                    None => Ok(None),
                }
            } => item,
        }
    }

    fn close(&self) {
        self.closed.send_replace(true);
        // A `next()` that holds it takes it away itself.
        if let Ok(mut receiver) = self.receiver.try_lock() {
            receiver.take();
        }
    }
}

/// Lines of apps, in batches.
#[napi]
pub struct NativeLogStream {
    source: Arc<Source<Vec<LogItem>>>,
}

#[napi]
impl NativeLogStream {
    pub(super) fn new(receiver: Stream<Vec<LogItem>>) -> Self {
        Self { source: Source::new(receiver) }
    }

    /// The next batch; `null` when the stream has ended.
    #[napi(ts_return_type = "Promise<LogBatch | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<LogBatch>>> {
        let source = Arc::clone(&self.source);
        settle(env, async move { source.next().await }, |batch| batch.map(Into::into))
    }

    #[napi]
    pub fn close(&self) {
        self.source.close();
    }
}

/// What happens to processes.
#[napi]
pub struct NativeEventStream {
    source: Arc<Source<Event>>,
}

#[napi]
impl NativeEventStream {
    pub(super) fn new(receiver: Stream<Event>) -> Self {
        Self { source: Source::new(receiver) }
    }

    /// The next event; `null` when the stream has ended.
    #[napi(ts_return_type = "Promise<ProcessEvent | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<ProcessEvent>>> {
        let source = Arc::clone(&self.source);
        settle(env, async move { source.next().await }, |event| event.map(Into::into))
    }

    #[napi]
    pub fn close(&self) {
        self.source.close();
    }
}

/// What apps say, in batches.
#[napi]
pub struct NativeBusStream {
    source: Arc<Source<Vec<BusItem>>>,
}

#[napi]
impl NativeBusStream {
    pub(super) fn new(receiver: Stream<Vec<BusItem>>) -> Self {
        Self { source: Source::new(receiver) }
    }

    /// The next batch; `null` when the stream has ended.
    #[napi(ts_return_type = "Promise<BusBatch | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<BusBatch>>> {
        let source = Arc::clone(&self.source);
        settle(env, async move { source.next().await }, |batch| batch.map(Into::into))
    }

    #[napi]
    pub fn close(&self) {
        self.source.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn items_come_in_order_and_then_the_end() {
        let (sender, receiver) = mpsc::channel(4);
        let source = Source::new(receiver);
        sender.send(Ok(1)).await.unwrap();
        sender.send(Ok(2)).await.unwrap();
        drop(sender);
        assert_eq!(source.next().await, Ok(Some(1)));
        assert_eq!(source.next().await, Ok(Some(2)));
        assert_eq!(source.next().await, Ok(None));
    }

    #[tokio::test]
    async fn closing_ends_a_wait_and_unsubscribes() {
        let (sender, receiver) = mpsc::channel::<Result<u8, ApiError>>(1);
        let source = Source::new(receiver);
        let waiting = tokio::spawn({
            let source = Arc::clone(&source);
            async move { source.next().await }
        });
        tokio::task::yield_now().await;
        source.close();
        assert_eq!(waiting.await.unwrap(), Ok(None));
        sender.closed().await;
        assert_eq!(source.next().await, Ok(None));
    }

    #[tokio::test]
    async fn closing_while_nobody_waits_unsubscribes_at_once() {
        let (sender, receiver) = mpsc::channel::<Result<u8, ApiError>>(1);
        Source::new(receiver).close();
        assert!(sender.is_closed());
    }
}
