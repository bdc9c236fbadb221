//! Values as people write them into the types that fields have. `None` is "not one of those".

use super::{Autorestart, Inherited, Instances, Watched, words};
use crate::domain::spec::{
    CatchUp, Condition, CpuQuota, Dependency, FilterEnv, Listen, Mode, Overlap, ResourceLimit, Sched, SecretSource,
};
use crate::sys::signal;
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// The longest time a field takes, a century: sums with it never overflow.
const MAX_MILLIS: u64 = 100 * 366 * 86_400_000;

/// What JavaScript holds for an exact whole number.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The name of a user or a group, or a number.
pub(super) fn account(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()).filter(|name| !name.starts_with('-')),
        Value::Number(_) => count(value).map(|number| number.to_string()),
        _ => None,
    }
}

pub(super) fn boolean(value: &Value) -> Option<bool> {
    value.as_bool()
}

fn whole_number(number: &Number) -> Option<i64> {
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

pub(super) fn count(value: &Value) -> Option<u32> {
    u32::try_from(whole(value)?).ok()
}

pub(super) fn port(value: &Value) -> Option<u16> {
    u16::try_from(whole(value)?).ok()
}

/// Milliseconds: a number, or a number with a unit, `1.5s`.
pub(super) fn millis(value: &Value) -> Option<u64> {
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

pub(super) fn min_uptime(value: &Value) -> Option<u64> {
    millis(value).filter(|ms| *ms >= 100)
}

pub(super) fn instances(value: &Value) -> Option<Instances> {
    match value {
        Value::Number(number) => Some(Instances::of(i32::try_from(whole_number(number)?).ok()?)),
        Value::String(text) => Some(text.parse().unwrap_or(Instances::Max)),
        _ => None,
    }
}

pub(super) fn mode(value: &Value) -> Option<Mode> {
    match value.as_str()? {
        "fork" | "fork_mode" => Some(Mode::Fork),
        "cluster" | "cluster_mode" => Some(Mode::Cluster),
        _ => None,
    }
}

pub(super) fn kill_signal(value: &Value) -> Option<i32> {
    match value {
        Value::Number(number) => signal::number(&whole_number(number)?.to_string()),
        Value::String(name) => signal::number(name),
        _ => None,
    }
}

/// A list, or a string split into words.
pub(super) fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(words::split(text)),
        Value::Array(items) => items.iter().map(scalar).collect(),
        _ => None,
    }
}

