//! PM2's shape of what we know: `jlist` elements. The only place where its names live.

use super::Process;
use crate::domain::AppSpec;
use crate::domain::spec::{Interpreter, Mode};
use crate::domain::{Outcome, Status};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What an element is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    pub process: &'a Process,
    pub spec: &'a AppSpec,
    pub unique_id: &'a str,
    pub out_log: Option<&'a Path>,
    pub error_log: Option<&'a Path>,
    pub pid_file: &'a Path,
    /// What it runs with, secrets taken out.
    pub env: BTreeMap<String, String>,
}

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
    element.insert("pm2_env".into(), Value::Object(env(parts)));
    element.insert("pm_id".into(), json!(process.id));
    element.insert("monit".into(), monit);
    if let Some(connections) = process.connections {
        // Ours; what PM2 has no word for.
        element.insert("rpm".into(), json!({ "connections": connections }));
    }
    Value::Object(element)
}

fn env(mut parts: Parts<'_>) -> Map<String, Value> {
    let own: Map<String, Value> =
        std::mem::take(&mut parts.env).into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    // Flattened variables come first: the settings below are the truth where names are the same.
    let mut all = own.clone();
    all.extend(settings(&parts));
    all.insert("env".into(), Value::Object(own));
    all.extend(state(&parts));
    all
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn settings(parts: &Parts<'_>) -> Map<String, Value> {
    let spec = parts.spec;
    let interpreter = match &spec.program.interpreter {
        Interpreter::None => "none",
        Interpreter::Named(name) => name,
    };
    let mut settings = object(json!({
        "name": spec.name,
        "namespace": spec.namespace,
        "args": spec.args,
        "node_args": spec.program.interpreter_args,
        "exec_interpreter": interpreter,
        "exec_mode": match spec.mode { Mode::Fork => "fork_mode", Mode::Cluster => "cluster_mode" },
        "instances": spec.instances,
        "instance_var": spec.env.instance_var,
        "pm_exec_path": spec.program.path,
        "pm_cwd": spec.cwd,
        "pm_out_log_path": parts.out_log.unwrap_or("/dev/null".as_ref()),
        "pm_err_log_path": parts.error_log.unwrap_or("/dev/null".as_ref()),
        "pm_pid_path": parts.pid_file,
        "merge_logs": spec.logs.merge,
        "autostart": spec.autostart,
        "autorestart": spec.restart.autorestart,
        "max_restarts": spec.restart.max_restarts,
        "min_uptime": spec.restart.min_uptime,
        "restart_delay": spec.restart.restart_delay,
        "kill_timeout": spec.stop.kill_timeout,
        "kill_retry_time": 100,
        "treekill": spec.stop.treekill,
        "wait_ready": spec.ready.wait_ready,
        "watch": watch(spec),
        "vizion": true,
        "automation": true,
        "pmx": true,
        "windowsHide": true,
        "username": spec.username,
        "unique_id": parts.unique_id,
    }));
    if let Some(watch) = &spec.watch {
        settings.insert("watch_delay".into(), json!(watch.delay));
        settings.insert("ignore_watch".into(), json!(watch.ignore.clone().unwrap_or_default()));
    }
    if let Some(pattern) = &spec.schedule.restart {
        settings.insert("cron_restart".into(), json!(pattern));
    }
    for (field, account) in [("uid", &spec.uid), ("gid", &spec.gid)] {
        if let Some(account) = account {
            // A number stays one.
            settings.insert(field.into(), account.parse::<u32>().map_or_else(|_| json!(account), Value::from));
        }
    }
    if let Some(timeout) = spec.ready.listen_timeout {
        settings.insert("listen_timeout".into(), json!(timeout));
    }
    if spec.restart.exp_backoff_restart_delay > 0 {
        settings.insert("exp_backoff_restart_delay".into(), json!(spec.restart.exp_backoff_restart_delay));
    }
    if let Some(limit) = spec.limits.max_memory_restart {
        settings.insert("max_memory_restart".into(), json!(limit));
    }
    if !spec.restart.stop_exit_codes.is_empty() {
        settings.insert("stop_exit_codes".into(), json!(spec.restart.stop_exit_codes));
    }
    settings.extend(spec.recorded.clone());
    settings
}

/// All of the directory, or the paths.
fn watch(spec: &AppSpec) -> Value {
    match &spec.watch {
        None => json!(false),
        Some(watch) if watch.paths.is_empty() => json!(true),
        Some(watch) => json!(watch.paths),
    }
}

fn state(parts: &Parts<'_>) -> Map<String, Value> {
    let process = parts.process;
    let mut state = object(json!({
        "status": process.status,
        "pm_id": process.id,
        "version": process.version.as_deref().unwrap_or("N/A"),
        "restart_time": process.restarts,
        "unstable_restarts": process.unstable_restarts,
        "pm_uptime": process.started_at.unwrap_or(process.created_at),
        "created_at": process.created_at,
        "axm_actions": [],
        "axm_monitor": {},
        "axm_options": {},
        "axm_dynamic": {},
        "vizion_running": false,
        "km_link": false,
    }));
    state.insert(parts.spec.env.instance_var.clone(), json!(process.instance));
    if let Some(code) = process.exit.and_then(Outcome::code) {
        state.insert("exit_code".into(), json!(code));
    }
    state
}
