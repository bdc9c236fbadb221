//! Text, lists of words, and maps of variables.

use super::number::{count, whole_number};
use crate::config::words;
use serde_json::Value;
use std::collections::BTreeMap;

pub(in crate::config) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The name of a user or a group, or a number.
pub(in crate::config) fn account(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()).filter(|name| !name.starts_with('-')),
        Value::Number(_) => count(value).map(|number| number.to_string()),
        _ => None,
    }
}

pub(in crate::config) fn boolean(value: &Value) -> Option<bool> {
    value.as_bool()
}

/// A list, or a string split into words.
pub(in crate::config) fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(words::split(text)),
        Value::Array(items) => items.iter().map(scalar).collect(),
        _ => None,
    }
}

pub(in crate::config) fn pattern(value: &Value) -> Option<String> {
    text(value).filter(|pattern| regex_lite::Regex::new(pattern).is_ok())
}

/// Variables. Whatever is not text becomes text: lists and objects as JSON, `null` is left out.
pub(in crate::config) fn variables(value: &Value) -> Option<BTreeMap<String, String>> {
    let variables = value.as_object()?.iter().filter(|(_, value)| !value.is_null());
    Some(variables.map(|(name, value)| (name.clone(), scalar(value).unwrap_or_else(|| value.to_string()))).collect())
}

/// The names of those that are numbers or booleans where they are written.
pub(in crate::config) fn typed_variables(value: &Value) -> impl Iterator<Item = String> {
    let variables = value.as_object().into_iter().flatten();
    variables.filter(|(_, value)| value.is_number() || value.is_boolean()).map(|(name, _)| name.clone())
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        // `1.0` is 1 to whoever wrote it: JavaScript has no other way to see it.
        Value::Number(number) => {
            Some(whole_number(number).map_or_else(|| number.to_string(), |whole| whole.to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_text() {
        let value =
            json!({"t": "x", "n": 1, "f": 1.5, "one": 1.0, "b": true, "o": {"si": "si"}, "l": [1, "a"], "z": null});
        let expected = [
            ("b", "true"),
            ("f", "1.5"),
            ("l", "[1,\"a\"]"),
            ("n", "1"),
            ("o", "{\"si\":\"si\"}"),
            ("one", "1"),
            ("t", "x"),
        ];
        let expected: BTreeMap<_, _> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(variables(&value), Some(expected));
        assert_eq!(variables(&json!("A=1")), None);
    }
}
