//! What an app names beside itself: apps it depends on, secrets, times, addresses.

use super::number::port;
use super::text::{list, text};
use crate::domain::spec::{Condition, Dependency, Listen, SecretSource};
use serde_json::Value;
use std::collections::BTreeMap;

pub(in crate::config) fn dependencies(value: &Value) -> Option<Vec<Dependency>> {
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

pub(in crate::config) fn secrets(value: &Value) -> Option<BTreeMap<String, SecretSource>> {
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

/// 5 or 6 words; what they mean is looked at where the clock is.
pub(in crate::config) fn cron(value: &Value) -> Option<String> {
    match value {
        // PM2's way to switch it off.
        Value::Number(number) if number.as_i64() == Some(0) => Some(String::new()),
        Value::String(text) if text == "0" => Some(String::new()),
        other => text(other),
    }
}

/// Addresses to be bound; their paths as they are written.
pub(in crate::config) fn listen(value: &Value) -> Option<Vec<Listen>> {
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
