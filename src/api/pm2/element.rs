//! An element of `jlist`: its keys, their order and types as PM2 has them.

use super::settings;
use crate::api::Process;
use crate::domain::panel::Panel;
use crate::domain::spec::{Environment, Mode};
use crate::domain::{AppSpec, Outcome, Status};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What an element is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    pub process: &'a Process,
    pub spec: &'a AppSpec,
    /// What its run has announced.
    pub panel: &'a Panel,
    pub unique_id: &'a str,
    pub out_log: Option<&'a Path>,
    pub error_log: Option<&'a Path>,
    /// The file that has both streams.
    pub combined_log: Option<&'a Path>,
    pub pid_file: &'a Path,
    /// What it runs with, secrets taken out.
    pub env: BTreeMap<String, String>,
    /// The current delay of the exponential back-off, in milliseconds.
    pub backoff: u64,
    /// Of the Node that it runs on, as far as that is known.
    pub node_version: Option<&'a str>,
    /// What `monitor` and `unmonitor` have set.
    pub monitored: Option<bool>,
}

/// What a process is told of itself that PM2 has in `env`, too. The rest of that stands beside `env`.
const IN_ENV: [&str; 3] = ["PM2_HOME", "RPM_HOME", "unique_id"];

/// An element of `jlist`: `pid`, `name`, `pm2_env`, `pm_id`, `monit`.
pub fn element(parts: Parts<'_>) -> Value {
    let process = parts.process;
    let online = process.status == Status::Online;
    let monit = json!({
        "memory": if online { process.memory } else { 0 },
        "cpu": if online { process.cpu } else { 0.0 },
    });
    let mut element = Map::new();
    element.insert("pid".into(), json!(process.pid.unwrap_or(0)));
    element.insert("name".into(), json!(process.name));
    element.insert("pm2_env".into(), Value::Object(pm2_env(parts)));
    element.insert("pm_id".into(), json!(process.id));
    element.insert("monit".into(), monit);
    if let Some(connections) = process.connections {
        // Ours; what PM2 has no word for.
        element.insert("rpm".into(), json!({ "connections": connections }));
    }
    Value::Object(element)
}

fn pm2_env(mut parts: Parts<'_>) -> Map<String, Value> {
    let variables = variables(&mut parts);
    let mut all = settings::of(&parts);
    // Settings are the truth where a variable has the name of one, and what comes after the variables is, too.
    for (name, value) in &variables {
        if !all.contains_key(name) {
            all.insert(name.clone(), value.clone());
        }
    }
    all.insert("env".into(), Value::Object(variables));
    all.extend(state(&parts));
    all
}

/// The variables of the app. A number or a boolean of its file is one here, too.
fn variables(parts: &mut Parts<'_>) -> Map<String, Value> {
    let env = &parts.spec.env;
    let is_shown = |name: &String| {
        IN_ENV.contains(&name.as_str()) || !(Environment::OURS.contains(&name.as_str()) || *name == env.instance_var)
    };
    let typed = |name: &String, value: String| {
        let is_typed = env.typed.contains(name) || env.increment_var.as_ref() == Some(name);
        let scalar =
            || serde_json::from_str(&value).ok().filter(|scalar: &Value| scalar.is_number() || scalar.is_boolean());
        if is_typed && let Some(scalar) = scalar() { scalar } else { Value::String(value) }
    };
    let variables = std::mem::take(&mut parts.env).into_iter().filter(|(name, _)| is_shown(name));
    variables.map(|(name, value)| (name.clone(), typed(&name, value))).collect()
}

fn state(parts: &Parts<'_>) -> Map<String, Value> {
    let process = parts.process;
    let mut state = object(json!({
        "unique_id": parts.unique_id,
        "status": process.status,
        "pm_uptime": process.started_at.unwrap_or(process.created_at),
        "axm_actions": parts.panel.actions,
        "axm_monitor": parts.panel.metrics,
        "axm_options": parts.panel.options,
        "axm_dynamic": {},
        "created_at": process.created_at,
        "pm_id": process.id,
        "restart_time": process.restarts,
        "unstable_restarts": process.unstable_restarts,
    }));
    if parts.spec.mode == Mode::Cluster {
        state.insert("_pm2_version".into(), json!(env!("CARGO_PKG_VERSION")));
    }
    state.insert("version".into(), json!(process.version.as_deref().unwrap_or("N/A")));
    if parts.spec.program.is_node() && !parts.panel.options.contains_key("module_name") {
        state["axm_options"]["module_name"] = json!(parts.spec.name);
    }
    if let Some(version) = parts.panel.node_version.as_deref().or(parts.node_version) {
        state.insert("node_version".into(), json!(version));
    }
    if let Some(code) = process.exit.and_then(Outcome::code) {
        state.insert("exit_code".into(), json!(code));
    }
    if parts.spec.restart.exp_backoff_restart_delay > 0 {
        state.insert("prev_restart_delay".into(), json!(parts.backoff));
    }
    if let Some(monitored) = parts.monitored {
        state.insert("_km_monitored".into(), json!(monitored));
    }
    state
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
