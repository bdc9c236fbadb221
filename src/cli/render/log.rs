//! Lines of logs, for eyes and for programs.

use super::color::{self, paint};
use super::{size, text, timestamp};
use crate::api::{Event, LogItem, OutputStream};
use crate::domain::{UnixMs, date_format};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A coloured prefix; with `headers` the files are told too.
    Prefixed {
        headers: bool,
    },
    Raw,
    Json,
    /// `timestamp=… app=… id=… type=… message=…`.
    Pairs,
}

/// How lines are shown.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) style: Style,
    /// Before the prefix: when the line was written, in the tokens of Day.js. Of lines read back from a file nobody knows.
    pub(crate) timestamp: Option<String>,
    /// What is marked in the lines.
    pub(crate) highlight: Option<String>,
    pub(crate) zone: TimeZone,
}

/// What `style: Pairs` has for a time.
const PAIRS_TIME: &str = "YYYY-MM-DD-HH:mm:ssZZ";

/// Appends an item as text. App output is passed on as it is, colours included.
pub(crate) fn push(out: &mut String, item: &LogItem, look: &Look) {
    match (look.style, item) {
        (Style::Json, item) => push_json(out, item),
        (Style::Pairs, LogItem::Line { id, name, stream, line, at }) => {
            let kind = if *stream == OutputStream::Err { "error" } else { "out" };
            let at = at.map_or_else(|| "-".to_owned(), |at| look.time(at, PAIRS_TIME));
            _ = writeln!(out, "timestamp={at} app={} id={id} type={kind} message={line}", text::clean(name));
        }
        (Style::Raw, LogItem::Line { line, .. }) => {
            out.push_str(&look.marked(line));
            out.push('\n');
        }
        (Style::Prefixed { .. }, LogItem::Line { id, name, line, at, .. }) => {
            if let (Some(format), Some(at)) = (&look.timestamp, at) {
                _ = write!(out, "{} ", paint(color::DIM, look.time(*at, format)));
            }
            let prefix = format!("{id}|{} | ", text::clean(name));
            _ = writeln!(out, "{}{}", paint(color::of_process(*id), prefix), look.marked(line));
        }
        (Style::Prefixed { headers: true }, LogItem::File { path, .. }) => {
            _ = writeln!(out, "{}", paint(color::DIM, format_args!("{}:", text::clean(path))));
        }
        (Style::Raw | Style::Pairs | Style::Prefixed { headers: false }, LogItem::File { .. })
        | (Style::Raw | Style::Pairs | Style::Prefixed { .. }, LogItem::Resumed) => {}
        (Style::Raw | Style::Pairs | Style::Prefixed { .. }, LogItem::Dropped { bytes }) => {
            let notice = format!("[{} left out here: this reader is slower than the apps write]", size::short(*bytes));
            _ = writeln!(out, "{}", paint(color::BUSY, notice));
        }
    }
}

/// Appends a line of the daemon's own log, which has its times in it.
pub(crate) fn push_daemon(out: &mut String, line: &str, look: &Look) {
    match look.style {
        Style::Json => push_object(out, &DaemonLine { message: line, kind: "daemon" }),
        Style::Pairs => _ = writeln!(out, "timestamp=- app=rpm type=daemon message={line}"),
        Style::Raw => _ = writeln!(out, "{}", look.marked(line)),
        Style::Prefixed { .. } => _ = writeln!(out, "{}{}", paint(color::DIM, "rpm | "), look.marked(line)),
    }
}

impl Look {
    fn time(&self, at: UnixMs, format: &str) -> String {
        // A time that no calendar has is none of a log.
        let time = Timestamp::from_millisecond(at).unwrap_or_default();
        date_format::format(&time.to_zoned(self.zone.clone()), format)
    }

    fn marked<'a>(&self, line: &'a str) -> Cow<'a, str> {
        match &self.highlight {
            Some(text) if !text.is_empty() && line.contains(text.as_str()) => {
                Cow::Owned(line.replace(text.as_str(), &paint(color::MARKED, text)))
            }
            _ => Cow::Borrowed(line),
        }
    }
}

/// Appends an event as PM2's `logs --json` shows it.
pub(crate) fn push_event(out: &mut String, event: &Event) {
    push_object(
        out,
        &ProcessEvent {
            timestamp: timestamp::iso8601(event.at),
            kind: "process_event",
            status: event.event.as_str(),
            app_name: &event.process.name,
        },
    );
}

#[derive(Serialize)]
struct Line<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(rename = "type")]
    stream: &'static str,
    process_id: u32,
    app_name: &'a str,
}

#[derive(Serialize)]
struct ProcessEvent<'a> {
    timestamp: String,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    app_name: &'a str,
}

