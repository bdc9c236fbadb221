//! An element of a saved list into an app.

use super::environment::environment;
use super::paths::{id_of, is_default_log, is_default_pid, without_id};
use crate::api::dump;
use crate::config::{Caller, Found, found, known_fields};
use crate::domain::AppSpec;
use crate::domain::spec::{Environment, Interpreter, Mode};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Fields of which an element says otherwise what they are, or says it in a way of its own.
#[rustfmt::skip] // a list
const ELSEWHERE: [&str; 13] = [
    "script", "cwd", "exec_interpreter", "exec_mode", "instances", "env", "env_file", "secrets", "out_file",
    "error_file", "log_file", "pid_file", "append_env_to_name",
];

/// What PM2 has a field for, and always writes: never a variable of that name.
const ALWAYS: [&str; 4] = ["name", "namespace", "args", "node_args"];

/// An app, as one of its processes has it.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) spec: AppSpec,
    pub(super) notes: Vec<String>,
}

/// The app of an element, or why there is none. `home` is that of the PM2 which has written it.
pub(super) fn read(element: &Map<String, Value>, home: &Path, caller: &Caller) -> Result<Read, String> {
    let ours = dump::ours(element);
    if let Some((spec, true)) = ours {
        return Ok(Read { spec, notes: Vec::new() });
    }
    let mut read = of_pm2(element, home, caller)?;
    if let Some((ours, _)) = ours {
        read.spec = completed(read.spec, ours);
    }
    Ok(read)
}

fn of_pm2(element: &Map<String, Value>, home: &Path, caller: &Caller) -> Result<Read, String> {
    let word = |key: &str| element.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let script = word("pm_exec_path").map(PathBuf::from).ok_or("it names no script (pm_exec_path)")?;
    if !script.is_absolute() {
        return Err(format!("its script {} is no absolute path", script.display()));
    }
    let cwd = word("pm_cwd").map(PathBuf::from).filter(|path| path.is_absolute());
    let cwd = cwd.or_else(|| script.parent().map(Path::to_owned)).unwrap_or_else(|| "/".into());
    let interpreter = match word("exec_interpreter") {
        Some("none") => Interpreter::None,
        Some(name) => Interpreter::Named(name.to_owned()),
        None => Interpreter::Named("node".to_owned()),
    };
    let mode =
        if word("exec_mode").is_some_and(|mode| mode.starts_with("cluster")) { Mode::Cluster } else { Mode::Fork };
    let instance_var = word("instance_var").unwrap_or(Environment::INSTANCE_VAR).to_owned();
    let instance = element.get(&instance_var).and_then(Value::as_u64).map(|number| number as u32);
    let mut env = environment(element, instance, caller);
    env.instance_var = instance_var;
    let fields = fields(element, home);
    let (mut spec, mut notes) = found(Found { fields: &fields, script, interpreter, cwd, mode, env }, caller);
    if spec.name.is_empty() {
        spec.name = spec.program.path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    }
    spec.env.inherit.filter = filter(element);
    look_around(&spec, &mut notes);
    Ok(Read { spec, notes })
}

/// What else it says, as an application file would.
fn fields(element: &Map<String, Value>, home: &Path) -> Map<String, Value> {
    let env = element.get("env").and_then(Value::as_object);
    // An element has its variables again beside its fields.
    let is_variable = |name: &str| {
        let variable = env.and_then(|env| env.get(name));
        variable.is_some() && variable == element.get(name) && !ALWAYS.contains(&name)
    };
    let mut fields: Map<String, Value> = known_fields()
        .iter()
        .map(|field| field.name)
        .filter(|name| !ELSEWHERE.contains(name) && !is_variable(name))
        .filter_map(|name| Some((name.to_owned(), element.get(name)?.clone())))
        // PM2's word for "not any more".
        .filter(|(name, value)| name != "cron_restart" || !matches!(value.to_string().trim_matches('"'), "0" | ""))
        // Their default is the value of another field.
        .filter(|(name, value)| name != "filter_env" || !value.as_array().is_some_and(Vec::is_empty))
        .collect();
    let merge = element.get("merge_logs").and_then(Value::as_bool).unwrap_or(false);
    fields.insert("merge_logs".into(), json!(merge));
    files(element, home, merge, &mut fields);
    fields
}

