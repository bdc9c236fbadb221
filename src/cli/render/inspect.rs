//! JSON as Node's `util.inspect` shows it, to any depth: what PM2's `prettylist` and `id` print, and scripts grep.
//!
//! Nothing is left out: Node stops after 100 elements and 10 000 characters unless it is told otherwise, and a list that
//! ends early is of no use.

use serde_json::{Map, Number, Value};
use std::fmt::Write as _;

/// Columns that a line may have.
const WIDTH: usize = 80;
/// So many innermost levels may stand on one line, where there is room.
const COMPACT: usize = 3;
/// Strings up to this length stay whole however narrow it gets.
const SHORTEST: usize = 16;
/// Arrays with more elements are laid out in columns.
const IN_A_ROW: usize = 6;
const MOST_COLUMNS: usize = 15;
/// A character is about so many times as high as it is wide.
const HEIGHT: f64 = 2.5;

/// Without a line break at the end.
pub(crate) fn inspect(value: &Value) -> String {
    Inspector::default().value(value, 0)
}

#[derive(Default)]
struct Inspector {
    /// Columns to the left of what is being written.
    indentation: usize,
    /// The level of the object that was entered last: how deep a finished one is nested is seen by it.
    entered: usize,
}

impl Inspector {
    fn value(&mut self, value: &Value, level: usize) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => self::number(number),
            Value::String(text) => self.string(text),
            Value::Array(items) if items.is_empty() => "[]".to_owned(),
            Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
            Value::Array(items) => {
                self.entered = level;
                let parts: Vec<_> = items.iter().map(|item| self.indented(item, level)).collect();
                let grouped = if parts.len() > IN_A_ROW { self.in_columns(&parts, items) } else { None };
                self.enclose("[", grouped.is_none(), grouped.as_ref().unwrap_or(&parts), "]", level)
            }
            Value::Object(fields) => {
                self.entered = level;
                let parts = in_order(fields).into_iter();
                let parts = parts.map(|(key, value)| format!("{}: {}", self::key(key), self.indented(value, level)));
                let parts: Vec<_> = parts.collect();
                self.enclose("{", true, &parts, "}", level)
            }
        }
    }

    fn indented(&mut self, value: &Value, level: usize) -> String {
        self.indentation += 2;
        let text = self.value(value, level + 1);
        self.indentation -= 2;
        text
    }

    /// On one line if that is short and shallow, else one part a line.
    fn enclose(&self, open: &str, may_be_one_line: bool, parts: &[String], close: &str, level: usize) -> String {
        if may_be_one_line && self.entered - level < COMPACT {
            let start = parts.len() + self.indentation + open.len() + 10;
            let width = parts.iter().map(|part| units(part)).sum::<usize>() + parts.len() + start;
            if width <= WIDTH && !parts.iter().any(|part| part.contains('\n')) {
                return format!("{open} {} {close}", parts.join(", "));
            }
        }
        let margin = " ".repeat(self.indentation);
        format!("{open}\n{margin}  {}\n{margin}{close}", parts.join(&format!(",\n{margin}  ")))
    }

    /// A long string is written line by line.
    fn string(&self, text: &str) -> String {
        let length = units(text);
        if length <= SHORTEST || length + self.indentation + 4 <= WIDTH {
            return quoted(text);
        }
        let joint = format!(" +\n{}", " ".repeat(self.indentation + 2));
        text.split_inclusive('\n').map(quoted).collect::<Vec<_>>().join(&joint)
    }

    /// Lines of several elements each, as many as make about a square; `None` where that would be too wide.
    fn in_columns(&self, parts: &[String], items: &[Value]) -> Option<Vec<String>> {
        const SEPARATOR: usize = 2;
        let widths: Vec<_> = parts.iter().map(|part| super::text::width(part)).collect();
        let total: usize = widths.iter().map(|width| width + SEPARATOR).sum();
        let longest = widths.iter().copied().max().unwrap_or(0);
        let widest = longest + SEPARATOR;
        let (count, cell) = (parts.len() as f64, widest as f64);
        if widest * 3 + self.indentation >= WIDTH || (total as f64 / cell <= 5.0 && longest > 6) {
            return None;
        }
        let bias = (cell - total as f64 / count).sqrt();
        let biased = (cell - 3.0 - bias).max(1.0);
        let square = ((HEIGHT * biased * count).sqrt() / biased).round() as usize;
        let columns = square.min((WIDTH - self.indentation) / widest).min(COMPACT * 4).min(MOST_COLUMNS);
        if columns <= 1 {
            return None;
        }
        let room: Vec<_> = (0..columns)
            .map(|column| widths.iter().skip(column).step_by(columns).copied().max().unwrap_or(0) + SEPARATOR)
            .collect();
        let to_the_right = items.iter().all(Value::is_number);
        let line = |first: usize| {
            let last = parts.len().min(first + columns) - 1;
            let mut line = String::new();
            for index in first..=last {
                let (room, is_last) = (room[index - first], index == last);
                let cell = if is_last { parts[index].clone() } else { format!("{}, ", parts[index]) };
                let own = widths[index] + if is_last { 0 } else { SEPARATOR };
                let padding = " ".repeat((room - if is_last { SEPARATOR } else { 0 }).saturating_sub(own));
                match (to_the_right, is_last) {
                    (true, _) => line.extend([padding.as_str(), &cell]),
                    (false, false) => line.extend([cell.as_str(), &padding]),
                    (false, true) => line.push_str(&cell),
                }
            }
            line
        };
        Some((0..parts.len()).step_by(columns).map(line).collect())
    }
}