#[derive(Serialize)]
struct DaemonLine<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Dropped {
    #[serde(rename = "type")]
    kind: &'static str,
    bytes: i64,
}

fn push_json(out: &mut String, item: &LogItem) {
    match item {
        LogItem::Line { id, name, stream, line, at } => {
            push_object(out, &line_object(*stream, line, *at, id.0, name));
        }
        LogItem::Dropped { bytes } => push_object(out, &Dropped { kind: "dropped", bytes: *bytes }),
        LogItem::File { .. } | LogItem::Resumed => {}
    }
}

fn line_object<'a>(
    stream: OutputStream,
    message: &'a str,
    at: Option<UnixMs>,
    process_id: u32,
    app_name: &'a str,
) -> Line<'a> {
    Line { message, timestamp: at.map(timestamp::iso8601), stream: stream.as_str(), process_id, app_name }
}

fn push_object<T: Serialize>(out: &mut String, object: &T) {
    // Strings and numbers alone: there is nothing in them that JSON cannot say.
    if let Ok(text) = serde_json::to_string(object) {
        out.push_str(&text);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProcessId;

    fn line(text: &str, at: Option<UnixMs>) -> LogItem {
        LogItem::Line { id: ProcessId(3), name: "api".into(), stream: OutputStream::Err, line: text.into(), at }
    }

    fn look(style: Style) -> Look {
        Look { style, timestamp: None, highlight: None, zone: TimeZone::UTC }
    }

    fn pushed(item: &LogItem, style: Style) -> String {
        let mut out = String::new();
        push(&mut out, item, &look(style));
        anstream::adapter::strip_str(&out).to_string()
    }

    const EYES: Style = Style::Prefixed { headers: true };

    #[test]
    fn a_line_in_each_style() {
        let item = line("boom \"x\"", Some(0));
        assert_eq!(pushed(&item, EYES), "3|api | boom \"x\"\n");
        assert_eq!(pushed(&item, Style::Raw), "boom \"x\"\n");
        assert_eq!(
            pushed(&item, Style::Json),
            "{\"message\":\"boom \\\"x\\\"\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"type\":\"err\",\"process_id\":3,\
             \"app_name\":\"api\"}\n"
        );
        assert!(!pushed(&line("x", None), Style::Json).contains("timestamp"));
    }

    #[test]
    fn pairs_for_programs() {
        let told = |item: &LogItem| pushed(item, Style::Pairs);
        assert_eq!(
            told(&line("a b", Some(0))),
            "timestamp=1970-01-01-00:00:00+0000 app=api id=3 type=error message=a b\n"
        );
        assert_eq!(told(&line("a b", None)), "timestamp=- app=api id=3 type=error message=a b\n");
    }

    #[test]
    fn times_and_marks_are_for_eyes() {
        let with = |style| {
            let look = Look { timestamp: Some("HH:mm".into()), highlight: Some("oo".into()), ..look(style) };
            let mut out = String::new();
            for at in [Some(60_000), None] {
                push(&mut out, &line("boom", at), &look);
            }
            out
        };
        let plain = anstream::adapter::strip_str(&with(EYES)).to_string();
        assert_eq!(plain, "00:01 3|api | boom\n3|api | boom\n");
        assert!(with(EYES).contains(&format!("b{}m", paint(color::MARKED, "oo"))));
        assert!(!with(Style::Json).contains('\x1b'));
        assert!(!with(Style::Raw).contains("00:01"));
    }

    #[test]
    fn the_daemon_has_a_prefix_too() {
        let told = |style| {
            let mut out = String::new();
            push_daemon(&mut out, "INFO x", &look(style));
            anstream::adapter::strip_str(&out).to_string()
        };
        assert_eq!(told(EYES), "rpm | INFO x\n");
        assert_eq!(told(Style::Raw), "INFO x\n");
        assert_eq!(told(Style::Json), "{\"message\":\"INFO x\",\"type\":\"daemon\"}\n");
    }

    #[test]
    fn what_was_left_out_is_told_in_every_style() {
        let item = LogItem::Dropped { bytes: 2048 };
        assert!(pushed(&item, EYES).starts_with("[2.0kb left out here"));
        assert!(pushed(&item, Style::Raw).starts_with("[2.0kb left out here"));
        assert_eq!(pushed(&item, Style::Json), "{\"type\":\"dropped\",\"bytes\":2048}\n");
    }

    #[test]
    fn files_are_named_on_terminals_only() {
        let item = LogItem::File {
            id: ProcessId(3),
            name: "api".into(),
            stream: OutputStream::Out,
            path: "/l/api-out.log".into(),
        };
        assert_eq!(pushed(&item, EYES), "/l/api-out.log:\n");
        for style in [Style::Prefixed { headers: false }, Style::Raw, Style::Json] {
            assert_eq!(pushed(&item, style), "");
        }
    }
}
