//! Output of apps and what becomes of them, on our own output.

use crate::api::{Event, EventKind, LogItem, OutputStream};
use crate::cli::failure::Failure;
use crate::cli::render::log::{self, Look, Style};
use crate::cli::render::{Screen, outcome};
use crate::cli::words;
use crate::domain::Status;
use jiff::tz::TimeZone;
use std::collections::HashSet;

/// How lines of apps are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Raw,
    /// Behind the app's id and name.
    Prefixed {
        timestamp: bool,
    },
    Json,
    Pairs,
}

pub(super) struct Show {
    look: Look,
    /// Streams that the log thread brings to our own output itself.
    untouched: HashSet<(String, OutputStream)>,
    /// The end of a run that goes on at once: the next event tells why.
    held: Option<String>,
    text: String,
}

impl Show {
    pub(super) fn new(manner: Option<Manner>) -> Self {
        Self { look: look(manner.unwrap_or(Manner::Raw)), untouched: HashSet::new(), held: None, text: String::new() }
    }

    /// Of this stream of the app every line is seen already.
    pub(super) fn leave(&mut self, app: &str, stream: OutputStream) {
        self.untouched.insert((app.to_owned(), stream));
    }

    pub(super) fn lines(&mut self, screen: &mut Screen, items: &[LogItem]) -> Result<(), Failure> {
        self.text.clear();
        for item in items {
            let is_seen =
                matches!(item, LogItem::Line { name, stream, .. } if self.untouched.contains(&(name.clone(), *stream)));
            if !is_seen {
                log::push(&mut self.text, item, &self.look);
            }
        }
        if self.text.is_empty() { Ok(()) } else { screen.data(&self.text) }
    }

    /// For programs among the lines, for people beside them.
    pub(super) fn event(&mut self, screen: &mut Screen, event: &Event) -> Result<(), Failure> {
        let is_cause = event.event == EventKind::Restart && event.cause.is_some();
        // How it ended is no news where it was ended to be started again.
        if let Some(line) = self.held.take().filter(|_| !is_cause) {
            screen.note(&line);
        }
        let line = in_words(event).map(|line| format!("rpm: {line}"));
        let is_next_told = event.event == EventKind::Exit && event.process.status.is_alive();
        match line {
            Some(line) if is_next_told => self.held = Some(line),
            Some(line) => screen.note(&line),
            None => {}
        }
        self.end(screen, event)
    }

    /// The same where it is no news to people.
    pub(super) fn end(&mut self, screen: &mut Screen, event: &Event) -> Result<(), Failure> {
        if self.look.style != Style::Json {
            return Ok(());
        }
        self.text.clear();
        log::push_event(&mut self.text, event);
        screen.data(&self.text)
    }
}

/// What a line with a timestamp begins with.
const TIMESTAMP: &str = "YYYY-MM-DDTHH:mm:ss";

fn look(manner: Manner) -> Look {
    let style = match manner {
        Manner::Raw => Style::Raw,
        Manner::Prefixed { .. } => Style::Prefixed { headers: false },
        Manner::Json => Style::Json,
        Manner::Pairs => Style::Pairs,
    };
    let timestamp = (manner == Manner::Prefixed { timestamp: true }).then(|| TIMESTAMP.to_owned());
    Look { style, timestamp, highlight: None, zone: TimeZone::system() }
}

/// What nobody has asked for.
fn in_words(event: &Event) -> Option<String> {
    let process = &event.process;
    let who = outcome::app(&process.name, &[process.id]);
    let cause = event.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    match event.event {
        EventKind::Exit if !event.manually && process.status != Status::Stopping => {
            let how = words::ended(process)?;
            Some(format!("{who} has ended: {how}"))
        }
        EventKind::Restart | EventKind::Reload if !event.manually => Some(format!("{who} is started again{cause}")),
        EventKind::MemoryLimit => Some(format!("{who} is above its memory limit{cause}")),
        EventKind::RestartOverlimit => {
            let why = process.reason.clone().unwrap_or_else(|| "it ended too often".to_owned());
            Some(format!("{who}: {why}"))
        }
        EventKind::Unhealthy => Some(format!("{who} is unhealthy{cause}")),
        _ => None,
    }
}
