//! TOML, with the lines of its values.

use super::Problem;
use super::places::{Document, Places, below};
use serde_json::{Map, Number, Value};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

pub(super) fn parse(text: &str) -> Result<Document, Problem> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let (line, column) = error.span().map(|span| lines.position(&span)).unzip();
        Problem::Syntax { line, column, message: error.message().replace('\n', ", ") }
    })?;
    let mut reader = Reader { lines, places: Places::default() };
    let value = reader.table(table.get_ref(), "").map_err(|(span, message)| {
        let (line, column) = reader.lines.position(&span);
        Problem::Syntax { line: Some(line), column: Some(column), message }
    })?;
    Ok(Document { value, places: reader.places })
}

/// Where lines begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column, from 1.
    fn position(&self, span: &Range<usize>) -> (u64, u64) {
        let line = self.starts.partition_point(|start| *start <= span.start);
        let before = self.text.get(self.starts[line - 1]..span.start).unwrap_or_default();
        (line as u64, before.chars().count() as u64 + 1)
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    places: Places,
}

type Refused = (Range<usize>, String);

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, pointer: &str) -> Result<Value, Refused> {
        let mut members = Map::new();
        for (key, value) in table {
            let pointer = below(pointer, key.get_ref());
            self.places.note(&pointer, self.lines.position(&key.span()).0);
            members.insert(key.get_ref().to_string(), self.value(value.get_ref(), &value.span(), &pointer)?);
        }
        Ok(Value::Object(members))
    }

    fn value(&mut self, value: &DeValue<'_>, span: &Range<usize>, pointer: &str) -> Result<Value, Refused> {
        let number = |number: Option<Number>| {
            number.map(Value::Number).ok_or_else(|| (span.clone(), "this number has no place in JSON".to_owned()))
        };
        match value {
            DeValue::String(text) => Ok(Value::from(text.as_ref())),
            DeValue::Integer(whole) => {
                number(i64::from_str_radix(whole.as_str(), whole.radix()).ok().map(Number::from))
            }
            DeValue::Float(float) => number(float.as_str().parse().ok().and_then(Number::from_f64)),
            DeValue::Boolean(flag) => Ok(Value::from(*flag)),
            DeValue::Datetime(time) => Ok(Value::from(time.to_string())),
            DeValue::Table(table) => self.table(table, pointer),
            DeValue::Array(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let pointer = below(pointer, index);
                    self.places.note(&pointer, self.lines.position(&item.span()).0);
                    list.push(self.value(item.get_ref(), &item.span(), &pointer)?);
                }
                Ok(Value::Array(list))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_and_their_lines() {
        let text = "# apps\r\n[[apps]]\nname = \"ä\"\nn = 0x10\nf = 1.5\nlist = [\n 1,\n true]\nat = 2020-01-01\n\n[apps.env]\nA = 1\n[[apps]]\nname = 'b'\n";
        let document = parse(text).unwrap();
        let expected = json!({"apps": [
            {"name": "ä", "n": 16, "f": 1.5, "list": [1, true], "at": "2020-01-01", "env": {"A": 1}}, {"name": "b"}]});
        assert_eq!(document.value, expected);
        for (pointer, line) in [
            ("/apps/0/name", 3),
            ("/apps/0/list", 6),
            ("/apps/0/list/1", 8),
            ("/apps/0/env/A", 12),
            ("/apps/1/name", 14),
        ] {
            assert_eq!(document.places.line(pointer), Some(line), "{pointer}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, place) in [
            ("a = \"é\" b\n", "line 1, column 9: "),
            ("\na = 1\na = 2", "line 3, column 1: "),
            ("\nx = nan", "line 2, column 5: "),
        ] {
            let told = parse(text).unwrap_err().to_string();
            assert!(told.starts_with(place), "{told}");
        }
    }
}
