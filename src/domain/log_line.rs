//! What a line of output becomes in a log: behind a date, or a JSON object.
//!
//! A line goes in whole, so no line depends on another, nor on where the output was cut into chunks. A piece of a line,
//! which comes where nobody waits for its end any more, becomes a line of its own.

use super::{OutputStream, ProcessId, date_format};
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use std::io::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogType {
    /// As the app writes it.
    #[default]
    Raw,
    /// PM2's object: `message`, `timestamp`, `type`, `process_id`, `app_name`.
    Json,
}

/// What the lines of an app become. Settled when a run begins, like the files that they go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineForm {
    pub log_type: LogType,
    /// In the tokens of Day.js. `None`: no date before a line, and that of ISO 8601 in an object.
    pub date_format: Option<String>,
    /// A name of the time zone database; `None` is the system's.
    pub time_zone: Option<String>,
    pub app: String,
}

/// Who wrote the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    pub id: ProcessId,
    pub stream: OutputStream,
}

impl LineForm {
    /// Writes the lines behind each other into `out`, until that has `most` bytes or more; how many bytes they were.
    /// Each ends in a line break, whether it came with one or not.
    pub fn write(&self, by: Writer, date: &Zoned, lines: &[u8], most: usize, out: &mut Vec<u8>) -> usize {
        let frame = Frame::new(self, by, date);
        let mut taken = 0;
        while taken < lines.len() && out.len() < most {
            let rest = &lines[taken..];
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            frame.put(&rest[..end], out);
            taken += end;
        }
        taken
    }
}

/// What is the same for all lines of a chunk.
enum Frame {
    Date(String),
    Object { tail: String },
}

impl Frame {
    fn new(form: &LineForm, by: Writer, date: &Zoned) -> Self {
        // A line break in it would make two lines of one.
        let date_of = |format: &String| date_format::format(date, format).replace(['\n', '\r'], " ");
        let told = form.date_format.as_ref().map(date_of);
        match form.log_type {
            LogType::Raw => Self::Date(told.map_or_else(String::new, |date| format!("{date}: "))),
            LogType::Json => {
                let timestamp = told.unwrap_or_else(|| format!("{:.3}", date.timestamp()));
                let (timestamp, app) = (serde_json::json!(timestamp), serde_json::json!(form.app));
                let (stream, id) = (by.stream.as_str(), by.id);
                let tail = format!(
                    ",\"timestamp\":{timestamp},\"type\":\"{stream}\",\"process_id\":{id},\"app_name\":{app}}}\n"
                );
                Self::Object { tail }
            }
        }
    }

    /// A line with its line break, or a piece of one.
    fn put(&self, line: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Date(date) => {
                out.extend_from_slice(date.as_bytes());
                out.extend_from_slice(line);
                if line.last() != Some(&b'\n') {
                    out.push(b'\n');
                }
            }
            Self::Object { tail } => {
                out.extend_from_slice(b"{\"message\":");
                // Writing into memory does not fail, nor does text as JSON.
                _ = serde_json::to_writer(&mut *out, &String::from_utf8_lossy(line));
                _ = out.write_all(tail.as_bytes());
            }
        }
    }
}