pub(super) fn exit_codes(value: &Value) -> Option<Vec<i32>> {
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

pub(super) fn filter_env(value: &Value) -> Option<FilterEnv> {
    match value {
        Value::Bool(true) => Some(FilterEnv::Everything),
        Value::Bool(false) => Some(FilterEnv::Nothing),
        Value::String(name) => Some(FilterEnv::Named(name.clone())),
        Value::Array(items) => Some(FilterEnv::Containing(items.iter().map(scalar).collect::<Option<_>>()?)),
        _ => None,
    }
}

pub(super) fn env_inherit(value: &Value) -> Option<Inherited> {
    match value {
        Value::Bool(true) => Some(Inherited::Everything),
        Value::Bool(false) => Some(Inherited::Named(Vec::new())),
        other => list(other).map(Inherited::Named),
    }
}

pub(super) fn autorestart(value: &Value) -> Option<Autorestart> {
    match value {
        Value::Bool(true) => Some(Autorestart::Always),
        Value::Bool(false) => Some(Autorestart::Never),
        Value::String(text) if text == "on-failure" => Some(Autorestart::OnFailure),
        _ => None,
    }
}

pub(super) fn pattern(value: &Value) -> Option<String> {
    text(value).filter(|pattern| regex_lite::Regex::new(pattern).is_ok())
}

/// Bytes: a number, or a number with a binary unit, `1.5G`.
pub(super) fn size(value: &Value) -> Option<u64> {
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
pub(super) fn cpu(value: &Value) -> Option<CpuQuota> {
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

fn within(value: &Value, least: i64, most: i64) -> Option<i32> {
    whole(value).filter(|number| (least..=most).contains(number)).map(|number| number as i32)
}

pub(super) fn nice(value: &Value) -> Option<i32> {
    within(value, -20, 19)
}

pub(super) fn oom_score_adj(value: &Value) -> Option<i32> {
    within(value, -1000, 1000)
}

/// A number alone would be decimal to JSON and octal to a shell.
pub(super) fn umask(value: &Value) -> Option<u32> {
    u32::from_str_radix(value.as_str()?.trim().trim_start_matches("0o"), 8).ok().filter(|mask| *mask <= 0o777)
}

pub(super) fn cores(value: &Value) -> Option<Vec<u32>> {
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
pub(super) fn rlimits(value: &Value) -> Option<BTreeMap<String, ResourceLimit>> {
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

pub(super) fn dependencies(value: &Value) -> Option<Vec<Dependency>> {
    let condition = |value: &Value| {
        let word = value.get("condition").unwrap_or(value).as_str()?;
        // Compose's names are accepted too.
        match word {
            "started" | "service_started" => Some(Condition::Started),
            "ready" => Some(Condition::Ready),
            "healthy" | "service_healthy" => Some(Condition::Healthy),
            "completed" | "service_completed_successfully" => Some(Condition::Completed),
            _ => None,
        }
    };
    let ready = |app: String| Dependency { app, condition: Condition::Ready };
    match value {
        Value::Object(apps) => apps
            .iter()
            .map(|(app, value)| Some(Dependency { app: app.clone(), condition: condition(value)? }))
            .collect(),
        other => Some(list(other)?.into_iter().map(ready).collect()),
    }
}

/// 5 or 6 words; what they mean is looked at where the clock is.
pub(super) fn cron(value: &Value) -> Option<String> {
    match value {
        // PM2's way to switch it off.
        Value::Number(number) if number.as_i64() == Some(0) => Some(String::new()),
        Value::String(text) if text == "0" => Some(String::new()),
        other => text(other),
    }
}

pub(super) fn overlap(value: &Value) -> Option<Overlap> {
    match value.as_str()? {
        "skip" => Some(Overlap::Skip),
        "queue" => Some(Overlap::Queue),
        "replace" => Some(Overlap::Replace),
        _ => None,
    }
}

pub(super) fn sched(value: &Value) -> Option<Sched> {
    match value.as_str()? {
        "round-robin" => Some(Sched::RoundRobin),
        "kernel" => Some(Sched::Kernel),
        "ip-hash" => Some(Sched::IpHash),
        _ => None,
    }
}

/// Addresses to be bound; their paths as they are written.
pub(super) fn listen(value: &Value) -> Option<Vec<Listen>> {
    match value {
        Value::Array(addresses) => addresses.iter().map(address).collect(),
        one => address(one).map(|address| vec![address]),
    }
}

fn address(value: &Value) -> Option<Listen> {
    if let Some(port) = port(value) {
        return Some(Listen::Port(port));
    }
    let text = value.as_str()?.trim();
    if text.starts_with('/') || text.starts_with("./") {
        return Some(Listen::Unix(text.into()));
    }
    text.parse().ok().map(Listen::Tcp)
}

pub(super) fn catch_up(value: &Value) -> Option<CatchUp> {
    boolean(value).map(|once| if once { CatchUp::Once } else { CatchUp::None })
}

pub(super) fn watched(value: &Value) -> Option<Watched> {
    match value {
        Value::Bool(true) => Some(Watched::Everything),
        Value::Bool(false) => Some(Watched::Nothing),
        other => list(other).map(Watched::Paths),
    }
}

pub(super) fn secrets(value: &Value) -> Option<BTreeMap<String, SecretSource>> {
    let source = |value: &Value| {
        let parts = value.as_object().filter(|parts| parts.len() == 1)?;
        match (parts.get("file"), parts.get("command")) {
            (Some(file), None) => Some(SecretSource::File(text(file)?.into())),
            (None, Some(command)) => Some(SecretSource::Command(text(command)?)),
            _ => None,
        }
    };
    value.as_object()?.iter().map(|(name, value)| Some((name.clone(), source(value)?))).collect()
}

/// Variables. Whatever is not text becomes text: lists and objects as JSON, `null` is left out.
pub(super) fn variables(value: &Value) -> Option<BTreeMap<String, String>> {
    let variables = value.as_object()?.iter().filter(|(_, value)| !value.is_null());
    Some(variables.map(|(name, value)| (name.clone(), scalar(value).unwrap_or_else(|| value.to_string()))).collect())
}

fn scalar(value: &Value) -> Option<String> {
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

/// Whether a value asks for nothing: such a field may be ignored in silence.
pub(super) fn asks_for_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) => false,
    }
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

    #[test]
    fn instance_counts() {
        for (value, expected) in [
            (json!("max"), Some(Instances::Max)),
            (json!(0), Some(Instances::Max)),
            (json!("0"), Some(Instances::Max)),
            (json!("many"), Some(Instances::Max)),
            (json!(4), Some(Instances::Count(4))),
            (json!("4"), Some(Instances::Count(4))),
            (json!("+4"), Some(Instances::Count(4))),
            (json!(-1), Some(Instances::Count(-1))),
            (json!(1.5), None),
            (json!(true), None),
        ] {
            assert_eq!(instances(&value), expected, "{value}");
        }
    }

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

    #[test]
    fn signals_come_by_name_and_number() {
        for value in [json!("SIGTERM"), json!("term"), json!(15), json!("15")] {
            assert_eq!(kill_signal(&value), Some(15), "{value}");
        }
        assert_eq!(kill_signal(&json!("SIGNOT")), None);
        assert_eq!(kill_signal(&json!(0)), None);
    }

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
