//! `logs`: the last lines, then what is written. An interrupt ends it as the shell expects: by the signal.

use crate::api::{ApiError, Code, Event, LogItem, LogQuery, OutputStream, Stream};
use crate::cli::args::LogsArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::log::{self, Style};
use crate::cli::session::Session;
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: LogsArgs) -> Result<Exit, Failure> {
    let style = match (session.screen.wants_json(), args.raw) {
        (true, _) => Style::Json,
        (false, true) => Style::Raw,
        (false, false) => Style::Prefixed { headers: session.screen.is_terminal() },
    };
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
    let events = if style == Style::Json && query.follow { Some(session.link.events().await?) } else { None };
    let items = match session.link.logs(query).await {
        Ok(items) => items,
        // PM2's scripts ask for logs of what may not be there.
        Err(error) if error.code == Code::NotFound && args.nostream => {
            session.screen.warn(&error.message);
            return Ok(Exit::Success);
        }
        Err(error) => return Err(error.into()),
    };
    let wanted = |event: &Event| {
        args.target.as_ref().is_none_or(|target| {
            let process = &event.process;
            target == "all"
                || *target == process.name
                || *target == process.namespace
                || *target == process.id.to_string()
        })
    };
    follow(session, style, items, events, wanted).await?;
    if !args.nostream {
        session.screen.note("the daemon has ended, and with it this stream");
    }
    Ok(Exit::Success)
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
    style: Style,
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
                    log::push(&mut text, item, style);
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
