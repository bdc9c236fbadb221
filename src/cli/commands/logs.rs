//! `logs`: the last lines, then what is written. An interrupt ends it as the shell expects: by the signal.

use crate::api::{ApiError, Code, Event, LogItem, LogQuery, OutputStream, Process, Stream};
use crate::cli::args::LogsArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::log::{self, Look, Style};
use crate::cli::session::Session;
use crate::domain::Selector;
use crate::domain::selector::Candidate;
use crate::logs::tail;
use jiff::tz::TimeZone;
use std::io::ErrorKind;
use std::path::Path;

pub(super) async fn run(session: &mut Session<'_>, args: LogsArgs) -> Result<Exit, Failure> {
    let look = look(session, &args);
    let query = LogQuery {
        selector: args.target.as_ref().map_or_else(Selector::all, Selector::new),
        lines: args.lines,
        follow: !args.nostream,
        stream: match (args.out, args.err) {
            (true, _) => Some(OutputStream::Out),
            (_, true) => Some(OutputStream::Err),
            _ => None,
        },
    };
    // Events come first, so that none is missed between the two subscriptions.
    let events = if look.style == Style::Json && query.follow { Some(session.link.events().await?) } else { None };
    let (selector, both) = (query.selector.clone(), query.stream.is_none());
    let items = match session.link.logs(query).await {
        Ok(items) => items,
        // PM2's scripts ask for logs of what may not be there.
        Err(error) if error.code == Code::NotFound && args.nostream => {
            session.screen.warn(&error.message);
            return Ok(Exit::Success);
        }
        Err(error) => return Err(error.into()),
    };
    if selector.is_all() && both {
        daemon_lines(session, args.lines, &look)?;
    }
    follow(session, &look, items, events, |event| means(&selector, &event.process)).await?;
    if !args.nostream {
        session.screen.note("the daemon has ended, and with it this stream");
    }
    Ok(Exit::Success)
}

fn look(session: &Session<'_>, args: &LogsArgs) -> Look {
    let style = if session.screen.wants_json() {
        Style::Json
    } else if args.raw {
        Style::Raw
    } else if args.format {
        Style::Pairs
    } else {
        Style::Prefixed { headers: session.screen.is_terminal() }
    };
    Look { style, timestamp: args.timestamp.clone(), highlight: args.highlight.clone(), zone: TimeZone::system() }
}

/// The end of the daemon's own log, which is part of all logs.
fn daemon_lines(session: &mut Session<'_>, lines: u32, look: &Look) -> Result<(), Failure> {
    let Some(path) = session.daemon_log.clone() else { return Ok(()) };
    let tail = match tail(&path, lines, None) {
        Ok(tail) => tail,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            session.screen.warn(&format!("the daemon's log {} cannot be read: {error}", path.display()));
            return Ok(());
        }
    };
    let mut text = String::new();
    for line in tail.lines {
        log::push_daemon(&mut text, &String::from_utf8_lossy(&line), look);
    }
    if text.is_empty() { Ok(()) } else { session.screen.data(&text) }
}

/// Whether the process is one of those whose logs are wanted.
fn means(selector: &Selector, process: &Process) -> bool {
    let (name, namespace) = (process.name.as_str(), process.namespace.as_str());
    let candidate = Candidate { id: process.id, name, namespace, script: Path::new("") };
    selector.select(&[candidate]).is_ok_and(|found| !found.is_empty())
}

const RESUMED: &str = "[another daemon follows on: what was written in between is in the log files]";

/// What comes next out of the two streams.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Next {
    Items(Option<Result<Vec<LogItem>, ApiError>>),
    Event(Option<Result<Event, ApiError>>),
}

async fn follow(
    session: &mut Session<'_>,
    look: &Look,
    mut items: Stream<Vec<LogItem>>,
    mut events: Option<Stream<Event>>,
    wanted: impl Fn(&Event) -> bool,
) -> Result<(), Failure> {
    let mut text = String::new();
    loop {
        let next = match &mut events {
            None => Next::Items(items.recv().await),
            Some(events) => tokio::select! {
                item = items.recv() => Next::Items(item),
                event = events.recv() => Next::Event(event),
            },
        };
        text.clear();
        match next {
            Next::Items(None) => return Ok(()),
            Next::Items(Some(batch)) => {
                let batch = batch?;
                if batch.contains(&LogItem::Resumed) {
                    session.screen.note(RESUMED);
                }
                for item in &batch {
                    log::push(&mut text, item, look);
                }
            }
            Next::Event(None) => events = None,
            Next::Event(Some(event)) => {
                let event = event?;
                if wanted(&event) {
                    log::push_event(&mut text, &event);
                }
            }
        }
        if !text.is_empty() {
            session.screen.data(&text)?;
        }
    }
}
