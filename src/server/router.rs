//! Which handler answers what.

use super::handlers;
use crate::api::{API_MAJOR, ApiError, Code, route};
use crate::supervisor::Handle;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

/// The largest request: many apps with their environments. Anything longer is refused before it is read.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// The control API of a supervisor. Needs no socket, so that it can be tested as a service.
pub fn router(handle: Handle) -> Router {
    Router::new()
        .route(route::REQUEST, post(handlers::request))
        .route(route::PROCESSES, get(handlers::processes))
        .route(route::PM2_PROCESSES, get(handlers::pm2_processes))
        .route(route::DAEMON, get(handlers::daemon))
        .route(route::LOGS, post(handlers::logs))
        .route(route::BUS, post(handlers::bus))
        .route(route::EVENTS, get(handlers::events))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::middleware::map_response(stamp))
        .with_state(handle)
}

/// Who answers.
async fn stamp(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(route::VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers.insert(route::API, HeaderValue::from(API_MAJOR));
    response
}

async fn unknown(uri: Uri) -> Response {
    let error = ApiError::new(Code::NotFound, format!("there is no {} in this API", uri.path()))
        .hint("the daemon may be older than the command: have this version take over: rpm update");
    failure(&error)
}

/// An error as an answer: its code decides the status.
pub(super) fn failure(error: &ApiError) -> Response {
    let status = match error.code {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyRunning | Code::NotRunning | Code::ReloadInProgress | Code::SameSize | Code::Superseded => {
            StatusCode::CONFLICT
        }
        Code::Invalid | Code::Config => StatusCode::BAD_REQUEST,
        Code::StartFailed | Code::ReloadFailed | Code::UpdateFailed => StatusCode::UNPROCESSABLE_ENTITY,
        Code::Permission => StatusCode::FORBIDDEN,
        Code::Unreachable | Code::Closing => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, axum::Json(error)).into_response()
}
