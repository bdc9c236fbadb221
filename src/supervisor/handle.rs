//! The door: what everybody outside holds of a supervisor.

use crate::api::{
    ApiError, Backend, Boxed, BusItem, BusQuery, Code, Event, LogItem, LogQuery, Request, Response, Stream,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Calls that wait for the actor, which takes each at once.
const WAITING: usize = 256;

#[derive(Debug)]
pub(super) enum Call {
    Request { request: Request, key: Option<String>, reply: oneshot::Sender<Result<Response, ApiError>> },
    Logs { query: LogQuery, reply: oneshot::Sender<Result<Stream<Vec<LogItem>>, ApiError>> },
    Bus { query: BusQuery, reply: oneshot::Sender<Stream<Vec<BusItem>>> },
    Events { reply: oneshot::Sender<Stream<Event>> },
}

/// How a supervisor ends on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to leave, and nothing runs any more.
    Closed,
    /// Another program goes on with everything.
    Replaced,
}

/// A supervisor, from any thread.
#[derive(Debug, Clone)]
pub struct Handle {
    calls: mpsc::Sender<Call>,
    closed: watch::Receiver<Option<Ending>>,
}

/// The actor's end.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) calls: mpsc::Receiver<Call>,
    pub(super) closed: watch::Sender<Option<Ending>>,
}

impl Handle {
    pub(super) fn new() -> (Self, Door) {
        let (calls, receiver) = mpsc::channel(WAITING);
        let (sender, closed) = watch::channel(None);
        (Self { calls, closed }, Door { calls: receiver, closed: sender })
    }

    /// Carries a request out; the same `key` is carried out once.
    pub async fn call(&self, request: Request, key: Option<String>) -> Result<Response, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(Call::Request { request, key, reply }).await.map_err(|_| closing())?;
        answer.await.map_err(|_| closing())?
    }

    /// Waits until it has come to its end.
    pub async fn ended(&self) -> Ending {
        let mut closed = self.closed.clone();
        closed.wait_for(Option::is_some).await.ok().and_then(|ending| *ending).unwrap_or(Ending::Closed)
    }
}

fn closing() -> ApiError {
    ApiError::new(Code::Closing, "the supervisor is leaving").hint("run the command again")
}

impl Backend for Handle {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        Box::pin(self.call(request, None))
    }

    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.calls.send(Call::Logs { query, reply }).await.map_err(|_| closing())?;
            answer.await.map_err(|_| closing())?
        })
    }

    fn bus(&self, query: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.calls.send(Call::Bus { query, reply }).await.map_err(|_| closing())?;
            answer.await.map_err(|_| closing())
        })
    }

    fn events(&self) -> Boxed<'_, Stream<Event>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.calls.send(Call::Events { reply }).await.map_err(|_| closing())?;
            answer.await.map_err(|_| closing())
        })
    }
}
