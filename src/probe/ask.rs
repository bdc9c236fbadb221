//! One question, asked within its time.

use super::board::Answer;
use super::name::Resolver;
use super::{exec, http};
use crate::domain::spec::{Check, Probe};
use crate::sys::user::Ids;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a command of a probe is run in: the surroundings of its app.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub env: BTreeMap<String, String>,
    pub cwd: PathBuf,
    pub ids: Option<Ids>,
    /// The soft limit of open files.
    pub open_files: u64,
}

pub(super) async fn ask(probe: &Probe, around: &Surroundings, resolver: &Resolver) -> Answer {
    let question = async {
        match &probe.check {
            Check::Http { host, port, path, headers } => match connect(resolver, host, *port).await {
                Ok(stream) => http::get(stream, host, *port, path, headers).await,
                Err(error) => failed(&error),
            },
            Check::Tcp { host, port } => match connect(resolver, host, *port).await {
                Ok(_) => Answer::yes("connected"),
                Err(error) => failed(&error),
            },
            Check::Exec { command } => exec::run(command, around).await,
        }
    };
    let answer = timeout(Duration::from_millis(probe.timeout), question).await;
    answer.unwrap_or_else(|_| Answer::no(format!("no answer within {} ms", probe.timeout)))
}

/// To whichever of its addresses answers first, one after the other.
async fn connect(resolver: &Resolver, host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in resolver.addresses(host, port).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
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