/// How many of the lines are whole where only the first `written` bytes of `text`, which they have become, are in a
/// file; and how many bytes of it these are.
pub fn whole(lines: &[u8], text: &[u8], written: usize) -> (usize, usize) {
    if written >= text.len() {
        return (lines.len(), text.len());
    }
    let end = memchr::memrchr(b'\n', &text[..written]).map_or(0, |at| at + 1);
    let count = memchr::memchr_iter(b'\n', &text[..end]).count();
    let last = count.checked_sub(1).and_then(|before| memchr::memchr_iter(b'\n', lines).nth(before));
    (last.map_or(0, |at| at + 1), end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const BY: Writer = Writer { id: ProcessId(3), stream: OutputStream::Err };

    fn form(log_type: LogType, date_format: Option<&str>) -> LineForm {
        LineForm { log_type, date_format: date_format.map(Into::into), time_zone: None, app: "a \"b\"".into() }
    }

    fn noon() -> Zoned {
        Timestamp::from_millisecond(1_790_000_000_120).unwrap().to_zoned(TimeZone::UTC)
    }

    fn written(form: &LineForm, lines: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert_eq!(form.write(BY, &noon(), lines, usize::MAX, &mut out), lines.len());
        out
    }

    #[test]
    fn a_date_stands_before_each_line() {
        let form = form(LogType::Raw, Some("YYYY-MM-DDTHH:mm:ss"));
        for (lines, expected) in [
            (&b""[..], &b""[..]),
            (b"one\n", b"2026-09-21T14:13:20: one\n"),
            (b"a\n\nb\n", b"2026-09-21T14:13:20: a\n2026-09-21T14:13:20: \n2026-09-21T14:13:20: b\n"),
            (b"cr\r\n", b"2026-09-21T14:13:20: cr\r\n"),
            (b"\xff\xfe\n", b"2026-09-21T14:13:20: \xff\xfe\n"),
            (b"piece", b"2026-09-21T14:13:20: piece\n"),
        ] {
            assert_eq!(written(&form, lines), expected, "{lines:?}");
        }
        assert_eq!(written(&self::form(LogType::Raw, Some("[a\nb]")), b"x\n"), b"a b: x\n");
    }

    #[test]
    fn an_object_a_line_with_the_keys_and_the_order_of_pm2() {
        let text = |form: &LineForm, lines: &[u8]| String::from_utf8(written(form, lines)).unwrap();
        let tail =
            |date: &str| format!(r#","timestamp":"{date}","type":"err","process_id":3,"app_name":"a \"b\""}}{}"#, '\n');
        let (plain, dated) = (tail("2026-09-21T14:13:20.120Z"), tail("14:13"));
        let json = form(LogType::Json, None);
        assert_eq!(text(&json, b"one\ntwo"), format!(r#"{{"message":"one\n"{plain}{{"message":"two"{plain}"#));
        assert_eq!(text(&json, b"f\xff\xfe\n"), format!("{{\"message\":\"f\u{fffd}\u{fffd}\\n\"{plain}"));
        assert_eq!(text(&json, b"\t\x1b[31m\r\n"), format!(r#"{{"message":"\t\u001b[31m\r\n"{plain}"#));
        assert_eq!(text(&form(LogType::Json, Some("HH:mm")), b"x\n"), format!(r#"{{"message":"x\n"{dated}"#));
    }

    #[test]
    fn no_more_is_written_than_is_wanted_and_always_whole_lines() {
        let form = form(LogType::Raw, Some("HH"));
        let mut out = Vec::new();
        assert_eq!(form.write(BY, &noon(), b"one\ntwo\nthree\n", 9, &mut out), 8);
        assert_eq!(out, b"14: one\n14: two\n");
        assert_eq!(form.write(BY, &noon(), b"three\n", 9, &mut out), 0);
    }

    #[test]
    fn what_was_torn_is_whole_up_to_the_line_before() {
        let (lines, text) = (b"a\nbb\nc", b"14: a\n14: bb\n14: c\n");
        for (written, expected) in
            [(0, (0, 0)), (5, (0, 0)), (6, (2, 6)), (12, (2, 6)), (13, (5, 13)), (18, (5, 13)), (19, (6, 19))]
        {
            assert_eq!(whole(lines, text, written), expected, "{written}");
        }
    }

    fn any_form() -> impl Strategy<Value = LineForm> {
        (any::<bool>(), prop::option::of("[YMDHmsS \\[\\]:a-z\n]{0,12}"))
            .prop_map(|(json, date)| form(if json { LogType::Json } else { LogType::Raw }, date.as_deref()))
    }

    proptest! {
        /// However lines are dealt out, they become the same; and of JSON the text comes back.
        #[test]
        fn each_line_is_for_itself(
            form in any_form(),
            parts in prop::collection::vec(prop::collection::vec(prop::sample::select(b"ab\n\r\xc3\xa4\0\"".to_vec()), 0..40), 0..8),
            most in 1_usize..200,
        ) {
            let lines: Vec<u8> = parts.iter().flat_map(|part| [part.as_slice(), b"\n"].concat()).collect();
            let at_once = written(&form, &lines);
            let by_parts: Vec<u8> =
                parts.iter().flat_map(|part| written(&form, &[part.as_slice(), b"\n"].concat())).collect();
            prop_assert_eq!(&at_once, &by_parts);
            let (mut limited, mut taken) = (Vec::new(), 0);
            while taken < lines.len() {
                let mut out = Vec::new();
                taken += form.write(BY, &noon(), &lines[taken..], most, &mut out);
                limited.extend(out);
            }
            prop_assert_eq!(&at_once, &limited);
            let breaks = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
            prop_assert_eq!(breaks(&at_once), breaks(&lines));
            if form.log_type == LogType::Json {
                let messages = at_once.split_inclusive(|byte| *byte == b'\n').map(|line| {
                    let object: Value = serde_json::from_slice(line).unwrap();
                    assert_eq!(object["process_id"], json!(3));
                    object["message"].as_str().unwrap().to_owned()
                });
                let expected = lines.split_inclusive(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned());
                prop_assert!(messages.eq(expected));
            }
        }

        #[test]
        fn a_torn_text_is_taken_up_where_it_was_whole(
            form in any_form(),
            lines in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 1..60),
            at in any::<prop::sample::Index>(),
        ) {
            let text = written(&form, &lines);
            let (taken, kept) = whole(&lines, &text, at.index(text.len() + 1));
            prop_assert!(kept <= text.len() && taken <= lines.len());
            prop_assert_eq!(&written(&form, &lines[..taken]), &text[..kept]);
            prop_assert_eq!([&text[..kept], &written(&form, &lines[taken..])].concat(), text.clone());
        }
    }
}
