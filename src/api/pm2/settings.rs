//! The fields of an app in PM2's words: those that were given or have a default there. What nobody has given is absent.

use super::element::{Parts, object};
use crate::domain::AppSpec;
use crate::domain::log_line::LogType;
use crate::domain::spec::{FilterEnv, Interpreter, Mode, RestartPolicy, StopPolicy};
use serde_json::{Map, Value, json};
use std::path::Path;

pub(super) fn of(parts: &Parts<'_>) -> Map<String, Value> {
    let spec = parts.spec;
    let mut settings = Map::new();
    settings.insert("name".into(), json!(spec.name));
    settings.insert("namespace".into(), json!(spec.namespace));
    // Its place; the variables are put in when they are complete.
    settings.insert("env".into(), Value::Null);
    settings.extend(program(spec));
    settings.extend(restarts(spec));
    settings.extend(rest(spec));
    settings.extend(always(spec));
    settings.extend(spec.recorded.clone());
    settings.extend(places(parts));
    settings
}

/// Whether the field is to be seen: somebody has written it, or it isn't as it is when nobody does.
fn is_seen(spec: &AppSpec, field: &str, differs: bool) -> bool {
    differs || spec.given.contains(field)
}

/// PM2 has more for an app that comes from no application file.
fn by_hand(spec: &AppSpec) -> bool {
    spec.source.is_none()
}

