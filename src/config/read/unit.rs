//! Numbers with a unit: times, sizes, cores.

use super::number::{MAX_WHOLE, whole_number};
use crate::domain::spec::CpuQuota;
use serde_json::Value;

/// The longest time a field takes, a century: sums with it never overflow.
const MAX_MILLIS: u64 = 100 * 366 * 86_400_000;

/// Milliseconds: a number, or a number with a unit, `1.5s`.
pub(in crate::config) fn millis(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(number) => return u64::try_from(whole_number(number)?).ok().filter(|ms| *ms <= MAX_MILLIS),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let (digits, unit) = text.split_at(text.find(|c: char| !matches!(c, '0'..='9' | '.')).unwrap_or(text.len()));
    let factor = match unit.trim_start() {
        "" | "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let millis = digits.parse::<f64>().ok()? * factor;
    (millis <= MAX_MILLIS as f64).then(|| millis.round() as u64)
}

/// A time in words, `1.5s`, in milliseconds.
pub fn milliseconds(text: &str) -> Option<u64> {
    millis(&Value::from(text))
}

pub(in crate::config) fn min_uptime(value: &Value) -> Option<u64> {
    millis(value).filter(|ms| *ms >= 100)
}

/// Bytes: a number, or a number with a binary unit, `1.5G`.
pub(in crate::config) fn size(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(number) => return u64::try_from(whole_number(number)?).ok(),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let (digits, unit) = text.split_at(text.find(|c: char| !matches!(c, '0'..='9' | '.')).unwrap_or(text.len()));
    let factor = match unit.trim_start().to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1024.0 * 1024.0,
        "g" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = digits.parse::<f64>().ok()? * factor;
    (bytes <= MAX_WHOLE).then(|| bytes.round() as u64)
}

/// Cores.
pub(in crate::config) fn cpu(value: &Value) -> Option<CpuQuota> {
    let cores = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match text.trim().strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
            None => text.trim().parse().ok()?,
        },
        _ => return None,
    };
    (cores > 0.0 && cores <= 4096.0).then(|| CpuQuota((cores * 1000.0).round().max(1.0) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn times() {
        for (value, expected) in [
            (json!(0), Some(0)),
            (json!(1600), Some(1600)),
            (json!(3e3), Some(3000)),
            (json!("250"), Some(250)),
            (json!("250ms"), Some(250)),
            (json!("10s"), Some(10_000)),
            (json!(" 1.5 s"), Some(1500)),
            (json!("2m"), Some(120_000)),
            (json!("1h"), Some(3_600_000)),
            (json!("1d"), Some(86_400_000)),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("-1s"), None),
            (json!("s"), None),
            (json!(""), None),
            (json!("1 week"), None),
            (json!("1.2.3s"), None),
            (json!(true), None),
            (json!([1]), None),
            (json!(1e18), None),
            (json!("99999999999d"), None),
        ] {
            assert_eq!(millis(&value), expected, "{value}");
        }
        assert_eq!(min_uptime(&json!(99)), None);
        assert_eq!(min_uptime(&json!("1h")), Some(3_600_000));
    }

    proptest! {
        #[test]
        fn a_time_means_the_same_in_each_unit(n in 0_u64..30_000) {
            let ms = |text: String| millis(&Value::from(text));
            prop_assert_eq!(ms(format!("{n}")), Some(n));
            prop_assert_eq!(ms(format!("{n}s")), ms(format!("{}ms", n * 1000)));
            prop_assert_eq!(ms(format!("{n}m")), ms(format!("{}s", n * 60)));
            prop_assert_eq!(ms(format!("{n}h")), ms(format!("{}m", n * 60)));
            prop_assert_eq!(ms(format!("{n}d")), ms(format!("{}h", n * 24)));
        }

        #[test]
        fn any_text_is_a_bounded_time_or_none(text in ".{0,12}") {
            prop_assert!(millis(&Value::from(text)).is_none_or(|ms| ms <= MAX_MILLIS));
        }
    }
}
