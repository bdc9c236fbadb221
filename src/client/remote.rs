//! A supervisor behind a socket.

use super::autostart::{self, Presence};
use super::failure::{Failure, foreign, refusal};
use super::patience::{Patience, Told};
use super::stream::{self, Source};
use super::transport::{Call, Container, collect, exchange};
use crate::api::{
    ApiError, Backend, Boxed, BusItem, BusQuery, Code, Event, LogItem, LogQuery, Request, Response, Stream, route,
};
use crate::paths::Home;
use crate::sys::launch::Bond;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A client of the daemon of one home. Holds no connection between calls.
#[derive(Debug, Clone)]
pub struct Client {
    home: Home,
    program: PathBuf,
    told: Told,
    version: Arc<OnceLock<String>>,
    container: Container,
}

/// What to do where no daemon answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    Launch,
    Accept,
}

impl Client {
    /// `program` is the `rpm` binary: it is run as the daemon when none answers.
    pub fn new(home: Home, program: PathBuf) -> Self {
        Self { home, program, told: Told::default(), version: Arc::default(), container: Container::default() }
    }

    /// Whether there is somebody to talk to without a home: the supervisor of the container that we are in.
    pub fn is_beside_one() -> bool {
        autostart::answers_beside().unwrap_or(true)
    }

    /// `tell` is called when a request waits for another daemon, as its own was lost, and none comes at once.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn() + Send + Sync + 'static) -> Self {
        self.told = Told::new(tell);
        self
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Of the daemon that has answered, once one has.
    pub fn daemon_version(&self) -> Option<&str> {
        self.version.get().map(String::as_str)
    }

    /// Starts a daemon unless one answers.
    pub async fn ensure_daemon(&self) -> Result<Presence, ApiError> {
        if self.container.is_ours() {
            return match autostart::answers_beside() {
                Ok(true) => Ok(Presence::Running),
                Ok(false) => Err(ApiError::new(Code::Unreachable, "the apps of this container have ended")),
                Err(error) => Err(error),
            };
        }
        let (home, program) = (self.home.clone(), self.program.clone());
        tokio::task::spawn_blocking(move || autostart::ensure(&home, &program, Bond::Free))
            .await
            .unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string())))
    }

    /// Starts a daemon unless one answers, as a child of this thread: it ends in order when the thread ends. Blocks.
    pub fn attend_daemon(&self) -> Result<Presence, ApiError> {
        autostart::ensure(&self.home, &self.program, Bond::Attended)
    }

    /// The answer of a daemon that runs already; `None` when none does. After [`Request::Kill`] all of it is gone: the
    /// daemon, and who keeps its home.
    pub async fn request_running(&self, request: Request) -> Result<Option<Response>, ApiError> {
        let holder = autostart::holder(&self.home);
        let answer = match self.ask(&request, Absence::Accept).await? {
            Some(body) => Some(parse(&body)?),
            None => None,
        };
        if matches!(request, Request::Kill { .. }) && answer.is_some() {
            self.until_left(holder).await?;
        }
        Ok(answer)
    }

    /// PM2's `jlist`, as the bytes that the daemon sent.
    pub async fn raw_pm2_list(&self) -> Result<Bytes, ApiError> {
        let call = Call { method: Method::GET, path: route::PM2_PROCESSES, body: Bytes::new(), idempotency_key: None };
        let body = self.persevere(&call, true, Absence::Launch).await?;
        body.ok_or_else(|| Failure::Absent.into_error(&self.home))
    }

    /// Tries the daemon that is there first: finding out beforehand would cost another connection.
    async fn ask(&self, request: &Request, absence: Absence) -> Result<Option<Bytes>, ApiError> {
        let key = key_for(request);
        let again = key.is_some() || !(request.changes_something() || request.speaks());
        let call =
            Call { method: Method::POST, path: route::REQUEST, body: json(request), idempotency_key: key.as_deref() };
        let answer = self.persevere(&call, again, absence).await;
        let is_over = match &answer {
            Ok(answer) => answer.is_none(),
            Err(error) => error.code == Code::Unreachable,
        };
        if is_over && self.container.is_ours() && matches!(request, Request::List { .. }) {
            // A command has stopped the last of its apps: nothing is left to tell of.
            return Ok(Some(json(&Response::Processes(Vec::new()))));
        }
        answer
    }

    /// `again`: a request whose daemon was lost half-way is the same one when it is sent once more.
    async fn persevere(&self, call: &Call<'_>, again: bool, absence: Absence) -> Result<Option<Bytes>, ApiError> {
        let mut patience = Patience::new(self.told.clone());
        loop {
            let failure = match patience.watch(self.call(call)).await {
                Ok(body) => return Ok(Some(body)),
                Err(Failure::Lost(error)) if !again => return Err(error),
                Err(Failure::Absent) if absence == Absence::Accept => match patience.of_whole(Failure::Absent) {
                    Failure::Absent => return Ok(None),
                    lost => return Err(lost.into_error(&self.home)),
                },
                Err(failure) => failure,
            };
            let absent = matches!(failure, Failure::Absent);
            patience.pause(failure).await.map_err(|failure| failure.into_error(&self.home))?;
            if absent {
                self.ensure_daemon().await?;
            }
        }
    }

    async fn call(&self, call: &Call<'_>) -> Result<Bytes, Failure> {
        let response = self.exchange(call).await?;
        let (status, body) = collect(response).await.map_err(|error| Failure::of(error, &self.home))?;
        if status == StatusCode::OK { Ok(body) } else { Err(Failure::Other(refusal(status, &body))) }
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<hyper::Response<Incoming>, Failure> {
        let response = exchange(&self.home.socket(), call, &self.container)
            .await
            .map_err(|error| Failure::of(error, &self.home))?;
        if let Some(version) = response.headers().get(route::VERSION).and_then(|version| version.to_str().ok()) {
            let _ = self.version.set(version.to_owned());
        }
        Ok(response)
    }

    /// Opens a stream. `launch`: where no daemon answers one is started; who follows one that was lost starts none.
    pub(super) async fn open(&self, call: &Call<'static>, launch: bool) -> Result<Incoming, ApiError> {
        let mut patience = Patience::new(self.told.clone());
        loop {
            let failure = match patience.watch(self.exchange(call)).await {
                Ok(response) if response.status() == StatusCode::OK => return Ok(response.into_body()),
                Ok(response) => match collect(response).await {
                    Ok((status, body)) => Failure::Other(refusal(status, &body)),
                    Err(error) => Failure::of(error, &self.home),
                },
                Err(Failure::Absent) if !launch => return Err(Failure::Absent.into_error(&self.home)),
                Err(failure) => failure,
            };
            let absent = matches!(failure, Failure::Absent);
            patience.pause(failure).await.map_err(|failure| failure.into_error(&self.home))?;
            if absent {
                self.ensure_daemon().await?;
            }
        }
    }

    async fn until_left(&self, holder: String) -> Result<(), ApiError> {
        let home = self.home.clone();
        tokio::task::spawn_blocking(move || autostart::wait_until_left(&home, &holder))
            .await
            .unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string())))
    }
}

