//! What `env` shows of an element: everything that is nobody's internals.

use serde_json::{Map, Value};

/// Fields of `pm2_env` that PM2 keeps to itself.
#[rustfmt::skip] // a list
const INTERNAL: [&str; 37] = [
    "name", "filter_env", "env", "args", "exec_interpreter", "node_args", "instances", "merge_logs", "vizion",
    "autostart", "autorestart", "stop_exit_codes", "watch", "exec_mode", "instance_var", "pmx", "automation",
    "treekill", "username", "windowsHide", "kill_retry_time", "pm_exec_path", "pm_cwd", "pm_out_log_path",
    "pm_err_log_path", "pm_pid_path", "status", "pm_uptime", "axm_actions", "axm_monitor", "axm_options",
    "axm_dynamic", "created_at", "pm_id", "restart_time", "unstable_restarts", "exit_code",
];

/// Whether PM2 has a field of that name, whatever a variable is called.
pub(super) fn is_field(name: &str) -> bool {
    name == "unique_id" || name == "namespace" || name == "version" || INTERNAL.contains(&name)
}

/// Names and values, as text: lists as JavaScript joins them, objects as JSON.
pub fn shown(pm2_env: &Map<String, Value>) -> impl Iterator<Item = (&str, String)> {
    let fields = pm2_env.iter().filter(|(name, _)| !INTERNAL.contains(&name.as_str()));
    fields.map(|(name, value)| (name.as_str(), text(value)))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
