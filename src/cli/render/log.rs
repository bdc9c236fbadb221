//! Lines of logs, for eyes and for programs.

use super::color::{self, paint};
use super::{size, text, timestamp};
use crate::api::{Event, LogItem, OutputStream};
use crate::domain::UnixMs;
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A coloured prefix; with `headers` the files are told too.
    Prefixed {
        headers: bool,
    },
    Raw,
    Json,
}

/// Appends an item as text. App output is passed on as it is, colours included.
pub(crate) fn push(out: &mut String, item: &LogItem, style: Style) {
    match (style, item) {
        (Style::Json, item) => push_json(out, item),
        (Style::Raw, LogItem::Line { line, .. }) => {
            out.push_str(line);
            out.push('\n');
        }
        (Style::Prefixed { .. }, LogItem::Line { id, name, line, .. }) => {
            let prefix = format!("{id}|{} | ", text::clean(name));
            _ = writeln!(out, "{}{line}", paint(color::of_process(*id), prefix));
        }
        (Style::Prefixed { headers: true }, LogItem::File { path, .. }) => {
            _ = writeln!(out, "{}", paint(color::DIM, format_args!("{}:", text::clean(path))));
        }
        (Style::Raw | Style::Prefixed { headers: false }, LogItem::File { .. })
        | (Style::Raw | Style::Prefixed { .. }, LogItem::Resumed) => {}
        (Style::Raw | Style::Prefixed { .. }, LogItem::Dropped { bytes }) => {
            let notice = format!("[{} left out here: this reader is slower than the apps write]", size::short(*bytes));
            _ = writeln!(out, "{}", paint(color::BUSY, notice));
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

    fn pushed(item: &LogItem, style: Style) -> String {
        let mut out = String::new();
        push(&mut out, item, style);
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
