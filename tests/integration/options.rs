//! Options of PM2's commands against a real daemon: new names, values taken away, application files and their verbs.

use crate::support::{Home, Signal, eventually, is_alive, signal};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_restart_gives_an_app_another_name() {
    let home = Home::new();
    home.write("app.js", "console.log('name ' + process.env.name); setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "--name", "old", "-i", "2"]).ok();
    home.rpm(["start", "sleep", "--name", "other", "--", "1000"]).ok();
    let before: Vec<_> = home.named("old").iter().map(|process| (process.id, process.pid.unwrap())).collect();
    let told = home.rpm(["restart", "old", "--name", "new", "--kill-timeout", "7s"]).ok().text();
    assert!(told.contains("restarted new (0, 1)"), "{told}");
    assert!(home.named("old").is_empty());
    let after = home.named("new");
    assert_eq!(
        after.iter().map(|process| process.id).collect::<Vec<_>>(),
        before.iter().map(|one| one.0).collect::<Vec<_>>()
    );
    assert!(after.iter().all(|process| process.status == Status::Online && process.restarts == 1), "{after:?}");
    assert!(before.iter().all(|(_, pid)| !is_alive(*pid)));
    assert_eq!(home.told("new-out-0.log", "name "), "new");
    assert_eq!(home.describe("new")[0]["spec"]["stop"]["kill_timeout"], json!(7000));

    // It is so for the next daemon too.
    signal(home.daemon().pid, Signal::SIGKILL);
    let later = home.named("new");
    assert_eq!(
        later.iter().map(|process| process.pid).collect::<Vec<_>>(),
        after.iter().map(|process| process.pid).collect::<Vec<_>>()
    );

    home.rpm(["restart", "new", "--name", "other"]).fails(&["other", "already"]);
    home.rpm(["restart", "all", "--name", "x"]).fails(&["one app"]);
    home.rpm(["restart", "new", "--name", "all"]).fails(&["all"]);
    home.rpm(["restart", "other", "--name", "other"]).ok();
    home.rpm(["stop", "other"]).ok();
    home.rpm(["restart", "other", "--name", "third"]).ok();
    assert_eq!(home.process("third").status, Status::Online);
}

#[test]
fn a_new_name_survives_the_daemon() {
    let home = Home::new();
    home.write(
        "app.js",
        "process.on('SIGINT', () => setTimeout(() => process.exit(), 800)); setInterval(() => {}, 1000); console.log('up')",
    );
    home.rpm(["start", "app.js", "--name", "old"]).ok();
    home.told("old-out.log", "up");
    let rename = home.command(["restart", "old", "--name", "new"]).begin();
    home.wait_status("old", Status::Stopping);
    signal(home.daemon().pid, Signal::SIGKILL);
    rename.end().ok();
    assert!(home.named("old").is_empty());
    assert_eq!(home.wait_status("new", Status::Online).id.0, 0);
    assert_eq!(home.list().len(), 1);
}

#[test]
fn who_is_depended_on_keeps_its_name() {
    let home = Home::new();
    let apps = json!([
        {"name": "db", "script": "sleep", "args": "1000"},
        {"name": "web", "script": "sleep", "args": "1000", "depends_on": ["db"]},
    ]);
    home.write("a.json", apps.to_string());
    home.rpm(["start", "a.json"]).ok();
    home.rpm(["restart", "db", "--name", "store"]).fails(&["web depends on db"]);
    assert_eq!(home.process("db").restarts, 0);
}

#[test]
fn the_word_null_takes_away() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm([
        "start",
        "app.js",
        "--node-args",
        "--no-warnings",
        "--max-memory-restart",
        "300M",
        "--cron",
        "0 0 1 1 *",
    ])
    .ok();
    let env = || home.jlist()[0]["pm2_env"].clone();
    assert_eq!(env()["node_args"], json!(["--no-warnings"]));
    assert!(home.process("app").next_run.is_some());
    home.rpm(["restart", "app", "--node-args", "null", "--max-memory-restart", "null", "--cron", "0"]).ok();
    assert!(env().get("max_memory_restart").is_none_or(Value::is_null), "{}", env());
    assert!(env().get("node_args").is_none_or(|args| *args == json!([])), "{}", env()["node_args"]);
    assert_eq!(home.process("app").next_run, None);
    assert_eq!(home.process("app").restarts, 1);
}

