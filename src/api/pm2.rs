//! PM2's shape of what we know: `jlist` elements. The only place where its names live.

use super::ProcessDetail;
use crate::domain::spec::{Interpreter, Mode};
use crate::domain::{Outcome, Status};
use serde_json::{Map, Value, json};

/// An element of `jlist`: `pid`, `name`, `pm2_env`, `pm_id`, `monit`.
pub fn element(detail: &ProcessDetail) -> Value {
    let process = &detail.process;
    let online = process.status == Status::Online;
    let monit = json!({
        "memory": if online { process.memory } else { 0 },
        "cpu": if online { process.cpu } else { 0.0 },
    });
    let mut element = Map::new();
    element.insert("pid".into(), json!(process.pid.unwrap_or(0)));
    element.insert("name".into(), json!(process.name));
    element.insert("pm2_env".into(), Value::Object(env(detail)));
    element.insert("pm_id".into(), json!(process.id));
    element.insert("monit".into(), monit);
    Value::Object(element)
}

fn env(detail: &ProcessDetail) -> Map<String, Value> {
    // Flattened variables come first: the settings below are the truth where names are the same.
    let mut all: Map<String, Value> =
        detail.env.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    all.extend(settings(detail));
    all.extend(state(detail));
    all
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn settings(detail: &ProcessDetail) -> Map<String, Value> {
    let spec = &detail.spec;
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
        "pm_out_log_path": detail.out_log.as_deref().unwrap_or("/dev/null".as_ref()),
        "pm_err_log_path": detail.error_log.as_deref().unwrap_or("/dev/null".as_ref()),
        "pm_pid_path": detail.pid_file,
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
        "watch": false,
        "vizion": true,
        "automation": true,
        "pmx": true,
        "windowsHide": true,
        "username": spec.username,
        "unique_id": detail.unique_id,
        "env": detail.env,
    }));
    if let Some(timeout) = spec.ready.listen_timeout {
        settings.insert("listen_timeout".into(), json!(timeout));
    }
    if spec.restart.exp_backoff_restart_delay > 0 {
        settings.insert("exp_backoff_restart_delay".into(), json!(spec.restart.exp_backoff_restart_delay));
    }
    if !spec.restart.stop_exit_codes.is_empty() {
        settings.insert("stop_exit_codes".into(), json!(spec.restart.stop_exit_codes));
    }
    settings
}

fn state(detail: &ProcessDetail) -> Map<String, Value> {
    let process = &detail.process;
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
    state.insert(detail.spec.env.instance_var.clone(), json!(process.instance));
    if let Some(code) = process.exit.and_then(Outcome::code) {
        state.insert("exit_code".into(), json!(code));
    }
    state
}
