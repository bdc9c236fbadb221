//! What the system takes: signals, limits, cores, permissions.

use super::number::{count, whole_number, within};
use super::unit::size;
use crate::domain::spec::ResourceLimit;
use crate::sys::signal;
use serde_json::Value;
use std::collections::BTreeMap;

pub(in crate::config) fn kill_signal(value: &Value) -> Option<i32> {
    match value {
        Value::Number(number) => signal::number(&whole_number(number)?.to_string()),
        Value::String(name) => signal::number(name),
        _ => None,
    }
}

pub(in crate::config) fn nice(value: &Value) -> Option<i32> {
    within(value, -20, 19)
}

pub(in crate::config) fn oom_score_adj(value: &Value) -> Option<i32> {
    within(value, -1000, 1000)
}

/// A number alone would be decimal to JSON and octal to a shell.
pub(in crate::config) fn umask(value: &Value) -> Option<u32> {
    u32::from_str_radix(value.as_str()?.trim().trim_start_matches("0o"), 8).ok().filter(|mask| *mask <= 0o777)
}

pub(in crate::config) fn cores(value: &Value) -> Option<Vec<u32>> {
    match value {
        Value::Array(items) => items.iter().map(count).collect(),
        Value::String(text) => {
            let mut cores = Vec::new();
            for part in text.split(',').map(str::trim) {
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
                if last < first || last > 4095 {
                    return None;
                }
                cores.extend(first..=last);
            }
            Some(cores)
        }
        other => Some(vec![count(other)?]),
    }
}

/// A number is both limits; a list is the soft and the hard one.
pub(in crate::config) fn rlimits(value: &Value) -> Option<BTreeMap<String, ResourceLimit>> {
    let one = |value: &Value| match value {
        Value::String(text) if text == "unlimited" => Some(None),
        other => size(other).map(Some),
    };
    let limit = |value: &Value| match value {
        Value::Array(pair) => match pair.as_slice() {
            [soft, hard] => Some(ResourceLimit { soft: one(soft)?, hard: one(hard)? }),
            _ => None,
        },
        other => one(other).map(|both| ResourceLimit { soft: both, hard: both }),
    };
    let known = |name: &str| crate::sys::limits::resource(&name.to_ascii_lowercase()).is_some();
    let limits = value.as_object()?.iter();
    limits
        .map(|(name, value)| known(name).then_some(()).and_then(|()| Some((name.to_ascii_lowercase(), limit(value)?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn signals_come_by_name_and_number() {
        for value in [json!("SIGTERM"), json!("term"), json!(15), json!("15")] {
            assert_eq!(kill_signal(&value), Some(15), "{value}");
        }
        assert_eq!(kill_signal(&json!("SIGNOT")), None);
        assert_eq!(kill_signal(&json!(0)), None);
    }
}
