//! The fields of an app in PM2's words: those that were given or have a default there. What nobody has given is absent.

use super::element::Parts;
use super::fields::Fields;
use crate::domain::AppSpec;
use crate::domain::log_line::LogType;
use crate::domain::spec::{FilterEnv, Interpreter, Mode, RestartPolicy, StopPolicy};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

pub(super) fn put<'a>(parts: &'a Parts<'_>, to: &mut Fields<'a>) {
    let spec = parts.spec;
    to.add("name", &spec.name);
    to.add("namespace", &spec.namespace);
    // Its place; the variables are put in when they are complete.
    to.add("env", &());
    put_program(spec, to);
    put_restarts(spec, to);
    put_rest(spec, to);
    put_always(spec, to);
    for (field, value) in &spec.recorded {
        to.set(field, value);
    }
    put_places(parts, to);
}

/// PM2 has more for an app that comes from no application file.
fn by_hand(spec: &AppSpec) -> bool {
    spec.source.is_none()
}

/// The fields of one app that are there or not.
struct Seen<'a, 'b> {
    spec: &'a AppSpec,
    to: &'b mut Fields<'a>,
}

impl Seen<'_, '_> {
    /// Somebody has written it, or it isn't as it is when nobody does.
    fn put(&mut self, field: &'static str, differs: bool, value: &(impl Serialize + ?Sized)) {
        if differs || self.spec.given.contains(field) {
            self.to.add(field, value);
        }
    }
}

fn put_program<'a>(spec: &'a AppSpec, to: &mut Fields<'a>) {
    let interpreter = match &spec.program.interpreter {
        Interpreter::None => "none",
        Interpreter::Named(name) => name,
    };
    let mut seen = Seen { spec, to };
    seen.put("cwd", false, &spec.cwd);
    seen.put("args", !spec.args.is_empty(), &spec.args);
    if by_hand(spec) || spec.env.inherit.filter.is_some() || spec.given.contains("filter_env") {
        put_filter(spec, to);
    }
    to.add("exec_interpreter", interpreter);
    to.add("node_args", &node_args(spec));
    to.add(
        "exec_mode",
        match spec.mode {
            Mode::Fork => "fork_mode",
            Mode::Cluster => "cluster_mode",
        },
    );
    to.add("instances", &spec.instances);
}

/// Without the flag that `source_map_support` stands for.
fn node_args(spec: &AppSpec) -> Vec<&String> {
    let maps = spec.recorded.get("source_map_support") == Some(&Value::Bool(true));
    spec.program.interpreter_args.iter().filter(|arg| !(maps && *arg == "--enable-source-maps")).collect()
}

fn put_filter<'a>(spec: &'a AppSpec, to: &mut Fields<'a>) {
    let name = "filter_env";
    match &spec.env.inherit.filter {
        None => to.add(name, &[(); 0]),
        Some(FilterEnv::Nothing) => to.add(name, &false),
        Some(FilterEnv::Everything) => to.add(name, &true),
        Some(FilterEnv::Named(one)) => to.add(name, one),
        Some(FilterEnv::Containing(parts)) => to.add(name, parts),
    }
}

fn put_restarts<'a>(spec: &'a AppSpec, to: &mut Fields<'a>) {
    let (restart, usual) = (&spec.restart, RestartPolicy::default());
    let schedule = &spec.schedule;
    let most = spec.limits.max_memory_restart;
    let backoff = restart.exp_backoff_restart_delay;
    let mut seen = Seen { spec, to };
    seen.put("max_memory_restart", most.is_some(), &most);
    seen.put("max_restarts", restart.max_restarts != usual.max_restarts, &restart.max_restarts);
    seen.put("min_uptime", restart.min_uptime != usual.min_uptime, &restart.min_uptime);
    seen.put("restart_delay", restart.restart_delay > 0, &restart.restart_delay);
    seen.put("exp_backoff_restart_delay", backoff > 0, &backoff);
    seen.put("stop_exit_codes", !restart.stop_exit_codes.is_empty(), &restart.stop_exit_codes);
    // An empty pattern is none.
    if let Some(pattern) = schedule.restart.as_ref().or_else(|| schedule.job.as_ref()?.cron.as_ref()) {
        to.add("cron_restart", pattern);
    }
}

