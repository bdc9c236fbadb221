//! Apps that depend on others: who is started when, who is stopped first, and what is refused.

use crate::support::{Home, eventually, never_within};
use rpm_native::api::Process;
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// Notes its beginning and its end in `order`, and runs until it is told to end.
const NOTING: &str = "echo \"+$name\" >> order; trap 'echo \"-$name\" >> order; exit 0' INT TERM; echo up
while :; do sleep 0.02; done";

fn app(name: &str, settings: &Value) -> Value {
    let mut app = json!({ "name": name, "script": "noting.sh" });
    app.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    app
}

fn write(home: &Home, file: &str, apps: &[Value]) {
    home.write("noting.sh", NOTING);
    home.write(file, json!({ "apps": apps }).to_string());
}

fn order(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.work().join("order")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Ready while the file exists.
fn ready_while(file: &str) -> Value {
    json!({ "exec": ["test", "-e", file], "period": 20, "timeout": 5000 })
}

/// `api` waits for `db`, which is ready when the file `up` exists.
fn shop(home: &Home) {
    let db = app("db", &json!({ "ready_probe": ready_while("up"), "listen_timeout": 100 }));
    let api = app("api", &json!({ "depends_on": ["db"], "ready_log": "^up$" }));
    let web = app("web", &json!({ "depends_on": { "api": "ready" } }));
    // Not in the order in which they start.
    write(home, "apps.json", &[web, api, db]);
}

fn waits(process: &Process, words: &str) -> bool {
    process.status == Status::Launching
        && process.pid.is_none()
        && process.reason.as_ref().is_some_and(|reason| reason.contains(words))
}

#[test]
fn a_file_is_started_in_order_and_stopped_the_other_way_round() {
    let home = Home::new();
    shop(&home);
    let starting = home.command(["start", "apps.json"]).begin();
    eventually("api to wait", || {
        home.named("api").first().is_some_and(|api| waits(api, "waits for db (ready)")).then_some(())
    });
    let db = home.wait_status("db", Status::Online);
    assert_eq!(db.ready, Some(false), "online after its time, and not ready");
    assert!(waits(&home.process("web"), "waits for api (ready)"));
    let listed = home.rpm(["ls"]).ok().text();
    assert!(listed.contains("waits for db (ready)"), "{listed}");
    assert_eq!(order(&home), ["+db"]);
    home.write("up", "");
    starting.end().ok();
    eventually("all of them", || (order(&home).len() == 3).then_some(()));
    assert_eq!(order(&home), ["+db", "+api", "+web"]);
    assert!(home.list().iter().all(|process| process.status == Status::Online && process.restarts == 0));

    home.rpm(["stop", "all"]).ok();
    assert_eq!(order(&home)[3..], ["-web", "-api", "-db"]);
    home.rpm(["start", "all"]).ok();
    eventually("all of them", || (order(&home).len() == 9).then_some(()));
    assert_eq!(order(&home)[6..], ["+db", "+api", "+web"]);
    home.rpm(["delete", "all"]).ok();
    assert_eq!(order(&home)[9..], ["-web", "-api", "-db"]);
}

#[test]
fn who_waits_waits_on_when_the_daemon_is_killed() {
    let home = Home::new();
    shop(&home);
    let starting = home.command(["start", "apps.json"]).begin();
    let is_there = |name| home.named(name).into_iter().find(|process| process.status != Status::Stopped);
    eventually("api to wait", || is_there("api").filter(|api| waits(api, "db")));
    let db = home.wait_status("db", Status::Online);
    home.kill_daemon();
    assert!(waits(&home.process("api"), "waits for db (ready)"));
    assert_eq!(home.process("db").pid, db.pid);
    home.write("up", "");
    starting.end().ok();
    eventually("all of them", || (order(&home).len() == 3).then_some(()));
    assert_eq!(order(&home), ["+db", "+api", "+web"]);
}

#[test]
fn a_dependency_that_is_restarted_takes_nobody_with_it() {
    let home = Home::new();
    home.write("up", "");
    shop(&home);
    home.rpm(["start", "apps.json"]).ok();
    let api = home.process("api");
    home.rpm(["restart", "db", "--as-is"]).ok();
    let after = home.process("api");
    assert_eq!((after.pid, after.restarts), (api.pid, 0));
    // And alone it can be stopped, too.
    home.rpm(["stop", "db"]).ok();
    assert_eq!(home.process("api").pid, api.pid);
}

#[test]
fn who_waits_for_somebody_who_is_down_says_so_and_starts_when_that_is_mended() {
    let home = Home::new();
    let db = app("db", &json!({ "autostart": false }));
    write(&home, "apps.json", &[app("api", &json!({ "depends_on": ["db"] })), db]);
    home.rpm(["start", "apps.json"]).fails(&["api (0) did not start: waits for db (ready), which is stopped"]);
    assert!(waits(&home.process("api"), "which is stopped"));
    home.rpm(["restart", "db", "--as-is"]).ok();
    home.wait_status("api", Status::Online);
    // Or it is given up.
    home.rpm(["stop", "all"]).ok();
    home.rpm(["restart", "api", "--as-is"]).fails(&["which is stopped", "rpm stop 0"]);
    home.rpm(["stop", "api"]).ok();
    home.rpm(["restart", "db", "--as-is"]).ok();
    never_within(Duration::from_millis(300), "api starts", || home.process("api").pid);
}

#[test]
fn work_that_has_to_be_done_first() {
    let home = Home::new();
    let migrate = json!({ "name": "migrate", "script": "while [ ! -e go ]; do sleep 0.02; done; exit $(cat go) ;", "autorestart": false });
    write(&home, "apps.json", &[app("api", &json!({ "depends_on": { "migrate": "completed" } })), migrate]);
    let starting = home.command(["start", "apps.json"]).begin();
    home.write("code", "3");
    eventually("migrate", || home.named("migrate").first().and_then(|process| process.pid));
    assert!(waits(&home.process("api"), "waits for migrate (completed)"));
    fs::rename(home.work().join("code"), home.work().join("go")).unwrap();
    starting.end().fails(&["waits for migrate (completed), which is stopped"]);
    home.write("go", "0");
    home.rpm(["restart", "migrate", "--as-is"]).ok();
    home.wait_status("api", Status::Online);
    assert_eq!(home.process("migrate").status, Status::Stopped);
}

#[test]
fn healthy_means_that_it_lives_too() {
    let home = Home::new();
    let db = app(
        "db",
        &json!({ "live_probe": { "exec": ["test", "-e", "well"], "period": 20, "failure_threshold": 100_000, "timeout": 5000 } }),
    );
    write(&home, "apps.json", &[app("api", &json!({ "depends_on": { "db": "healthy" } })), db]);
    let starting = home.command(["start", "apps.json"]).begin();
    eventually("db", || home.named("db").into_iter().find(|db| db.status == Status::Online));
    assert!(waits(&home.process("api"), "waits for db (healthy)"));
    home.write("well", "");
    starting.end().ok();
    assert_eq!(home.process("api").status, Status::Online);
}

#[test]
fn circles_and_strangers_are_refused() {
    let home = Home::new();
    let on = |name: &str, other: &str| app(name, &json!({ "depends_on": [other] }));
    write(&home, "circle.json", &[on("a", "b"), on("b", "c"), on("c", "a")]);
    home.rpm(["start", "circle.json"]).fails(&["a → b → c → a"]);
    write(&home, "stranger.json", &[on("api", "db")]);
    home.rpm(["start", "stranger.json"]).fails(&["api depends on db", "neither in its file nor on the list"]);
    assert_eq!(home.list(), []);
    // From another file it will do.
    write(&home, "db.json", &[app("db", &json!({}))]);
    home.rpm(["start", "db.json"]).ok();
    home.rpm(["start", "stranger.json"]).ok();
    write(&home, "turned.json", &[on("db", "api")]);
    home.rpm(["start", "turned.json"]).fails(&["api → db → api"]);
    assert_eq!(home.process("db").restarts, 0);
}