#[test]
fn application_files_by_their_own_verbs() {
    let home = Home::new();
    let app = |name: &str| json!({"name": name, "script": "sleep", "args": "1000"});
    home.write("a.json", json!([app("one"), app("two")]).to_string());
    home.rpm(["startOrRestart", "a.json", "--only", "one"]).ok();
    assert_eq!(home.list().len(), 1);
    home.rpm(["startOrRestart", "a.json"]).ok();
    assert_eq!((home.process("one").restarts, home.process("two").restarts), (1, 0));
    home.rpm(["startOrReload", "a.json"]).ok();
    home.rpm(["startOrGracefulReload", "a.json", "--only", "one two"]).ok();
    assert_eq!((home.process("one").restarts, home.process("two").restarts), (3, 2));
    home.rpm(["startOrRestart", "one"]).fails(&["one is no application file"]);
    home.rpm(["start", "sleep", "--name", "bare", "--", "1000"]).ok();
    home.rpm(["restart", "bare", "--env", "production"]).fails(&["--env"]);
    home.rpm(["reload", "bare", "--env", "production"]).fails(&["--env"]);

    // From standard input.
    let text = json!([app("three")]).to_string();
    for (verb, status) in [("start", Status::Online), ("restart", Status::Online), ("stop", Status::Stopped)] {
        home.command([verb, "-"]).input(text.clone()).run().ok();
        assert_eq!(home.process("three").status, status, "{verb}");
    }
    home.command(["delete", "-"]).input(text).run().ok();
    assert!(home.named("three").is_empty());
    home.command(["delete", "-"]).input("{").run().fails(&["standard input"]);
}

#[test]
fn what_was_typed_is_written_as_a_file() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "--name", "api", "-k", "900", "-w", "--", "-p", "80"]).ok();
    let file = home.work().join("api-pm2.json");
    let fields: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(fields, json!({"script": "app.js", "name": "api", "kill_timeout": "900", "args": ["-p", "80"]}));
    let told = home.rpm(["restart", "api-pm2.json"]).ok().text();
    assert!(!told.contains("kill_timeout") && !told.contains("args"), "it says the same: {told}");
}

#[test]
fn a_reload_leaves_its_mark() {
    let home = Home::new();
    let lock = home.root().join("reload.lock");
    home.write("app.js", "process.send && setTimeout(() => process.send('ready'), 400); setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "-i", "1", "--wait-ready"]).ok();
    let reload = home.command(["reload", "app"]).begin();
    let since: i64 = eventually("the time of the reload", || fs::read_to_string(&lock).ok()?.parse().ok());
    assert!(since > 1_600_000_000_000, "{since}");
    home.rpm(["reload", "app"]).fails(&["Reload in progress"]);
    reload.end().ok();
    eventually("an empty file", || fs::read(&lock).ok()?.is_empty().then_some(()));
}

#[test]
fn a_restart_goes_step_by_step() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "-i", "3", "-x"]).ok();
    home.rpm(["restart", "app", "--parallel", "2"]).ok();
    assert!(home.named("app").iter().all(|process| process.restarts == 1 && process.status == Status::Online));
    home.rpm(["restart", "app", "--parallel", "0"]).fails(&["parallel"]);
    home.command(["restart", "app"]).env("PM2_CONCURRENT_ACTIONS", "1").run().ok();
    home.command(["restart", "app"]).env("RPM_CONCURRENT_ACTIONS", "none").run().fails(&["CONCURRENT_ACTIONS"]);
    assert!(home.named("app").iter().all(|process| process.restarts == 2));
}

#[test]
fn the_shells_variables_are_hinted_at_where_they_differ() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let done = home.rpm(["restart", "sleep"]).ok();
    assert!(!done.err.contains("--update-env"), "{}", done.err);
    let done = home.command(["restart", "sleep"]).env("NEW_ONE", "1").run().ok();
    assert!(done.err.contains("NEW_ONE added") && done.err.contains("--update-env"), "{}", done.err);
    let done = home.command(["restart", "sleep", "-a"]).env("NEW_ONE", "1").run().ok();
    assert!(!done.err.contains("--update-env") && done.text().contains("NEW_ONE added"), "{}", done.told());
}
