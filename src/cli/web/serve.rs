//! Requests and their answers, some at a time, each within a moment.

use crate::api::{Request, Response, pm2};
use crate::cli::failure::Failure;
use crate::cli::link::Link;
use crate::sys::machine;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// For the head of a request.
const HEAD: Duration = Duration::from_secs(2);
/// For all of a connection: it carries one answer.
const LONGEST: Duration = Duration::from_secs(10);
/// After an accept that failed for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_HEAD: usize = 16 << 10;

type Answer = hyper::Response<Full<Bytes>>;

pub(in crate::cli) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("{address} cannot be listened on: {error}"))
            .hint("another port, or 0 for any that is free")
    })
}

/// Serves for as long as it is waited for.
pub(in crate::cli) async fn serve(listener: &TcpListener, link: &dyn Link) -> Infallible {
    let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let door = || async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(timeout(LONGEST, connection(stream, link, is_local)).await),
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    let (never, ..): (Infallible, Infallible, Infallible, Infallible) = tokio::join!(door(), door(), door(), door());
    never
}

async fn connection(stream: TcpStream, link: &dyn Link, is_local: bool) {
    let service = service_fn(|request: hyper::Request<Incoming>| async move {
        let (head, _unread) = request.into_parts();
        let refused = is_local && !names_this_machine(&head.headers);
        let answer =
            if refused { bare(StatusCode::FORBIDDEN) } else { answer(link, &head.method, head.uri.path()).await };
        Ok::<_, Infallible>(answer)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Who has gone wants no answer.
    let _ = connection.await;
}

/// A page of the web may have its own name mean this machine, and read what it gets: it says its own name then.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return true };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

async fn answer(link: &dyn Link, method: &Method, path: &str) -> Answer {
    if path != "/" {
        return bare(StatusCode::NOT_FOUND);
    }
    if method != Method::GET && method != Method::HEAD {
        let mut answer = bare(StatusCode::METHOD_NOT_ALLOWED);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match listing(link).await {
        None => bare(StatusCode::SERVICE_UNAVAILABLE),
        Some(listing) => {
            let mut answer = hyper::Response::new(Full::new(Bytes::from(listing.to_string())));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        }
    }
}

/// `None` where nobody answers: looking starts no daemon.
async fn listing(link: &dyn Link) -> Option<Value> {
    let (host, list) = tokio::join!(link.request_running(Request::Host), link.request_running(Request::Pm2List));
    match (host, list) {
        (Ok(Some(Response::Host(host))), Ok(Some(Response::Pm2(list)))) => {
            let hostname = machine::hostname().unwrap_or_default();
            Some(pm2::host::listing(&hostname, &host, list.elements().ok()?))
        }
        _ => None,
    }
}

fn bare(status: StatusCode) -> Answer {
    let mut answer = hyper::Response::new(Full::new(Bytes::from(format!("{status}\n"))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for (host, expected) in [
            ("localhost:9615", true),
            ("LOCALHOST", true),
            ("127.0.0.1:9615", true),
            ("[::1]:9615", true),
            ("evil.example:9615", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            assert_eq!(names_this_machine(&headers), expected, "{host}");
        }
        assert!(names_this_machine(&HeaderMap::new()));
    }
}
