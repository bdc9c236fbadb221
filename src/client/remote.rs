//! A supervisor behind a socket.

use super::autostart::{self, Presence};
use super::stream;
use super::transport::{Call, TransportError, exchange, fetch};
use crate::api::{ApiError, Backend, Boxed, Code, Event, LogItem, LogQuery, Request, Response, Stream, route};
use crate::paths::Home;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::path::PathBuf;

/// How often a request is sent again when its daemon is lost half-way. The idempotency key makes it one request.
const TRIES: u32 = 3;

/// A client of the daemon of one home. Holds no connection between calls.
#[derive(Debug, Clone)]
pub struct Client {
    home: Home,
    program: PathBuf,
}

impl Client {
    /// `program` is the `rpm` binary: it is run as `rpm daemon` when no daemon answers.
    pub fn new(home: Home, program: PathBuf) -> Self {
        Self { home, program }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Starts a daemon unless one answers.
    pub async fn ensure_daemon(&self) -> Result<Presence, ApiError> {
        let (home, program) = (self.home.clone(), self.program.clone());
        tokio::task::spawn_blocking(move || autostart::ensure(&home, &program))
            .await
            .unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string())))
    }

    /// The answer of a daemon that runs already; `None` when none does.
    pub async fn request_running(&self, request: Request) -> Result<Option<Response>, ApiError> {
        let key = key_for(&request);
        match self.call(&request_call(&request, key.as_deref())).await {
            Ok(body) => parse(&body).map(Some),
            Err(Failure::Absent) => Ok(None),
            Err(Failure::Other(error) | Failure::Lost(error)) => Err(error),
        }
    }

    /// PM2's `jlist`, as the bytes that the daemon sent.
    pub async fn raw_pm2_list(&self) -> Result<Bytes, ApiError> {
        let call = Call { method: Method::GET, path: route::PM2_PROCESSES, body: Bytes::new(), idempotency_key: None };
        self.call_or_launch(&call).await
    }

    /// Tries the daemon that is there first: finding out beforehand would cost another connection.
    async fn call_or_launch(&self, call: &Call<'_>) -> Result<Bytes, ApiError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.call(call).await {
                Ok(body) => return Ok(body),
                Err(Failure::Absent) if tries <= TRIES => {
                    self.ensure_daemon().await?;
                }
                Err(Failure::Lost(_)) if tries <= TRIES => {}
                Err(Failure::Absent) => return Err(absent(&self.home)),
                Err(Failure::Lost(error) | Failure::Other(error)) => return Err(error),
            }
        }
    }

    async fn call(&self, call: &Call<'_>) -> Result<Bytes, Failure> {
        let (status, body) = fetch(&self.home.socket(), call).await.map_err(|error| Failure::of(error, &self.home))?;
        if status == StatusCode::OK { Ok(body) } else { Err(Failure::Other(refusal(status, &body))) }
    }

    async fn open<T: DeserializeOwned + Send + 'static>(&self, call: &Call<'_>) -> Result<Stream<T>, ApiError> {
        self.ensure_daemon().await?;
        let response =
            exchange(&self.home.socket(), call).await.map_err(|error| match Failure::of(error, &self.home) {
                Failure::Absent => absent(&self.home),
                Failure::Lost(error) | Failure::Other(error) => error,
            })?;
        let status = response.status();
        let body: Incoming = response.into_body();
        if status == StatusCode::OK {
            return Ok(stream::events(body));
        }
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(refusal(status, &body))
    }
}

impl Backend for Client {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        Box::pin(async move {
            let key = key_for(&request);
            let body = self.call_or_launch(&request_call(&request, key.as_deref())).await?;
            parse(&body)
        })
    }

    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        Box::pin(async move {
            let body = json(&query);
            self.open(&Call { method: Method::POST, path: route::LOGS, body, idempotency_key: None }).await
        })
    }

    fn events(&self) -> Boxed<'_, Stream<Event>> {
        Box::pin(async move {
            let call = Call { method: Method::GET, path: route::EVENTS, body: Bytes::new(), idempotency_key: None };
            self.open(&call).await
        })
    }
}

enum Failure {
    /// No daemon answers; nothing was done.
    Absent,
    /// The daemon was lost half-way.
    Lost(ApiError),
    Other(ApiError),
}

impl Failure {
    fn of(error: TransportError, home: &Home) -> Self {
        match error {
            TransportError::Connect(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
            {
                Self::Absent
            }
            TransportError::Connect(error) => {
                Self::Other(autostart::denied(home, &error, "its socket cannot be reached"))
            }
            broken @ TransportError::Broken(_) => Self::Lost(
                ApiError::new(Code::Unreachable, broken.to_string())
                    .hint(format!("see {} for why", home.daemon_log().display())),
            ),
        }
    }
}

fn absent(home: &Home) -> ApiError {
    ApiError::new(Code::Unreachable, format!("no daemon answers for home {}", home.root().display()))
        .hint(format!("see {} for why it ended", home.daemon_log().display()))
}

fn request_call<'a>(request: &Request, key: Option<&'a str>) -> Call<'a> {
    Call { method: Method::POST, path: route::REQUEST, body: json(request), idempotency_key: key }
}

fn json(value: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(value).expect("requests have string keys only").into()
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        ApiError::new(Code::Internal, format!("the daemon answered what this version doesn't understand: {error}"))
            .hint("the daemon is of another version: stop it with `rpm kill`, the next command starts this one's")
    })
}

fn refusal(status: StatusCode, body: &[u8]) -> ApiError {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| ApiError::new(Code::Internal, format!("the daemon answered {status}")))
}

/// A random key for what must not happen twice.
fn key_for(request: &Request) -> Option<String> {
    request.changes_something().then(|| {
        // Without randomness the key is left out, and a lost request isn't retried as the same one.
        Some(format!("{:016x}{:016x}", getrandom::u64().ok()?, getrandom::u64().ok()?))
    })?
}
