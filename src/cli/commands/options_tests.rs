//! Every option that PM2 has for an app: what it sets of an app that is started, and of one that is restarted.

use super::fake::Fake;
use crate::api::Request;
use crate::api::request::{Existing, Start};
use crate::domain::{AppSpec, Status};
use serde_json::{Value, json};

/// An option, the setting that it is about, and its value; on a restart the same unless there is another.
struct Row {
    option: &'static str,
    path: &'static str,
    value: Value,
    restart: On,
}

enum On {
    Same,
    /// What an app is does not change with a restart.
    Unchanged,
}

fn row(option: &'static str, path: &'static str, value: Value) -> Row {
    Row { option, path, value, restart: On::Same }
}

fn fixed(option: &'static str, path: &'static str, value: Value) -> Row {
    Row { option, path, value, restart: On::Unchanged }
}

fn table() -> Vec<Row> {
    let files = [
        row("--output /l/o.log", "logs.out", json!("/l/o.log")),
        row("-o NULL", "logs.out", json!("/dev/null")),
        row("-e /l/e.log", "logs.error", json!("/l/e.log")),
        row("--error /l/e.log", "logs.error", json!("/l/e.log")),
        row("--pid /p/x.pid", "pid_file", json!("/p/x.pid")),
        row("-p /p/x.pid", "pid_file", json!("/p/x.pid")),
        row("--log /l/x.log", "logs.combined", json!({"at": "/l/x.log"})),
        row("-l", "logs.combined", json!("in_home")),
        row("--log-type json", "logs.log_type", json!("json")),
        row("--log-date-format HH:mm", "logs.date_format", json!("HH:mm")),
        row("--time", "logs.date_format", json!("YYYY-MM-DDTHH:mm:ss")),
        row("--time", "logs.time", json!(true)),
        row("--merge-logs", "logs.merge", json!(true)),
        row("--disable-logs", "logs.disable", json!(true)),
        row("--cwd /tmp", "cwd", json!("/tmp")),
    ];
    let identity = [
        row("--namespace jobs", "namespace", json!("jobs")),
        row("--interpreter sh", "program.interpreter", json!({"named": "sh"})),
        row("--node-args '--a --b'", "program.interpreter_args", json!(["--a", "--b"])),
        row("--interpreter-args --a", "program.interpreter_args", json!(["--a"])),
        row("--uid nobody", "uid", json!("nobody")),
        row("-u nobody", "uid", json!("nobody")),
        row("--user nobody", "uid", json!("nobody")),
        row("--gid 1000", "gid", json!("1000")),
        fixed("-x", "mode", json!("fork")),
        fixed("-i 3", "instances", json!(3)),
    ];
    let life = [
        row("-k 900", "stop.kill_timeout", json!(900)),
        row("--kill-timeout 2s", "stop.kill_timeout", json!(2000)),
        row("--listen-timeout 700", "ready.listen_timeout", json!(700)),
        row("--wait-ready", "ready.wait_ready", json!(true)),
        row("--shutdown-with-message", "stop.shutdown_with_message", json!(true)),
        row("--no-treekill", "stop.treekill", json!(false)),
        row("--max-memory-restart 300M", "limits.max_memory_restart", json!(314_572_800)),
        row("--restart-delay 50", "restart.restart_delay", json!(50)),
        row("--exp-backoff-restart-delay 60", "restart.exp_backoff_restart_delay", json!(60)),
        row("--max-restarts 3", "restart.max_restarts", json!(3)),
        row("--min-uptime 5s", "restart.min_uptime", json!(5000)),
        row("--stop-exit-codes 0,3", "restart.stop_exit_codes", json!([0, 3])),
        row("--no-autorestart", "restart.autorestart", json!(false)),
        row("--no-autostart", "autostart", json!(false)),
        row("-c '0 3 * * *'", "schedule.restart", json!("0 3 * * *")),
        row("--cron '0 3 * * *'", "schedule.restart", json!("0 3 * * *")),
        row("--cron-restart '0 3 * * *'", "schedule.restart", json!("0 3 * * *")),
        row("--cron 0", "schedule.restart", Value::Null),
    ];
    let watch = [
        row("--watch", "watch.paths", json!([])),
        row("--watch /srv/lib", "watch.paths", json!(["/srv/lib"])),
        row("--watch --ignore-watch '*.log tmp'", "watch.ignore", json!(["*.log", "tmp"])),
        row("--watch --watch-delay 2", "watch.delay", json!(2000)),
        row("--watch --watch-delay 250ms", "watch.delay", json!(250)),
        row("--watch --ext js,json", "watch.ignore", json!(["*", "!*/", "!*.js", "!*.json", ".*", "node_modules/"])),
        row("--filter-env AWS", "env.inherit.filter", json!({"containing": ["AWS"]})),
        row("--filter-env", "env.inherit.filter", json!("everything")),
        row("--filter-env A --filter-env B", "env.inherit.filter", json!({"containing": ["A", "B"]})),
    ];
    let recorded = [
        row("--no-vizion", "recorded.vizion", json!(false)),
        row("--no-pmx", "recorded.pmx", json!(false)),
        row("--no-automation", "recorded.automation", json!(false)),
        row("--trace", "recorded.trace", json!(true)),
        row("--disable-trace", "recorded.disable_trace", json!(true)),
        row("--v8", "recorded.v8", json!(true)),
        row("--event-loop-inspector", "recorded.event_loop_inspector", json!(true)),
        row("--deep-monitoring", "recorded.deep_monitoring", json!(true)),
        row("--source-map-support", "recorded.source_map_support", json!(true)),
        row("--disable-source-map-support", "recorded.disable_source_map_support", json!(true)),
    ];
    files.into_iter().chain(identity).chain(life).chain(watch).chain(recorded).collect()
}

