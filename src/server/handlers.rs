//! One function a route.

use super::router::failure;
use super::stream::sse;
use crate::api::{API_MAJOR, ApiError, Backend, BusQuery, Code, LogQuery, Request, Response as Answer, route};
use crate::domain::Selector;
use crate::supervisor::Handle;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

pub(super) async fn request(State(handle): State<Handle>, headers: HeaderMap, body: Bytes) -> Response {
    let request = match Request::parse(&body).map_err(|error| not_understood(&error)) {
        Ok(request) => request,
        Err(error) => return failure(&error),
    };
    if let Err(error) = same_api(&headers, &request) {
        return failure(&error);
    }
    let key = headers.get(route::IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).map(str::to_owned);
    answer(handle.call(request, key).await)
}

pub(super) async fn processes(State(handle): State<Handle>) -> Response {
    bare(handle.request(Request::List { selector: Selector::all() }).await)
}

pub(super) async fn pm2_processes(State(handle): State<Handle>) -> Response {
    bare(handle.request(Request::Pm2List).await)
}

pub(super) async fn daemon(State(handle): State<Handle>) -> Response {
    bare(handle.request(Request::Ping).await)
}

pub(super) async fn logs(State(handle): State<Handle>, body: Bytes) -> Response {
    let query: LogQuery = match parse(&body) {
        Ok(query) => query,
        Err(error) => return failure(&error),
    };
    match handle.logs(query).await {
        Ok(stream) => sse(stream, handle),
        Err(error) => failure(&error),
    }
}

pub(super) async fn bus(State(handle): State<Handle>, body: Bytes) -> Response {
    let query: BusQuery = match parse(&body) {
        Ok(query) => query,
        Err(error) => return failure(&error),
    };
    match handle.bus(query).await {
        Ok(stream) => sse(stream, handle),
        Err(error) => failure(&error),
    }
}

pub(super) async fn events(State(handle): State<Handle>) -> Response {
    match handle.events().await {
        Ok(stream) => sse(stream, handle),
        Err(error) => failure(&error),
    }
}

/// One of another API may mean something else by the same words. What brings both together always works.
fn same_api(headers: &HeaderMap, request: &Request) -> Result<(), ApiError> {
    let theirs = headers.get(route::API).and_then(|api| api.to_str().ok());
    let same = theirs.is_none_or(|theirs| theirs == API_MAJOR.to_string());
    if same || matches!(request, Request::Ping | Request::Kill { .. } | Request::Update { .. }) {
        return Ok(());
    }
    let version = env!("CARGO_PKG_VERSION");
    let message = format!("the daemon is rpm {version}, and speaks another API than this command");
    Err(ApiError::new(Code::Invalid, message).hint("rpm update has this version be the daemon; no app notices"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| not_understood(&error))
}

fn not_understood(error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::Invalid, format!("the request is not understood: {error}"))
        .hint("the daemon may be of another version: have this one take over: rpm update")
}

fn answer(result: Result<Answer, ApiError>) -> Response {
    match result {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => failure(&error),
    }
}

/// For people and dashboards: the value without its wrapping.
fn bare(result: Result<Answer, ApiError>) -> Response {
    match result {
        Ok(Answer::Processes(list)) => Json(list).into_response(),
        // As it was written.
        Ok(Answer::Pm2(list)) => ([(header::CONTENT_TYPE, "application/json")], list.into_bytes()).into_response(),
        Ok(Answer::Daemon(info)) => Json(info).into_response(),
        other => answer(other),
    }
}