/// Files that the user has chosen; PM2's own choice is left for ours.
fn files(element: &Map<String, Value>, home: &Path, merge: bool, fields: &mut Map<String, Value>) {
    let path = |key: &str| element.get(key).and_then(Value::as_str).filter(|path| !path.is_empty()).map(PathBuf::from);
    let own = element.get("env").and_then(|env| env.get("PM2_HOME")).and_then(Value::as_str).map(Path::new);
    let homes = || own.into_iter().chain([home]);
    let pid_file = path("pm_pid_path");
    let id = pid_file.as_deref().and_then(id_of);
    for (key, field, stream) in [("pm_out_log_path", "out_file", "out"), ("pm_err_log_path", "error_file", "error")] {
        if let Some(log) = path(key).filter(|log| !homes().any(|home| is_default_log(log, home, stream))) {
            fields.insert(field.into(), json!(without_id(&log, id.filter(|_| !merge))));
        }
    }
    if let Some(log) = path("pm_log_path") {
        let chosen = !homes().any(|home| log.parent() == Some(&home.join("logs")));
        let log = without_id(&log, id.filter(|_| !merge));
        fields.insert("log_file".into(), if chosen { json!(log) } else { json!(true) });
    }
    if let Some(pid_file) = pid_file.filter(|file| !homes().any(|home| is_default_pid(file, home))) {
        fields.insert("pid_file".into(), json!(without_id(&pid_file, id)));
    }
}

fn filter(element: &Map<String, Value>) -> Option<crate::config::FilterEnv> {
    let mut options = crate::config::AppOptions::default();
    let filter = element.get("filter_env").filter(|value| !value.as_array().is_some_and(Vec::is_empty))?;
    options.set("filter_env", filter.clone()).ok()?;
    options.filter_env
}

/// What the next start will stumble over.
fn look_around(spec: &AppSpec, notes: &mut Vec<String>) {
    if !spec.program.path.exists() {
        notes.push(format!("its script {} is not there", spec.program.path.display()));
    }
    if !spec.cwd.is_dir() {
        notes.push(format!("its directory {} is not there", spec.cwd.display()));
    }
    if spec.program.path.ends_with("pm2/lib/API/Serve.js") {
        notes.push("it is PM2's own file server, and needs PM2 to stay installed; ours: rpm serve".to_owned());
    }
}

/// What was edited in PM2's part counts; what PM2 has no word for is as we have saved it.
fn completed(edited: AppSpec, ours: AppSpec) -> AppSpec {
    let mut spec = AppSpec {
        instances: ours.instances,
        source: ours.source,
        depends_on: ours.depends_on,
        cluster: ours.cluster,
        rollout: ours.rollout,
        listen: ours.listen,
        ..edited
    };
    spec.env.inherit.allow = ours.env.inherit.allow;
    spec.env.files = ours.env.files;
    spec.env.secrets = ours.env.secrets;
    spec.limits = crate::domain::spec::Limits { max_memory_restart: spec.limits.max_memory_restart, ..ours.limits };
    spec.schedule.time_zone = ours.schedule.time_zone;
    spec.schedule.job = ours.schedule.job;
    spec.ready.notify = ours.ready.notify;
    spec.ready.log_line = ours.ready.log_line;
    spec.ready.probes = ours.ready.probes;
    spec.restart.on_failure = ours.restart.on_failure;
    spec.restart.restart_window = ours.restart.restart_window;
    spec.stop.kill_signal = ours.stop.kill_signal;
    spec
}

#[cfg(test)]
#[path = "element_tests.rs"]
mod tests;
