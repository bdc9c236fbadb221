//! One HTTP exchange over the home's socket.

use crate::sys::beside::{self, Peer};
use crate::sys::{socket, user};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::UnixStream;

/// A longer path doesn't fit a socket address, so the socket stands elsewhere and this path is a link to it.
const LONGEST_ADDRESS: usize = 107;

/// Where to connect: the path itself, or what it links to when it is too long. No link is no daemon.
pub(super) fn resolve(socket: &Path) -> io::Result<PathBuf> {
    if socket.as_os_str().len() <= LONGEST_ADDRESS {
        return Ok(socket.to_owned());
    }
    std::fs::read_link(socket)
}

/// What an exchange failed by.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    /// Nobody answers there.
    #[error("{0}")]
    Connect(io::Error),
    /// Nobody answers there, and this container's supervisor is another user's.
    #[error("the apps of this container are those of uid {0}")]
    Foreign(u32),
    /// It broke off half-way: the request may or may not have been carried out.
    #[error("the daemon broke the connection off: {0}")]
    Broken(#[from] hyper::Error),
}

#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) body: Bytes,
    pub(super) idempotency_key: Option<&'a str>,
}

/// Sends a request and returns the head of the answer; its body still streams.
pub(super) async fn exchange(
    socket: &Path,
    call: &Call<'_>,
    container: &Container,
) -> Result<Response<Incoming>, TransportError> {
    let stream = connect(socket, container).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends by itself when the sender and the body are dropped.
    tokio::spawn(connection);
    let mut request = hyper::Request::builder()
        .method(call.method.clone())
        .uri(call.path)
        .header(header::HOST, "rpm")
        .header(crate::api::route::API, crate::api::API_MAJOR)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = call.idempotency_key {
        request = request.header(crate::api::route::IDEMPOTENCY_KEY, key);
    }
    let request = request.body(Full::new(call.body.clone())).expect("method, path and headers are well-formed");
    Ok(sender.send_request(request).await?)
}

/// Whether it is the supervisor of a container that we talk to. When that one ends so does the container, and no daemon is
/// to take its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Container(Arc<AtomicBool>);

impl Container {
    fn has_answered(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ours(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The home's daemon; where there is none, the supervisor of this container, if there is one.
async fn connect(socket: &Path, container: &Container) -> Result<UnixStream, TransportError> {
    let connected = match resolve(socket) {
        Ok(address) => UnixStream::connect(address).await,
        Err(error) => Err(error),
    };
    match connected {
        Ok(stream) => {
            check_peer(&stream).map_err(TransportError::Connect)?;
            Ok(stream)
        }
        Err(error) if is_absence(&error) => match beside::connect() {
            Ok((stream, Peer::Ours)) => {
                container.has_answered();
                UnixStream::from_std(stream).map_err(TransportError::Connect)
            }
            Ok((_, Peer::Foreign(owner))) => Err(TransportError::Foreign(owner)),
            Ok((_, Peer::Stranger)) | Err(_) => Err(TransportError::Connect(error)),
        },
        Err(error) => Err(TransportError::Connect(error)),
    }
}

/// Nobody is there. A socket's file that nobody listens behind is what a killed daemon leaves.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

/// A daemon of somebody else would break off each connection, and a stranger is told nothing of our apps.
fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let (theirs, ours) = (socket::peer_uid(stream)?, user::effective_uid());
    if ours == 0 || theirs == ours {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::PermissionDenied, format!("it is uid {theirs}'s")))
}

/// The whole of an answer.
pub(super) async fn collect(response: Response<Incoming>) -> Result<(StatusCode, Bytes), TransportError> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, body))
}