/// The one app that a command line starts, or changes.
fn app(fake: &Fake, line: &str) -> Option<AppSpec> {
    fake.run(line).succeeded();
    fake.changes().into_iter().find_map(|request| match request {
        Request::Start(Start { apps, .. }) => apps.into_iter().next(),
        _ => None,
    })
}

fn setting(app: &AppSpec, path: &str) -> Value {
    let app = serde_json::to_value(app).unwrap();
    path.split('.').try_fold(&app, |value, part| value.get(part)).cloned().unwrap_or_default()
}

#[test]
fn each_option_sets_its_field_at_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("app.js");
    std::fs::write(&script, "").unwrap();
    for Row { option, path, value, .. } in table() {
        let app = app(&Fake::with(&[]), &format!("start {} {option}", script.display())).unwrap();
        assert_eq!(setting(&app, path), value, "start {option}");
    }
    let app = app(&Fake::with(&[]), &format!("start {} -n web -- -a 'b c'", script.display())).unwrap();
    assert_eq!((app.name.as_str(), app.args), ("web", vec!["-a".to_owned(), "b c".to_owned()]));
}

#[test]
fn each_option_changes_its_field_at_a_restart() {
    for Row { option, path, value, restart } in table() {
        let fake = Fake::with(&[(0, "api", Status::Online)]);
        let before = fake.details.lock().unwrap()[0].spec.clone();
        let after = app(&fake, &format!("restart api {option}")).unwrap_or_else(|| before.clone());
        let expected = match restart {
            On::Same => value,
            On::Unchanged => setting(&before, path),
        };
        assert_eq!(setting(&after, path), expected, "restart {option}");
        let fake = Fake::with(&[(0, "api", Status::Online)]);
        let reloaded = app(&fake, &format!("reload api {option}")).unwrap_or(before);
        assert_eq!(reloaded, after, "reload {option}");
    }
}

#[test]
fn the_word_null_removes_what_was_set() {
    for (set, removed, path) in [
        ("--node-args --a", "--node-args null", "program.interpreter_args"),
        ("--output /l/o", "--output null", "logs.out"),
        ("--log /l/x", "--log null", "logs.combined"),
        ("--log-type json", "--log-type null", "logs.log_type"),
        ("--time", "--log-date-format null", "logs.date_format"),
        ("--time", "--log-date-format null", "logs.time"),
        ("--max-memory-restart 3M", "--max-memory-restart null", "limits.max_memory_restart"),
        ("--cron '* * * * *'", "--cron null", "schedule.restart"),
        ("--cron '* * * * *'", "--cron 0", "schedule.restart"),
        ("--kill-timeout 77", "-k null", "stop.kill_timeout"),
        ("--namespace x", "--namespace null", "namespace"),
        ("--stop-exit-codes 3", "--stop-exit-codes null", "restart.stop_exit_codes"),
        ("--watch", "--watch null", "watch.paths"),
        ("--filter-env A", "--filter-env null", "env.inherit.filter"),
        ("--uid nobody", "--uid null", "uid"),
        ("--listen-timeout 5", "--listen-timeout null", "ready.listen_timeout"),
        ("--max-restarts 2", "--max-restarts null", "restart.max_restarts"),
    ] {
        let usual = AppSpec::new(
            "x",
            Fake::with(&[(0, "api", Status::Online)]).details.lock().unwrap()[0].spec.program.clone(),
        );
        let fake = Fake::with(&[(0, "api", Status::Online)]);
        let with = app(&fake, &format!("restart api {set}")).unwrap();
        assert_ne!(setting(&with, path), setting(&usual, path), "{set}");
        let fake = Fake::with(&[(0, "api", Status::Online)]);
        fake.details.lock().unwrap()[0].spec = with;
        let without = app(&fake, &format!("restart api {removed}")).unwrap();
        let expected = if path.ends_with("interpreter_args") { json!([]) } else { setting(&usual, path) };
        assert_eq!(setting(&without, path), expected, "{removed}");
    }
}