impl Backend for Client {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        Box::pin(async move {
            let body = self.ask(&request, Absence::Launch).await?;
            parse(&body.ok_or_else(|| Failure::Absent.into_error(&self.home))?)
        })
    }

    /// One that follows goes on with the next daemon when its own is lost; [`LogItem::Resumed`] says where.
    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        Box::pin(async move {
            let call = |query: &LogQuery| Call {
                method: Method::POST,
                path: route::LOGS,
                body: json(query),
                idempotency_key: None,
            };
            let first = call(&query);
            let again = query.follow.then(|| call(&LogQuery { lines: 0, ..query }));
            let source = Source { client: self.clone(), again, mark: Some(vec![LogItem::Resumed]) };
            Ok(stream::events(self.open(&first, true).await?, source))
        })
    }

    /// Goes on with the next daemon when its own is lost; [`BusItem::Resumed`] says where.
    fn bus(&self, query: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>> {
        Box::pin(async move {
            let call = Call { method: Method::POST, path: route::BUS, body: json(&query), idempotency_key: None };
            let body = self.open(&call, true).await?;
            let source = Source { client: self.clone(), again: Some(call), mark: Some(vec![BusItem::Resumed]) };
            Ok(stream::events(body, source))
        })
    }

    /// Goes on with the next daemon when its own is lost. What happens in between is not told.
    fn events(&self) -> Boxed<'_, Stream<Event>> {
        Box::pin(async move {
            let call = Call { method: Method::GET, path: route::EVENTS, body: Bytes::new(), idempotency_key: None };
            let body = self.open(&call, true).await?;
            Ok(stream::events(body, Source { client: self.clone(), again: Some(call), mark: None }))
        })
    }
}

fn json(value: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(value).expect("requests have string keys only").into()
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| foreign("answered", &error))
}

/// A random key for what must not happen twice.
fn key_for(request: &Request) -> Option<String> {
    request.changes_something().then(|| {
        // Without randomness the key is left out, and a lost request isn't sent again.
        Some(format!("{:016x}{:016x}", getrandom::u64().ok()?, getrandom::u64().ok()?))
    })?
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
