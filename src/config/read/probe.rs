//! Probes as people write them.

use super::number::{count, port};
use super::text::{list, text, variables};
use super::unit::millis;
use crate::config::words;
use crate::domain::spec::{Check, Probe};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const LOCAL: &str = "127.0.0.1";

/// `{ http: "http://127.0.0.1:3000/health", period: "5s" }`, with `tcp` or `exec` instead of `http`.
pub(in crate::config) fn probe(value: &Value) -> Option<Probe> {
    let parts = value.as_object()?;
    let mut probe = Probe::of(check(parts)?);
    for (key, value) in parts {
        match key.as_str() {
            "http" | "tcp" | "exec" => {}
            "initial_delay" | "initialDelay" => probe.initial_delay = millis(value)?,
            "period" | "interval" => probe.period = millis(value).filter(|period| *period >= 10)?,
            "timeout" => probe.timeout = millis(value).filter(|timeout| *timeout > 0)?,
            "success_threshold" | "successThreshold" => probe.success_threshold = at_least_one(value)?,
            "failure_threshold" | "failureThreshold" => probe.failure_threshold = at_least_one(value)?,
            "initialDelaySeconds" => probe.initial_delay = seconds(value)?,
            "periodSeconds" => probe.period = seconds(value).filter(|period| *period > 0)?,
            "timeoutSeconds" => probe.timeout = seconds(value).filter(|timeout| *timeout > 0)?,
            _ => return None,
        }
    }
    Some(probe)
}

fn at_least_one(value: &Value) -> Option<u32> {
    count(value).filter(|count| *count > 0)
}

fn seconds(value: &Value) -> Option<u64> {
    count(value).map(|seconds| u64::from(seconds) * 1000)
}

/// Exactly one of them.
fn check(parts: &Map<String, Value>) -> Option<Check> {
    match (parts.get("http"), parts.get("tcp"), parts.get("exec")) {
        (Some(http), None, None) => self::http(http),
        (None, Some(tcp), None) => self::tcp(tcp),
        (None, None, Some(exec)) => exec_line(exec),
        _ => None,
    }
}

fn exec_line(value: &Value) -> Option<Check> {
    let command = match value {
        Value::String(line) => words::split(line),
        other => list(other)?,
    };
    (!command.is_empty()).then_some(Check::Exec { command })
}

/// A port, `host:port`, or an object of both.
fn tcp(value: &Value) -> Option<Check> {
    let (host, port) = match value {
        Value::Object(parts) => (host(parts)?, port(parts.get("port")?)?),
        Value::String(text) => match text.rsplit_once(':') {
            Some((host, port)) => (host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?),
            None => (LOCAL.to_owned(), text.parse().ok()?),
        },
        other => (LOCAL.to_owned(), port(other)?),
    };
    Some(Check::Tcp { host, port })
}

fn host(parts: &Map<String, Value>) -> Option<String> {
    parts.get("host").map_or(Some(LOCAL.to_owned()), text)
}

/// A URL, or an object of `port`, `path`, `host` and `headers`.
fn http(value: &Value) -> Option<Check> {
    match value {
        Value::Object(parts) => {
            let path = parts.get("path").map_or(Some("/".to_owned()), text)?;
            let headers = parts.get("headers").map_or(Some(BTreeMap::new()), variables)?;
            Some(Check::Http { host: host(parts)?, port: port(parts.get("port")?)?, path, headers })
        }
        Value::String(url) => {
            let rest = url.strip_prefix("http://")?;
            let (place, path) = rest.find(['/', '?']).map_or((rest, "/"), |at| rest.split_at(at));
            let (host, port) = match place.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
                _ => (place, 80),
            };
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            let host = host.trim_matches(['[', ']']).to_owned();
            (!host.is_empty()).then_some(Check::Http { host, port, path, headers: BTreeMap::new() })
        }
        other => {
            Some(Check::Http { host: LOCAL.into(), port: port(other)?, path: "/".into(), headers: BTreeMap::new() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_question_in_many_spellings() {
        let http = |path: &str| {
            Some(Check::Http { host: LOCAL.into(), port: 3000, path: path.into(), headers: BTreeMap::new() })
        };
        let tcp = |host: &str| Some(Check::Tcp { host: host.into(), port: 5432 });
        for (written, expected) in [
            (json!({"http": "http://127.0.0.1:3000/health?x=1"}), http("/health?x=1")),
            (json!({"http": 3000}), http("/")),
            (json!({"http": {"port": 3000, "path": "/up"}}), http("/up")),
            (json!({"tcp": 5432}), tcp(LOCAL)),
            (json!({"tcp": "5432"}), tcp(LOCAL)),
            (json!({"tcp": "db:5432"}), tcp("db")),
            (json!({"tcp": "[::1]:5432"}), tcp("::1")),
            (
                json!({"exec": "test -f 'a b'"}),
                Some(Check::Exec { command: vec!["test".into(), "-f".into(), "a b".into()] }),
            ),
            (json!({"http": "https://secure"}), None),
            (json!({"tcp": 5432, "http": 3000}), None),
            (json!({"exec": ""}), None),
            (json!({"tcp": 5432, "periode": 1}), None),
            (json!({"tcp": 5432, "failure_threshold": 0}), None),
        ] {
            assert_eq!(probe(&written).map(|probe| probe.check), expected, "{written}");
        }
    }

    #[test]
    fn times_as_ours_or_as_kubernetes_writes_them() {
        let ours = probe(&json!({"tcp": 1, "initial_delay": "2s", "period": 5000, "timeout": "1.5s"})).unwrap();
        assert_eq!((ours.initial_delay, ours.period, ours.timeout), (2000, 5000, 1500));
        let theirs = json!({"tcp": 1, "initialDelaySeconds": 2, "periodSeconds": 5, "failureThreshold": 7});
        let theirs = probe(&theirs).unwrap();
        assert_eq!((theirs.initial_delay, theirs.period, theirs.failure_threshold), (2000, 5000, 7));
    }
}
