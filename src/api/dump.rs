//! An element of PM2's `dump.pm2`, which is a `pm2_env`; beside it, under `rpm`, what PM2 has no word for.

use super::pm2::{self, Parts};
use crate::domain::AppSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where an element has what is ours.
pub const OURS: &str = "rpm";

/// What PM2 leaves out of its own.
const LEFT_OUT: [&str; 3] = ["instances", "pm_id", "prev_restart_delay"];

/// What tells how a process is, not what is wanted of it.
#[rustfmt::skip] // a list
const STATE: [&str; 17] = [
    "status", "pm_uptime", "created_at", "restart_time", "unstable_restarts", "exit_code", "version", "node_version",
    "unique_id", "axm_actions", "axm_monitor", "axm_options", "axm_dynamic", "vizion_running", "km_link", "_tree_pids",
    OURS,
];

/// An app in all that PM2's fields cannot say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ours {
    /// Its settings. Variables that are as in the element's own `env` have the value `null`.
    pub spec: Value,
    /// Of PM2's part, when both said the same.
    pub digest: String,
}

/// An element. The `env` of `parts` is what the app gets, secrets by reference excepted; `ran` is whether it is to run.
pub fn element(parts: &Parts<'_>, ran: bool) -> Value {
    let mut element = match pm2::element(parts) {
        Value::Object(mut element) => element.remove("pm2_env").and_then(into_object).unwrap_or_default(),
        _ => Map::new(),
    };
    for key in LEFT_OUT {
        element.remove(key);
    }
    // What it calls itself is no name that it is started under.
    element.insert("name".into(), parts.spec.name.clone().into());
    // One that waits to be started since a reboot is saved as what it was before.
    let stopped = element.get("status").is_some_and(|status| status == "stopped");
    if stopped && ran {
        element.insert("status".into(), "online".into());
    }
    let ours = Ours { spec: without_known(parts.spec, &parts.env), digest: digest(&element) };
    element.insert(OURS.into(), serde_json::to_value(ours).unwrap_or_default());
    Value::Object(element)
}

/// Whether the process of an element is to run again.
pub fn ran(element: &Map<String, Value>) -> bool {
    let status = element.get("status").and_then(Value::as_str).unwrap_or("online");
    !matches!(status, "stopped" | "stopping")
}

/// Our part of an element, where it has one and PM2's part still says what it said.
pub fn ours(element: &Map<String, Value>) -> Option<(AppSpec, bool)> {
    let ours: Ours = serde_json::from_value(element.get(OURS)?.clone()).ok()?;
    let env = element.get("env").and_then(Value::as_object);
    let spec = serde_json::from_value(with_known(ours.spec, env)).ok()?;
    Some((spec, ours.digest == digest(element)))
}

const LAYERS: [&str; 2] = ["inherited", "app"];

/// Values stand in the file once, and who edits them there has edited them.
fn without_known(spec: &AppSpec, env: &BTreeMap<&str, Cow<'_, str>>) -> Value {
    let mut spec = serde_json::to_value(spec).unwrap_or_default();
    for layer in LAYERS {
        let Some(variables) = spec.pointer_mut(&format!("/env/{layer}")).and_then(Value::as_object_mut) else {
            continue;
        };
        for (name, value) in variables {
            if env.get(name.as_str()).is_some_and(|known| value == known.as_ref()) {
                *value = Value::Null;
            }
        }
    }
    spec
}

fn with_known(mut spec: Value, env: Option<&Map<String, Value>>) -> Value {
    for layer in LAYERS {
        let Some(variables) = spec.pointer_mut(&format!("/env/{layer}")).and_then(Value::as_object_mut) else {
            continue;
        };
        for (name, value) in variables.iter_mut().filter(|(_, value)| value.is_null()) {
            *value = env.and_then(|env| env.get(name)).map_or(Value::Null, text);
        }
        variables.retain(|_, value| !value.is_null());
    }
    spec
}

/// A variable's value as an app gets it.
pub fn text(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Null => value.clone(),
        other => Value::String(other.to_string()),
    }
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Of all that is wanted in PM2's part, in whatever order it stands; FNV-1a, to notice an edit and no more.
fn digest(element: &Map<String, Value>) -> String {
    let settings: BTreeMap<&String, &Value> =
        element.iter().filter(|(key, _)| !STATE.contains(&key.as_str()) && !LEFT_OUT.contains(&key.as_str())).collect();
    let text = serde_json::to_string(&settings).unwrap_or_default();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
