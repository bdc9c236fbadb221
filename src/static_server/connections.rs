//! Connections: how many there are, how long each may take, and how they end.

use super::body::Body;
use super::patience::Patient;
use super::reply::{Asked, Reply, bare};
use super::respond::Served;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::spawn_blocking;

/// So many at a time; others wait to be accepted, where they cost nothing.
const MOST: usize = 1024;
/// For the head of a request, and between two requests.
const HEAD: Duration = Duration::from_secs(20);
/// A client that takes nothing for so long is gone.
const STUCK: Duration = Duration::from_mins(1);
/// When we leave, for the first request on a connection.
const FIRST: Duration = Duration::from_secs(2);
/// After an accept that failed for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// The head of a request, in bytes.
const LONGEST_HEAD: usize = 32 << 10;

/// Accepts and serves until `leaving` says so, then finishes what was begun.
pub(super) async fn serve(listeners: Vec<TcpListener>, served: Arc<Served>, leaving: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(MOST));
    let doors = listeners.into_iter().map(|listener| {
        tokio::task::spawn_local(accept(listener, Arc::clone(&room), Arc::clone(&served), leaving.clone()))
    });
    for door in doors.collect::<Vec<_>>() {
        let _ = door.await;
    }
    // All of it is free again when the last connection has ended.
    let _ = room.acquire_many(MOST as u32).await;
}

async fn accept(listener: TcpListener, room: Arc<Semaphore>, served: Arc<Served>, mut leaving: watch::Receiver<bool>) {
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = leaving.wait_for(|leaving| *leaving) => return,
        };
        match (place, accepted) {
            (Ok(place), Ok((stream, _))) => {
                let connection = connection(stream, Arc::clone(&served), leaving.clone());
                tokio::task::spawn_local(async move {
                    connection.await;
                    drop(place);
                });
            }
            (_, Err(error)) => {
                tracing::warn!("a connection cannot be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
            }
            (Err(_), _) => return,
        }
    }
}

async fn connection(stream: TcpStream, served: Arc<Served>, mut leaving: watch::Receiver<bool>) {
    // What is sent is sent whole; waiting for more would only be late.
    let _ = stream.set_nodelay(true);
    let asked = Rc::new(Notify::new());
    let told = Rc::clone(&asked);
    let service = service_fn(move |request| {
        told.notify_one();
        answer(Arc::clone(&served), request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(Patient::new(stream, STUCK)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = leaving.wait_for(|leaving| *leaving) => {
            // Whoever has just connected is about to ask, and cannot know that we leave.
            let first = tokio::time::timeout(FIRST, asked.notified());
            let ended = tokio::select! {
                ended = connection.as_mut() => Some(ended),
                _ = first => None,
            };
            if let Some(ended) = ended {
                ended
            } else {
                    connection.as_mut().graceful_shutdown();
                    connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection has ended: {error}");
    }
}

async fn answer(served: Arc<Served>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, _unread) = request.into_parts();
    let method = head.method.clone();
    let answered: Result<Reply, _> = spawn_blocking(move || served.respond(&head)).await;
    Ok(answered.unwrap_or_else(|error| {
        tracing::error!("a request could not be answered: {error}");
        bare(&Asked { method: &method, headers: &hyper::HeaderMap::new() }, StatusCode::INTERNAL_SERVER_ERROR)
    }))
}
