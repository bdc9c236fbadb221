use super::*;
use crate::domain::spec::{FilterEnv, SecretSource, WatchPolicy};

/// An element as PM2 7 writes it, of an app that was started with next to nothing.
fn plain() -> Map<String, Value> {
    let Value::Object(element) = json!({
        "name": "api", "namespace": "default", "filter_env": [], "merge_logs": true, "vizion": true, "autostart": true,
        "autorestart": true, "watch": false, "instance_var": "NODE_APP_INSTANCE", "pmx": true, "automation": true,
        "treekill": true, "username": "me", "windowsHide": true, "kill_retry_time": 100, "node_args": [],
        "env": {"PATH": "/bin", "PM2_USAGE": "CLI", "PM2_HOME": "/u/.pm2", "api": {}, "unique_id": "x", "DB": "here"},
        "pm_exec_path": "/bin/sh", "pm_cwd": "/", "exec_interpreter": "none", "exec_mode": "fork_mode",
        "pm_out_log_path": "/u/.pm2/logs/api-out.log", "pm_err_log_path": "/u/.pm2/logs/api-error.log",
        "pm_pid_path": "/u/.pm2/pids/api-7.pid", "km_link": false, "NODE_APP_INSTANCE": 0, "PATH": "/bin",
        "PM2_USAGE": "CLI", "DB": "here", "unique_id": "x", "status": "online", "pm_uptime": 1, "axm_actions": [],
        "created_at": 1, "restart_time": 3, "unstable_restarts": 0, "version": "N/A", "exit_code": 0
    }) else {
        unreachable!()
    };
    element
}

fn caller() -> Caller {
    let env = [("PATH".to_owned(), "/usr/bin".to_owned())].into();
    Caller { cwd: "/".into(), env, username: Some("other".into()), cores: 4 }
}

fn with(changes: &Value) -> Read {
    let mut element = plain();
    element.extend(changes.as_object().unwrap().clone());
    read(&element, Path::new("/u/.pm2"), &caller()).unwrap()
}

#[test]
fn next_to_nothing_is_next_to_nothing() {
    let Read { spec, notes } = with(&json!({}));
    assert_eq!(notes, [""; 0]);
    assert_eq!((spec.name.as_str(), spec.username.as_deref()), ("api", Some("me")));
    assert_eq!((spec.logs.out, spec.logs.error, spec.pid_file), (None, None, None));
    assert!(spec.logs.merge && spec.watch.is_none());
    assert_eq!(*spec.env.inherited, [("PATH".to_owned(), "/bin".to_owned())].into());
    assert_eq!(spec.env.app, [("DB".to_owned(), "here".to_owned())].into());
    assert_eq!(spec.env.inherit.filter, None);
    assert_eq!(spec.stop.kill_timeout, 5000);
    assert_eq!(spec.program.interpreter, Interpreter::None);
}

#[test]
fn each_field_has_its_place() {
    let Read { spec, notes } = with(&json!({
        "args": ["--port", "80", "a b"], "node_args": ["--max-old-space-size=200"], "exec_interpreter": "node",
        "exec_mode": "cluster_mode", "max_memory_restart": 209_715_200, "kill_timeout": 3000, "listen_timeout": 5000,
        "wait_ready": true, "cron_restart": "0 3 * * *", "watch": ["src"], "ignore_watch": ["logs"], "watch_delay": 1000,
        "autorestart": false, "stop_exit_codes": [0, 3], "exp_backoff_restart_delay": 100, "min_uptime": 5000,
        "max_restarts": 7, "restart_delay": 50, "shutdown_with_message": true, "treekill": false, "vizion": false,
        "uid": 0, "gid": 0, "filter_env": ["AWS"], "source_map_support": true, "namespace": "ns"
    }));
    assert_eq!(notes, [""; 0]);
    assert_eq!(spec.args, ["--port", "80", "a b"]);
    assert_eq!(spec.program.interpreter_args, ["--max-old-space-size=200", "--enable-source-maps"]);
    assert_eq!((spec.mode, spec.namespace.as_str()), (Mode::Cluster, "ns"));
    assert_eq!(spec.limits.max_memory_restart, Some(209_715_200));
    assert_eq!((spec.stop.kill_timeout, spec.stop.shutdown_with_message, spec.stop.treekill), (3000, true, false));
    assert_eq!((spec.ready.wait_ready, spec.ready.listen_timeout), (true, Some(5000)));
    assert_eq!(spec.schedule.restart.as_deref(), Some("0 3 * * *"));
    let watch = WatchPolicy { paths: vec!["/src".into()], ignore: Some(vec!["logs".into()]), delay: 1000 };
    assert_eq!(spec.watch, Some(watch));
    let restart = &spec.restart;
    assert_eq!((restart.autorestart, &restart.stop_exit_codes[..]), (false, &[0, 3][..]));
    assert_eq!((restart.min_uptime, restart.max_restarts), (5000, 7));
    assert_eq!((restart.restart_delay, restart.exp_backoff_restart_delay), (50, 100));
    assert_eq!((spec.uid.as_deref(), spec.gid.as_deref()), (Some("0"), Some("0")));
    assert_eq!(spec.env.inherit.filter, Some(FilterEnv::Containing(vec!["AWS".into()])));
    assert_eq!(spec.recorded["vizion"], json!(false));
}