#[test]
fn what_an_app_cannot_be_without_stays() {
    let fake = Fake::with(&[(0, "api", Status::Online)]);
    let ran = fake.run("restart api --cwd null");
    assert!(ran.err.contains("cannot be without cwd"), "{}", ran.err);
    let fake = Fake::with(&[(0, "api", Status::Online)]);
    let ran = fake.run("restart api -i 4");
    assert!(ran.err.contains("rpm scale api"), "{}", ran.err);
    assert!(matches!(&fake.changes()[..], [Request::Restart { selector, .. }] if selector.text == "api"));
}

#[test]
fn a_name_is_for_one_app() {
    let fake = Fake::with(&[(0, "api", Status::Online), (1, "worker", Status::Online)]);
    fake.run("restart api --name web --kill-timeout 9s").succeeded();
    let changes = fake.changes();
    assert!(
        matches!(&changes[0], Request::Start(Start { apps, .. }) if apps[0].name == "api" && apps[0].stop.kill_timeout == 9000)
    );
    assert_eq!(changes[1], Request::Rename { name: "api".into(), to: "web".into() });
    let (message, _) =
        Fake::with(&[(0, "api", Status::Online), (1, "worker", Status::Online)]).run("restart all --name web").failed();
    assert!(message.contains("one app"), "{message}");
}

#[test]
fn a_restart_may_go_step_by_step() {
    let list = [(0, "api", Status::Online), (1, "api", Status::Online), (2, "api", Status::Online)];
    let fake = Fake::with(&list);
    fake.run("restart api --parallel 2").succeeded();
    let restarts: Vec<_> = fake
        .changes()
        .into_iter()
        .map(|request| match request {
            Request::Restart { selector, .. } => selector.text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(restarts, ["0", "1", "2"]);
    let fake = Fake::with(&list);
    fake.run("restart api --parallel 2 -k 9s").succeeded();
    assert!(matches!(&fake.changes()[0], Request::Start(Start { existing: Existing::Keep, .. })));
}

#[test]
fn the_apps_of_a_file_may_go_step_by_step_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("eco.json");
    let apps = ["api", "new", "other"].map(|name| json!({ "name": name, "script": "echo" }));
    std::fs::write(&file, json!(apps).to_string()).unwrap();
    let fake = Fake::with(&[(0, "api", Status::Online), (1, "api", Status::Online), (2, "web", Status::Online)]);
    fake.run(&format!("restart {} --parallel 1", file.display())).succeeded();
    let changes: Vec<_> = fake
        .changes()
        .into_iter()
        .map(|request| match request {
            Request::Restart { selector, .. } => format!("restart {}", selector.text),
            Request::Start(Start { apps, existing, .. }) => {
                format!("{existing:?} {}", apps.iter().map(|app| app.name.as_str()).collect::<Vec<_>>().join(","))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(changes, ["Keep api", "restart 0", "restart 1", "Restart new", "Restart other"]);
    let done = fake.run("stop api --only api");
    assert!(done.err.contains("--only is ignored"), "{}", done.err);
}

#[test]
fn what_was_typed_is_written_where_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("app.js");
    std::fs::write(&script, "").unwrap();
    let name = format!("written-{}", std::process::id());
    let line = format!("start {} --name {name} -k 9s --no-treekill -w -- -p 80", script.display());
    Fake::with(&[]).run(&line).succeeded();
    let file = std::env::current_dir().unwrap().join(format!("{name}-pm2.json"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let fields: Value = serde_json::from_str(&text).unwrap();
    let expected =
        json!({"script": script, "name": name, "kill_timeout": "9s", "treekill": false, "args": ["-p", "80"]});
    assert_eq!(fields, expected);
}
