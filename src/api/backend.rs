//! The one trait behind which a supervisor is reached, wherever it runs.

use super::{ApiError, BusItem, BusQuery, Event, LogItem, LogQuery, Request, Response};
use std::future::Future;
use std::pin::Pin;
use tokio::sync::mpsc;

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send + 'a>>;

/// A bounded stream; it ends by `None`, or after an error. Dropping it unsubscribes.
pub type Stream<T> = mpsc::Receiver<Result<T, ApiError>>;

/// A supervisor: behind a socket (`client::Client`) or in this process (`engine::Embedded`).
pub trait Backend: Send + Sync {
    fn request(&self, request: Request) -> Boxed<'_, Response>;
    /// Batches of log items: first the files' last lines, then what is written.
    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>>;
    /// Batches of what apps say, and of what happens to them, from now on.
    fn bus(&self, query: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>>;
    fn events(&self) -> Boxed<'_, Stream<Event>>;
}
