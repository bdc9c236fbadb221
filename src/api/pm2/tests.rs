use super::*;
use crate::api::pm2::shown;
use crate::domain::ProcessId;
use crate::domain::spec::{FilterEnv, Interpreter, Program, Source, WatchPolicy};
use std::sync::LazyLock;

fn process(status: Status) -> Process {
    let value = json!({
        "id": 3, "name": "api", "namespace": "default", "version": "1.2.3", "mode": "fork", "instance": 0, "pid": 4711,
        "status": status, "restarts": 2, "unstable_restarts": 1, "started_at": 1_700_000_000_000_i64,
        "created_at": 1_600_000_000_000_i64, "cpu": 0.3, "memory": 1024, "username": "deploy", "exit": null,
        "reason": null,
    });
    serde_json::from_value(value).unwrap()
}

fn spec() -> AppSpec {
    let program = Program {
        path: "/srv/api.js".into(),
        interpreter: Interpreter::Named("node".into()),
        interpreter_args: Vec::new(),
    };
    AppSpec { cwd: "/srv".into(), username: Some("deploy".into()), ..AppSpec::new("api", program) }
}

/// Of an app that announces nothing.
static SILENT: LazyLock<Panel> = LazyLock::new(Panel::default);

fn parts<'a>(process: &'a Process, spec: &'a AppSpec) -> Parts<'a> {
    let env = [("PORT", "3000"), ("FLAG", "true"), ("NODE_APP_INSTANCE", "0"), ("name", "api"), ("PM2_HOME", "/h")];
    Parts {
        process,
        spec,
        panel: &SILENT,
        unique_id: "u",
        out_log: Some(Path::new("/h/logs/api-out.log")),
        error_log: None,
        combined_log: None,
        pid_file: Path::new("/h/pids/api-3.pid"),
        env: env.map(|(name, value)| (name, value.into())).into(),
        backoff: 0,
        node_version: Some("20.20.2"),
        monitored: None,
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// As PM2 7 has them for a plain `start app.js`, without the variables of the shell.
#[rustfmt::skip] // a list
const PLAIN: &[(&str, &str)] = &[
    ("name", "string"), ("namespace", "string"), ("env", "object"), ("filter_env", "array"),
    ("exec_interpreter", "string"), ("node_args", "array"),
    ("exec_mode", "string"), ("instances", "number"), ("merge_logs", "boolean"), ("watch", "boolean"), ("vizion", "boolean"),
    ("autostart", "boolean"), ("autorestart", "boolean"), ("instance_var", "string"), ("pmx", "boolean"),
    ("automation", "boolean"), ("treekill", "boolean"), ("username", "string"), ("windowsHide", "boolean"),
    ("kill_retry_time", "number"), ("pm_exec_path", "string"), ("pm_cwd", "string"), ("pm_out_log_path", "string"),
    ("pm_err_log_path", "string"), ("pm_pid_path", "string"), ("km_link", "boolean"), ("vizion_running", "boolean"),
    ("NODE_APP_INSTANCE", "number"), ("unique_id", "string"), ("status", "string"), ("pm_uptime", "number"),
    ("axm_actions", "array"), ("axm_monitor", "object"), ("axm_options", "object"), ("axm_dynamic", "object"),
    ("created_at", "number"), ("pm_id", "number"), ("restart_time", "number"), ("unstable_restarts", "number"),
    ("version", "string"), ("node_version", "string"),
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn a_plain_app_has_pm2s_keys_and_types_and_no_others() {
    let (process, mut spec) = (process(Status::Online), spec());
    spec.logs.merge = true;
    let element = element(&Parts { env: BTreeMap::new(), ..parts(&process, &spec) });
    assert_eq!(keys(&element), ["pid", "name", "pm2_env", "pm_id", "monit"]);
    assert_eq!(element["monit"], json!({"memory": 1024, "cpu": 0.3}));
    let env = element["pm2_env"].as_object().unwrap();
    let found: Vec<_> = env.iter().map(|(key, value)| (key.as_str(), kind(value))).collect();
    assert_eq!(found, PLAIN);

    // From an application file.
    spec.source = Some(Source { file: "/srv/apps.json".into(), profile: None });
    let element = super::element(&Parts { env: BTreeMap::new(), ..parts(&process, &spec) });
    let env = element["pm2_env"].as_object().unwrap();
    let absent = PLAIN.iter().map(|(key, _)| *key).filter(|key| !env.contains_key(*key));
    assert_eq!(absent.collect::<Vec<_>>(), ["filter_env", "watch"]);
}

#[test]
fn what_was_given_is_there_even_where_it_is_the_default() {
    let (process, mut spec) = (process(Status::Online), spec());
    let seen = |spec: &AppSpec, field: &str| element(&parts(&process, spec))["pm2_env"].get(field).cloned();
    for (field, expected) in [
        ("max_restarts", json!(16)),
        ("min_uptime", json!(1000)),
        ("restart_delay", json!(0)),
        ("exp_backoff_restart_delay", json!(0)),
        ("stop_exit_codes", json!([])),
        ("kill_timeout", json!(5000)),
        ("wait_ready", json!(false)),
        ("shutdown_with_message", json!(false)),
        ("merge_logs", json!(false)),
        ("disable_logs", json!(false)),
        ("cwd", json!("/srv")),
        ("append_env_to_name", json!(true)),
    ] {
        spec.given = std::sync::Arc::default();
        assert_eq!(seen(&spec, field), None, "{field}");
        spec.given = std::sync::Arc::new([field.to_owned()].into());
        assert_eq!(seen(&spec, field), Some(expected), "{field}");
    }
}

#[test]
fn settings_are_normalised() {
    let (mut process, mut spec) = (process(Status::Stopped), spec());
    process.exit = Some(Outcome::Code(3));
    spec.mode = Mode::Cluster;
    spec.args = vec!["--port".into(), "80".into()];
    spec.limits.max_memory_restart = Some(200 << 20);
    spec.restart.min_uptime = 10_000;
    spec.restart.exp_backoff_restart_delay = 100;
    spec.watch = Some(WatchPolicy {
        paths: vec!["/srv/src".into(), "/etc/api".into()],
        ignore: Some(vec!["x".into()]),
        delay: 500,
    });
    spec.env.inherit.filter = Some(FilterEnv::Containing(vec!["AWS".into()]));
    spec.env.typed = ["PORT", "FLAG", "PM2_HOME"].map(str::to_owned).into();
    spec.uid = Some("1000".into());
    spec.gid = Some("deploy".into());
    spec.recorded.insert("deep_monitoring".into(), json!(true));
    let element = element(&Parts { monitored: Some(true), backoff: 150, ..parts(&process, &spec) });
    let env = &element["pm2_env"];
    for (key, expected) in [
        ("exec_mode", json!("cluster_mode")),
        ("args", json!(["--port", "80"])),
        ("max_memory_restart", json!(209_715_200)),
        ("min_uptime", json!(10_000)),
        ("watch", json!(["src", "/etc/api"])),
        ("ignore_watch", json!(["x"])),
        ("watch_delay", json!(500)),
        ("filter_env", json!(["AWS"])),
        ("uid", json!(1000)),
        ("gid", json!("deploy")),
        ("deep_monitoring", json!(true)),
        ("exit_code", json!(3)),
        ("prev_restart_delay", json!(150)),
        ("_km_monitored", json!(true)),
        ("pm_err_log_path", json!("/dev/null")),
        ("PORT", json!(3000)),
        ("FLAG", json!(true)),
        // What is no number stays a text, whoever has written it.
        ("env", json!({"FLAG": true, "PM2_HOME": "/h", "PORT": 3000})),
    ] {
        assert_eq!(env[key], expected, "{key}");
    }
    assert!(env.get("_pm2_version").is_some());
    assert_eq!(element["monit"], json!({"memory": 0, "cpu": 0.0}));
    assert_eq!(env.get("name"), Some(&json!("api")), "settings win over variables of their names");
}

#[test]
fn env_shows_what_is_nobodys_internals() {
    let (process, spec) = (process(Status::Online), spec());
    let element = element(&Parts { process: &process, monitored: Some(false), ..parts(&process, &spec) });
    let shown: Vec<_> = shown(element["pm2_env"].as_object().unwrap()).collect();
    let names: Vec<_> = shown.iter().map(|(name, _)| *name).collect();
    for name in
        ["namespace", "PORT", "PM2_HOME", "NODE_APP_INSTANCE", "unique_id", "version", "node_version", "km_link"]
    {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for name in ["name", "env", "status", "pm_id", "axm_actions", "exec_mode", "node_args"] {
        assert!(!names.contains(&name), "{name}: {names:?}");
    }
    assert_eq!(shown.iter().find(|(name, _)| *name == "PORT").unwrap().1, "3000");
    assert_eq!(process.id, ProcessId(3));
}
