//! Numbers, which may be written as text.

use serde_json::{Number, Value};

/// What JavaScript holds for an exact whole number.
pub(super) const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

pub(super) fn whole_number(number: &Number) -> Option<i64> {
    let exact = |float: &f64| float.fract() == 0.0 && float.abs() <= MAX_WHOLE;
    number.as_i64().or_else(|| number.as_f64().filter(exact).map(|float| float as i64))
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => whole_number(number),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(in crate::config) fn count(value: &Value) -> Option<u32> {
    u32::try_from(whole(value)?).ok()
}

pub(in crate::config) fn port(value: &Value) -> Option<u16> {
    u16::try_from(whole(value)?).ok()
}

pub(super) fn within(value: &Value, least: i64, most: i64) -> Option<i32> {
    whole(value).filter(|number| (least..=most).contains(number)).map(|number| number as i32)
}

pub(in crate::config) fn exit_codes(value: &Value) -> Option<Vec<i32>> {
    let code = |value: &Value| i32::try_from(whole(value)?).ok().filter(|code| (0..=255).contains(code));
    match value {
        Value::Array(items) => items.iter().map(code).collect(),
        Value::String(text) => text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|part| !part.is_empty())
            .map(|part| code(&Value::from(part)))
            .collect(),
        other => Some(vec![code(other)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::{boolean, text};
    use serde_json::json;

    #[test]
    fn numbers_are_accepted_as_text_and_bounded() {
        assert_eq!(count(&json!("5")), Some(5));
        assert_eq!(count(&json!(-5)), None);
        assert_eq!(count(&json!("five")), None);
        assert_eq!(port(&json!("8080")), Some(8080));
        assert_eq!(port(&json!(65_536)), None);
        assert_eq!(text(&json!(5)), None);
        assert_eq!(boolean(&json!("true")), None);
    }

    #[test]
    fn exit_codes_come_as_number_list_or_text() {
        assert_eq!(exit_codes(&json!(3)), Some(vec![3]));
        assert_eq!(exit_codes(&json!([0, "143"])), Some(vec![0, 143]));
        assert_eq!(exit_codes(&json!("0, 143")), Some(vec![0, 143]));
        assert_eq!(exit_codes(&json!(256)), None);
        assert_eq!(exit_codes(&json!(["x"])), None);
    }
}