fn put_rest<'a>(spec: &'a AppSpec, to: &mut Fields<'a>) {
    let (stop, usual, ready) = (&spec.stop, StopPolicy::default(), &spec.ready);
    let increment = &spec.env.increment_var;
    let mut seen = Seen { spec, to };
    seen.put("kill_timeout", stop.kill_timeout != usual.kill_timeout, &stop.kill_timeout);
    seen.put("shutdown_with_message", stop.shutdown_with_message, &stop.shutdown_with_message);
    seen.put("wait_ready", ready.wait_ready, &ready.wait_ready);
    seen.put("listen_timeout", ready.listen_timeout.is_some(), &ready.listen_timeout);
    seen.put("log_type", spec.logs.log_type != LogType::Raw, &spec.logs.log_type);
    seen.put("log_date_format", spec.logs.date_format.is_some(), &spec.logs.date_format);
    seen.put("time", spec.logs.time, &spec.logs.time);
    seen.put("merge_logs", spec.logs.merge, &spec.logs.merge);
    seen.put("disable_logs", spec.logs.disable, &spec.logs.disable);
    seen.put("append_env_to_name", false, &true);
    seen.put("increment_var", increment.is_some(), increment);
    if by_hand(spec) || spec.watch.is_some() || spec.given.contains("watch") {
        put_watch(spec, to);
    }
    let port = spec.env.app.get("PORT").filter(|_| spec.given.contains("port"));
    if let Some(port) = port.and_then(|port| port.parse::<u32>().ok()) {
        to.add("port", &port);
    }
    for (field, account) in [("uid", &spec.uid), ("gid", &spec.gid)] {
        match account.as_ref().map(|account| (account, account.parse::<u32>())) {
            // A number stays one.
            Some((_, Ok(number))) => to.add(field, &number),
            Some((name, Err(_))) => to.add(field, name),
            None => {}
        }
    }
}

/// What PM2 has for every app.
fn put_always<'a>(spec: &'a AppSpec, to: &mut Fields<'a>) {
    to.add("vizion", &true);
    to.add("autostart", &spec.autostart);
    to.add("autorestart", &spec.restart.autorestart);
    to.add("instance_var", &spec.env.instance_var);
    to.add("pmx", &true);
    to.add("automation", &true);
    to.add("treekill", &spec.stop.treekill);
    to.add("username", &spec.username);
    to.add("windowsHide", &true);
    to.add("kill_retry_time", &100);
}

fn put_places<'a>(parts: &'a Parts<'_>, to: &mut Fields<'a>) {
    let spec = parts.spec;
    let nowhere = Path::new("/dev/null");
    to.set("pm_exec_path", &spec.program.path);
    to.set("pm_cwd", &spec.cwd);
    if let Some(path) = parts.combined_log {
        to.set("pm_log_path", path);
    }
    to.set("pm_out_log_path", parts.out_log.unwrap_or(nowhere));
    to.set("pm_err_log_path", parts.error_log.unwrap_or(nowhere));
    to.set("pm_pid_path", parts.pid_file);
    to.set("km_link", &false);
    to.set("vizion_running", &false);
    to.set(&spec.env.instance_var, &parts.process.instance);
}

/// All of the directory, or the paths.
fn put_watch<'a>(spec: &'a AppSpec, to: &mut Fields<'a>) {
    let Some(watch) = &spec.watch else { return to.add("watch", &false) };
    if watch.paths.is_empty() {
        to.add("watch", &true);
    } else {
        // As they can be written.
        let paths = watch.paths.iter().map(|path| path.strip_prefix(&spec.cwd).unwrap_or(path));
        to.add("watch", &paths.collect::<Vec<_>>());
    }
    to.add("watch_delay", &watch.delay);
    to.add("ignore_watch", watch.ignore.as_deref().unwrap_or_default());
}