#[test]
fn files_are_kept_where_the_user_has_chosen_them() {
    let spec = with(&json!({
        "merge_logs": false, "pm_out_log_path": "/srv/logs/o-7.log", "pm_err_log_path": "/u/.pm2/logs/api-error-7.log",
        "pm_pid_path": "/srv/x-7.pid"
    }))
    .spec;
    assert_eq!(spec.logs.out.as_deref(), Some(Path::new("/srv/logs/o.log")));
    assert_eq!((spec.logs.error, spec.pid_file), (None, Some("/srv/x.pid".into())));
    assert!(!spec.logs.merge);
    // Renamed since: the files have the old name.
    let renamed = with(&json!({"name": "new", "env": {"api": {}, "new": "{}"}})).spec;
    assert_eq!((renamed.name.as_str(), renamed.logs.out), ("new", None));
    assert!(renamed.env.app.is_empty(), "{:?}", renamed.env.app);
    let merged = with(&json!({"pm_out_log_path": "/srv/o-7.log"})).spec;
    assert_eq!(merged.logs.out.as_deref(), Some(Path::new("/srv/o-7.log")));
}

#[test]
fn variables_are_what_an_app_would_get() {
    let spec = with(&json!({
        "env": {"N": 5, "B": true, "O": "{\"x\":1}", "api": "{}", "PORT": 3001, "PATH": "/bin", "none": null},
        "env_production": {"PATH": "/opt/bin"}, "increment_var": "PORT", "NODE_APP_INSTANCE": 1
    }))
    .spec;
    let app: Vec<_> = spec.env.app.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(app, ["B=true", "N=5", "O={\"x\":1}", "PATH=/bin", "PORT=3000"]);
    assert_eq!(spec.env.increment_var.as_deref(), Some("PORT"));
    assert!(spec.env.inherited.is_empty());
    // One that ran inside an app has what that one was told.
    let inner = with(&json!({"env": {"pm_id": 3, "name": "outer", "KEPT": "1"}})).spec;
    assert_eq!(inner.env.app.keys().collect::<Vec<_>>(), ["KEPT"]);
}

#[test]
fn a_variable_named_like_a_field_is_no_field() {
    let spec = with(&json!({"env": {"kill_timeout": "9000"}, "kill_timeout": "9000"})).spec;
    assert_eq!((spec.stop.kill_timeout, spec.env.app["kill_timeout"].as_str()), (5000, "9000"));
}

#[test]
fn what_cannot_be_taken_is_told() {
    let told = |changes: Value| with(&changes).notes.join("; ");
    assert!(told(json!({"kill_timeout": "soon"})).contains("kill_timeout cannot be \"soon\"; it was left out"));
    assert!(told(json!({"cron_restart": "never"})).contains("it was left out"));
    assert_eq!(told(json!({"cron_restart": "0"})), "");
    assert!(told(json!({"pm_exec_path": "/no/such.js"})).contains("its script /no/such.js is not there"));
    assert!(told(json!({"pm_cwd": "/no/such"})).contains("its directory /no/such is not there"));
    assert!(told(json!({"pm_exec_path": "/x/pm2/lib/API/Serve.js"})).contains("rpm serve"));
    let mut element = plain();
    for (script, why) in [(json!(null), "it names no script"), (json!("a.js"), "is no absolute path")] {
        element.insert("pm_exec_path".into(), script);
        let told = read(&element, Path::new("/u/.pm2"), &caller()).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn what_is_edited_in_pm2s_part_counts_and_the_rest_is_ours() {
    let mut spec = with(&json!({})).spec;
    spec.env.secrets.insert("TOKEN".into(), SecretSource::File("/run/token".into()));
    spec.stop.kill_signal = 15;
    let digest = "0000000000000000";
    let ours = json!({"spec": spec, "digest": digest});
    let read = with(&json!({"rpm": ours, "args": ["new"]})).spec;
    assert_eq!((read.args, read.stop.kill_signal), (vec!["new".to_owned()], 15));
    assert_eq!(read.env.secrets, spec.env.secrets);
}