/// Strings are measured as JavaScript does.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// JavaScript puts keys that are array indices first, by their value.
fn in_order(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    // Stable: what is no index stays where it is.
    fields.sort_by_key(|(key, _)| index(key).map_or((true, 0), |index| (false, index)));
    fields
}

fn index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok()?;
    (index < u32::MAX && index.to_string() == key).then_some(index)
}

fn key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key == "__proto__" {
        "['__proto__']".to_owned()
    } else if key.chars().all(plain) && key.starts_with(|c: char| !c.is_ascii_digit()) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// In the quotes that need the fewest escapes, single ones first.
fn quoted(text: &str) -> String {
    let quote = match text {
        text if !text.contains('\'') => '\'',
        text if !text.contains('"') => '"',
        text if !text.contains('`') && !text.contains("${") => '`',
        _ => '\'',
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\'' if quote == '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => _ = write!(out, "\\x{:02X}", c as u32),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// As JavaScript writes a number: no exponent from 1e-7 to 1e21.
fn number(number: &Number) -> String {
    let value = number.as_f64().unwrap_or(f64::NAN);
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    if !value.is_finite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let (digits, point) = shortest(value.abs());
    let (count, exponent) = (digits.len() as i32, point - 1);
    let text = match point {
        _ if !(-5..=21).contains(&point) => {
            let (first, rest) = digits.split_at(1);
            let rest = if rest.is_empty() { String::new() } else { format!(".{rest}") };
            format!("{first}{rest}e{}{}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        _ if point <= 0 => format!("0.{}{digits}", "0".repeat(-point as usize)),
        _ if point >= count => format!("{digits}{}", "0".repeat((point - count) as usize)),
        _ => {
            let (whole, rest) = digits.split_at(point as usize);
            format!("{whole}.{rest}")
        }
    };
    if value < 0.0 { format!("-{text}") } else { text }
}

/// The shortest digits that mean the number, and where the point is among them. Of two that are as near JavaScript takes the
/// even one, as JSON's writer does, and Rust's own doesn't.
fn shortest(value: f64) -> (String, i32) {
    let text = Number::from_f64(value).map(|number| number.to_string()).unwrap_or_default();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{rest}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let point = whole.len() as i32 - leading as i32 + exponent.parse::<i32>().unwrap_or(0);
    (digits.trim_matches('0').to_owned(), point)
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
