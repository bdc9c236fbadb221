//! An element of `jlist`: its keys, their order and types as PM2 has them.

use super::fields::{self, Fields};
use super::settings;
use crate::api::Process;
use crate::domain::panel::Panel;
use crate::domain::spec::{Environment, Mode};
use crate::domain::{AppSpec, Outcome, Status};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;
use std::path::Path;

/// Names and values of variables.
pub type Variables<'a> = BTreeMap<&'a str, Cow<'a, str>>;

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
    pub env: Variables<'a>,
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
pub fn element(parts: &Parts<'_>) -> Value {
    let mut out = Vec::new();
    write(parts, &mut Vec::new(), &mut out);
    serde_json::from_slice(&out).unwrap_or_default()
}

/// Writes it. `room` is of use for the next one.
pub(super) fn write(parts: &Parts<'_>, room: &mut Vec<u8>, out: &mut Vec<u8>) {
    let process = parts.process;
    let online = process.status == Status::Online;
    let pm2_env = pm2_env(parts, mem::take(room));
    out.extend_from_slice(b"{\"pid\":");
    fields::write(out, &process.pid.unwrap_or(0));
    out.extend_from_slice(b",\"name\":");
    fields::write(out, parts.panel.alias().unwrap_or(&process.name));
    out.extend_from_slice(b",\"pm2_env\":");
    pm2_env.write(out);
    out.extend_from_slice(b",\"pm_id\":");
    fields::write(out, &process.id);
    out.extend_from_slice(b",\"monit\":{\"memory\":");
    fields::write(out, if online { &process.memory } else { &0 });
    out.extend_from_slice(b",\"cpu\":");
    fields::write(out, if online { &process.cpu } else { &0.0 });
    out.push(b'}');
    if let Some(connections) = process.connections {
        // Ours; what PM2 has no word for.
        out.extend_from_slice(b",\"rpm\":{\"connections\":");
        fields::write(out, &connections);
        out.push(b'}');
    }
    out.push(b'}');
    *room = pm2_env.into_room();
}

fn pm2_env<'a>(parts: &'a Parts<'_>, room: Vec<u8>) -> Fields<'a> {
    let mut all = Fields::new(room);
    settings::put(parts, &mut all);
    let variables = variables(parts, &mut all);
    // Settings are the truth where a variable has the name of one, and what comes after the variables is, too.
    for (name, place) in &variables {
        if !all.has(name) {
            all.add_at(*name, place.clone());
        }
    }
    let env = all.object(variables);
    all.set_at("env", env);
    put_state(parts, &mut all);
    if let Some(alias) = parts.panel.alias() {
        all.set("name", alias);
    }
    all
}

/// The variables of the app. A number or a boolean of its file is one here, too.
fn variables<'a>(parts: &'a Parts<'_>, all: &mut Fields<'_>) -> Vec<(&'a str, fields::Place)> {
    let env = &parts.spec.env;
    let is_shown =
        |name: &str| IN_ENV.contains(&name) || !(Environment::OURS.contains(&name) || name == env.instance_var);
    let mut write = |name: &str, value: &str| {
        let is_typed = env.typed.contains(name) || env.increment_var.as_deref() == Some(name);
        let scalar =
            || serde_json::from_str(value).ok().filter(|scalar: &Value| scalar.is_number() || scalar.is_boolean());
        match is_typed.then(scalar).flatten() {
            Some(scalar) => all.value(&scalar),
            None => all.value(value),
        }
    };
    let shown = parts.env.iter().filter(|(name, _)| is_shown(name));
    shown.map(|(name, value)| (*name, write(name, value))).collect()
}

fn put_state(parts: &Parts<'_>, all: &mut Fields<'_>) {
    let (process, panel) = (parts.process, parts.panel);
    all.set("unique_id", parts.unique_id);
    all.set("status", &process.status);
    all.set("pm_uptime", &process.started_at.unwrap_or(process.created_at));
    all.set("axm_actions", &panel.actions);
    all.set("axm_monitor", &panel.metrics);
    if parts.spec.program.is_node() && !panel.options.contains_key("module_name") {
        let mut options = panel.options.clone();
        options.insert("module_name".into(), json!(parts.spec.name));
        all.set("axm_options", &options);
    } else {
        all.set("axm_options", &panel.options);
    }
    all.set("axm_dynamic", &Map::new());
    all.set("created_at", &process.created_at);
    all.set("pm_id", &process.id);
    all.set("restart_time", &process.restarts);
    all.set("unstable_restarts", &process.unstable_restarts);
    if parts.spec.mode == Mode::Cluster {
        all.set("_pm2_version", env!("CARGO_PKG_VERSION"));
    }
    all.set("version", process.version.as_deref().unwrap_or("N/A"));
    if let Some(version) = panel.node_version.as_deref().or(parts.node_version) {
        all.set("node_version", version);
    }
    if let Some(code) = process.exit.and_then(Outcome::code) {
        all.set("exit_code", &code);
    }
    if parts.spec.restart.exp_backoff_restart_delay > 0 {
        all.set("prev_restart_delay", &parts.backoff);
    }
    if let Some(monitored) = parts.monitored {
        all.set("_km_monitored", &monitored);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
