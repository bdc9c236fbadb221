//! One question, asked within its time.

use super::board::Answer;
use super::name::Resolver;
use super::{exec, http};
use crate::domain::spec::{Check, Probe};
use crate::sys::user::Ids;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The way to the process that is meant, where several share an address.
pub trait Door: fmt::Debug {
    /// `None` where the address is nothing that it shares: whoever connects there has found it.
    fn open(&self, address: SocketAddr) -> Option<io::Result<Opened>>;
}

/// A connection to one process.
#[derive(Debug)]
pub struct Opened {
    /// It doesn't block.
    pub stream: std::net::TcpStream,
    /// The process has taken it; an error when it never will.
    pub taken: oneshot::Receiver<()>,
}

/// What the questions are asked in: the surroundings of the app.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub env: BTreeMap<String, String>,
    pub cwd: PathBuf,
    pub ids: Option<Ids>,
    /// The soft limit of open files.
    pub open_files: u64,
    pub door: Option<Rc<dyn Door>>,
}

pub(super) async fn ask(probe: &Probe, around: &Surroundings, resolver: &Resolver) -> Answer {
    let question = async {
        match &probe.check {
            Check::Http { host, port, path, headers } => match connect(around, resolver, host, *port).await {
                Ok((stream, _)) => http::get(stream, host, *port, path, headers).await,
                Err(error) => failed(&error),
            },
            Check::Tcp { host, port } => match connect(around, resolver, host, *port).await {
                Ok((_stream, None)) => Answer::yes("connected"),
                Ok((_stream, Some(taken))) => match taken.await {
                    Ok(()) => Answer::yes("connected"),
                    Err(_) => Answer::no("it refused the connection"),
                },
                Err(error) => failed(&error),
            },
            Check::Exec { command } => exec::run(command, around).await,
        }
    };
    let answer = timeout(Duration::from_millis(probe.timeout), question).await;
    answer.unwrap_or_else(|_| Answer::no(format!("no answer within {} ms", probe.timeout)))
}

/// To whichever of its addresses answers first, one after the other. Where it is handed to the process it tells when that
/// has taken it.
async fn connect(
    around: &Surroundings,
    resolver: &Resolver,
    host: &str,
    port: u16,
) -> io::Result<(TcpStream, Option<oneshot::Receiver<()>>)> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in resolver.addresses(host, port).await? {
        let opened = match around.door.as_ref().and_then(|door| door.open(address)) {
            Some(opened) => opened.and_then(|Opened { stream, taken }| Ok((TcpStream::from_std(stream)?, Some(taken)))),
            None => TcpStream::connect(address).await.map(|stream| (stream, None)),
        };
        match opened {
            Ok(opened) => return Ok(opened),
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub(super) fn failed(error: &io::Error) -> Answer {
    Answer::no(match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        _ => error.to_string(),
    })
}