type Row = (&'static str, bool, Value);

/// Rows of fields that are there or not.
fn seen(spec: &AppSpec, rows: impl IntoIterator<Item = Row>) -> Map<String, Value> {
    let rows = rows.into_iter().filter(|(field, differs, _)| is_seen(spec, field, *differs));
    rows.map(|(field, _, value)| (field.to_owned(), value)).collect()
}

fn program(spec: &AppSpec) -> Map<String, Value> {
    let interpreter = match &spec.program.interpreter {
        Interpreter::None => "none",
        Interpreter::Named(name) => name,
    };
    let mut program = seen(
        spec,
        [
            ("cwd", false, json!(spec.cwd)),
            ("args", !spec.args.is_empty(), json!(spec.args)),
            ("filter_env", by_hand(spec) || spec.env.inherit.filter.is_some(), filter(spec)),
        ],
    );
    program.extend(object(json!({
        "exec_interpreter": interpreter,
        "node_args": node_args(spec),
        "exec_mode": match spec.mode { Mode::Fork => "fork_mode", Mode::Cluster => "cluster_mode" },
        "instances": spec.instances,
    })));
    program
}

/// Without the flag that `source_map_support` stands for.
fn node_args(spec: &AppSpec) -> Vec<&String> {
    let maps = spec.recorded.get("source_map_support") == Some(&Value::Bool(true));
    spec.program.interpreter_args.iter().filter(|arg| !(maps && *arg == "--enable-source-maps")).collect()
}

fn filter(spec: &AppSpec) -> Value {
    match &spec.env.inherit.filter {
        None => json!([]),
        Some(FilterEnv::Nothing) => json!(false),
        Some(FilterEnv::Everything) => json!(true),
        Some(FilterEnv::Named(name)) => json!(name),
        Some(FilterEnv::Containing(parts)) => json!(parts),
    }
}

fn restarts(spec: &AppSpec) -> Map<String, Value> {
    let (restart, usual) = (&spec.restart, RestartPolicy::default());
    let schedule = &spec.schedule;
    let cron = schedule.restart.as_ref().or_else(|| schedule.job.as_ref()?.cron.as_ref());
    seen(
        spec,
        [
            ("max_memory_restart", spec.limits.max_memory_restart.is_some(), json!(spec.limits.max_memory_restart)),
            ("max_restarts", restart.max_restarts != usual.max_restarts, json!(restart.max_restarts)),
            ("min_uptime", restart.min_uptime != usual.min_uptime, json!(restart.min_uptime)),
            ("restart_delay", restart.restart_delay > 0, json!(restart.restart_delay)),
            (
                "exp_backoff_restart_delay",
                restart.exp_backoff_restart_delay > 0,
                json!(restart.exp_backoff_restart_delay),
            ),
            ("stop_exit_codes", !restart.stop_exit_codes.is_empty(), json!(restart.stop_exit_codes)),
        ],
    )
    .into_iter()
    // An empty pattern is none.
    .chain(cron.map(|pattern| ("cron_restart".to_owned(), json!(pattern))))
    .collect()
}

fn rest(spec: &AppSpec) -> Map<String, Value> {
    let (stop, usual, ready) = (&spec.stop, StopPolicy::default(), &spec.ready);
    let port = spec.env.app.get("PORT").filter(|_| spec.given.contains("port"));
    let mut rest = seen(
        spec,
        [
            ("kill_timeout", stop.kill_timeout != usual.kill_timeout, json!(stop.kill_timeout)),
            ("shutdown_with_message", stop.shutdown_with_message, json!(stop.shutdown_with_message)),
            ("wait_ready", ready.wait_ready, json!(ready.wait_ready)),
            ("listen_timeout", ready.listen_timeout.is_some(), json!(ready.listen_timeout)),
            ("log_type", spec.logs.log_type != LogType::Raw, json!(spec.logs.log_type)),
            ("log_date_format", spec.logs.date_format.is_some(), json!(spec.logs.date_format)),
            ("time", spec.logs.time, json!(spec.logs.time)),
            ("merge_logs", spec.logs.merge, json!(spec.logs.merge)),
            ("disable_logs", spec.logs.disable, json!(spec.logs.disable)),
            ("append_env_to_name", false, json!(true)),
            ("increment_var", spec.env.increment_var.is_some(), json!(spec.env.increment_var)),
            ("watch", by_hand(spec) || spec.watch.is_some(), watch(spec)),
        ],
    );
    if let Some(watch) = &spec.watch {
        rest.insert("watch_delay".into(), json!(watch.delay));
        rest.insert("ignore_watch".into(), json!(watch.ignore.clone().unwrap_or_default()));
    }
    if let Some(port) = port.and_then(|port| port.parse::<u32>().ok()) {
        rest.insert("port".into(), json!(port));
    }
    for (field, account) in [("uid", &spec.uid), ("gid", &spec.gid)] {
        if let Some(account) = account {
            // A number stays one.
            rest.insert(field.into(), account.parse::<u32>().map_or_else(|_| json!(account), Value::from));
        }
    }
    rest
}

/// What PM2 has for every app.
fn always(spec: &AppSpec) -> Map<String, Value> {
    object(json!({
        "vizion": true,
        "autostart": spec.autostart,
        "autorestart": spec.restart.autorestart,
        "instance_var": spec.env.instance_var,
        "pmx": true,
        "automation": true,
        "treekill": spec.stop.treekill,
        "username": spec.username,
        "windowsHide": true,
        "kill_retry_time": 100,
    }))
}

fn places(parts: &Parts<'_>) -> Map<String, Value> {
    let spec = parts.spec;
    let nowhere = Path::new("/dev/null");
    let mut places = object(json!({
        "pm_exec_path": spec.program.path,
        "pm_cwd": spec.cwd,
        "pm_log_path": parts.combined_log,
        "pm_out_log_path": parts.out_log.unwrap_or(nowhere),
        "pm_err_log_path": parts.error_log.unwrap_or(nowhere),
        "pm_pid_path": parts.pid_file,
        "km_link": false,
        "vizion_running": false,
    }));
    places.retain(|name, path| name != "pm_log_path" || !path.is_null());
    places.insert(spec.env.instance_var.clone(), json!(parts.process.instance));
    places
}

/// All of the directory, or the paths.
fn watch(spec: &AppSpec) -> Value {
    match &spec.watch {
        None => json!(false),
        Some(watch) if watch.paths.is_empty() => json!(true),
        Some(watch) => {
            // As they can be written.
            let paths = watch.paths.iter().map(|path| path.strip_prefix(&spec.cwd).unwrap_or(path));
            json!(paths.collect::<Vec<_>>())
        }
    }
}
