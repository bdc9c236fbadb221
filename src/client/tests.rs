//! The client against daemons that are lost: each connection meets one of a list of fates.

use super::*;
use crate::domain::{OutputStream, ProcessId};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;
use tempfile::TempDir;

/// What happens to a connection.
enum Fate {
    /// Its daemon dies before it reads.
    Unread,
    /// Its daemon dies when it has read the request.
    Unanswered,
    Answer(&'static str),
    Refuse(&'static str),
    /// Events, then its daemon dies.
    Events(&'static str),
    /// Events, then an end in order.
    LastEvents(&'static str),
}

struct Daemons {
    _directory: TempDir,
    client: Client,
    /// The requests that were read, heads and bodies.
    seen: JoinHandle<Vec<String>>,
}

impl Daemons {
    /// Nobody listens after the last fate.
    fn meeting(fates: Vec<Fate>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        let listener = UnixListener::bind(home.socket()).unwrap();
        let socket = home.socket();
        let seen = std::thread::spawn(move || {
            let count = fates.len();
            let mut seen = Vec::new();
            for (index, fate) in fates.into_iter().enumerate() {
                let (stream, _) = listener.accept().unwrap();
                if index + 1 == count {
                    std::fs::remove_file(&socket).unwrap();
                }
                seen.extend(meet(stream, &fate));
            }
            seen
        });
        Self { _directory: directory, client: Client::new(home, "/no/such/program".into()), seen }
    }

    fn seen(self) -> Vec<String> {
        self.seen.join().unwrap()
    }
}

fn meet(mut stream: UnixStream, fate: &Fate) -> Option<String> {
    if matches!(fate, Fate::Unread) {
        return None;
    }
    let request = read_request(&mut stream);
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = match fate {
        Fate::Unread | Fate::Unanswered => String::new(),
        Fate::Answer(body) => {
            format!("HTTP/1.1 200 OK\r\nrpm-version: 9.9.9\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        }
        Fate::Refuse(body) => format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        Fate::Events(events) => format!("{head}{}", chunk(events)),
        Fate::LastEvents(events) => format!("{head}{}{}", chunk(events), chunk("")),
    };
    stream.write_all(answer.as_bytes()).unwrap();
    Some(request)
}

fn read_request(stream: &mut UnixStream) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return text;
            }
        }
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "half a request: {text}");
        bytes.extend_from_slice(&buffer[..count]);
    }
}

const DONE: Fate = Fate::Answer(r#"{"kind":"done"}"#);

fn key_of(request: &str) -> &str {
    request.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap()
}

#[tokio::test]
async fn a_request_goes_from_daemon_to_daemon_under_one_key() {
    let daemons = Daemons::meeting(vec![Fate::Unanswered, Fate::Unread, Fate::Unanswered, DONE]);
    assert_eq!(daemons.client.request(Request::ReopenLogs).await, Ok(Response::Done));
    assert_eq!(daemons.client.daemon_version(), Some("9.9.9"));
    let seen = daemons.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| key_of(request) == key_of(&seen[0])), "{seen:?}");
}

#[tokio::test]
async fn another_request_has_another_key() {
    let daemons = Daemons::meeting(vec![DONE, DONE]);
    for _ in 0..2 {
        daemons.client.request(Request::ReopenLogs).await.unwrap();
    }
    let seen = daemons.seen();
    assert_ne!(key_of(&seen[0]), key_of(&seen[1]));
}

#[tokio::test]
async fn what_is_refused_is_asked_once() {
    let daemons = Daemons::meeting(vec![Fate::Refuse(r#"{"code":"NOT_FOUND","message":"no"}"#)]);
    assert_eq!(daemons.client.request(Request::ReopenLogs).await.unwrap_err().code, Code::NotFound);
    assert_eq!(daemons.seen().len(), 1);
}

#[tokio::test]
async fn a_command_that_launches_no_daemon_tells_of_the_one_it_lost() {
    let daemons = Daemons::meeting(vec![Fate::Unanswered]);
    let lost = daemons.client.request_running(Request::ReopenLogs).await.unwrap_err();
    assert!(lost.message.contains("broke the connection off"), "{lost}");
    assert_eq!(daemons.client.request_running(Request::Ping).await, Ok(None), "and then there is none");
}

fn query(follow: bool) -> LogQuery {
    LogQuery { selector: crate::domain::Selector::all(), lines: 5, follow, stream: None }
}

macro_rules! event {
    ($line:literal) => {
        concat!("data: [{\"type\":\"line\",\"id\":0,\"name\":\"a\",\"stream\":\"out\",\"line\":\"", $line, "\"}]\n\n")
    };
}

fn line(text: &str) -> Vec<LogItem> {
    vec![LogItem::Line { id: ProcessId(0), name: "a".into(), stream: OutputStream::Out, line: text.into(), at: None }]
}

#[tokio::test]
async fn a_follower_goes_on_with_the_next_daemon_and_is_told_where() {
    let events = vec![Fate::Events(event!("one")), Fate::Unread, Fate::LastEvents(event!("two"))];
    let daemons = Daemons::meeting(events);
    let mut items = daemons.client.logs(query(true)).await.unwrap();
    let mut got = Vec::new();
    while let Some(batch) = items.recv().await {
        got.push(batch.unwrap());
    }
    assert_eq!(got, [line("one"), vec![LogItem::Resumed], line("two")]);
    let seen = daemons.seen();
    assert!(seen[0].ends_with(r#""lines":5,"follow":true}"#), "{seen:?}");
    assert!(seen[1].ends_with(r#""lines":0,"follow":true}"#), "what was shown is not shown again: {seen:?}");
}

#[tokio::test]
async fn last_lines_that_break_off_are_an_error() {
    let daemons = Daemons::meeting(vec![Fate::Events(event!("one"))]);
    let mut items = daemons.client.logs(query(false)).await.unwrap();
    assert_eq!(items.recv().await.unwrap(), Ok(line("one")));
    assert_eq!(items.recv().await.unwrap().unwrap_err().code, Code::Unreachable);
    assert!(items.recv().await.is_none());
}

#[tokio::test]
async fn a_follower_whose_daemon_has_no_successor_is_told_so() {
    let daemons = Daemons::meeting(vec![Fate::Events(event!("one"))]);
    let mut items = daemons.client.logs(query(true)).await.unwrap();
    items.recv().await.unwrap().unwrap();
    assert_eq!(items.recv().await.unwrap().unwrap_err().code, Code::Unreachable);
}
