//! Probes: who is ready, who is not well, and what becomes of that.

use crate::support::{Home, Signal, eventually, is_alive, is_root, signal};
use rpm_native::api::Process;
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Starts apps from a file; `extra` goes with each `name`.
fn file(home: &Home, apps: &[Value]) {
    home.write("apps.json", json!({ "apps": apps }).to_string());
}

/// A program that runs and does nothing, with these settings beside.
fn idle(name: &str, settings: &Value) -> Value {
    let mut app = json!({ "name": name, "script": "/bin/sleep", "args": "1000000", "interpreter": "none" });
    app.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    app
}

/// A probe that succeeds while a file of the working directory exists.
fn while_exists(file: &str) -> Value {
    json!({ "exec": ["test", "-e", file], "period": 20, "failure_threshold": 2, "timeout": 5000 })
}

fn is_ready(process: &Process) -> bool {
    process.status == Status::Online && process.ready == Some(true)
}

#[test]
fn a_ready_probe_says_who_can_serve() {
    let home = Home::new();
    home.write(
        "app.js",
        "const { existsSync } = require('node:fs')
         const server = require('node:http').createServer((q, r) => {
           r.statusCode = q.url === '/ready?x=1' && q.headers['x-probe'] === 'yes' && existsSync('up') ? 204 : 503; r.end() })
         server.listen(0, () => console.log('port ' + server.address().port))",
    );
    // The port has to be known before the app runs: it is asked for with another app.
    home.rpm(["start", "app.js", "--name", "finder"]).ok();
    let port = home.port("finder-out.log");
    home.rpm(["delete", "finder"]).ok();
    let text = fs::read_to_string(home.work().join("app.js")).unwrap().replace("listen(0,", &format!("listen({port},"));
    home.write("app.js", text);
    let http = json!({ "port": port, "path": "/ready?x=1", "headers": { "x-probe": "yes" } });
    let probe = json!({ "http": http, "period": 20, "failure_threshold": 2, "timeout": 5000 });
    file(&home, &[json!({ "name": "api", "script": "app.js", "listen_timeout": 300, "ready_probe": probe })]);

    home.rpm(["start", "apps.json"]).ok();
    let process = home.wait_status("api", Status::Online);
    assert_eq!(process.ready, Some(false), "it is online after its time all the same: {process:?}");
    let listed = home.rpm(["ls"]).ok().text();
    assert!(listed.contains("online (not ready)"), "{listed}");
    eventually("the answer of the probe", || {
        home.rpm(["describe", "api"])
            .ok()
            .text()
            .contains("online: not ready, it waits for its ready probe (HTTP 503)")
            .then_some(())
    });

    home.write("up", "");
    home.wait_until("api", is_ready);
    let health = &home.describe("api")[0]["health"];
    let probe = &health["probes"][0];
    assert_eq!((probe["phase"].as_str(), probe["passes"].as_bool()), (Some("ready"), Some(true)), "{health}");
    assert_eq!(probe["answer"], "HTTP 204");
    fs::remove_file(home.work().join("up")).unwrap();
    let unready = home.wait_until("api", |process| process.ready == Some(false));
    assert_eq!((unready.status, unready.restarts), (Status::Online, 0), "who is not ready is not ended");
}

#[test]
fn who_does_not_live_is_ended_and_started_again() {
    let home = Home::new();
    home.write("well", "");
    file(&home, &[idle("app", &json!({ "live_probe": while_exists("well") }))]);
    home.rpm(["start", "apps.json"]).ok();
    let pid = home.pid("app");
    fs::remove_file(home.work().join("well")).unwrap();
    let after = home.wait_until("app", |process| process.restarts >= 1 && process.pid.is_some_and(|now| now != pid));
    assert!(!is_alive(pid), "{after:?}");
    home.write("well", "");
    let why = eventually("the reason", || home.describe("app")[0]["health"]["last_ended"].as_str().map(str::to_owned));
    assert!(
        why.starts_with("it was not well: its live probe failed 2 times, the last time with: exit code 1"),
        "{why}"
    );
    eventually("a run that is well", || {
        let described = home.describe("app");
        (described[0]["health"]["probes"][0]["passes"] == true).then_some(())
    });
}

#[test]
fn who_never_starts_up_has_not_started() {
    let home = Home::new();
    let settings = json!({ "startup_probe": while_exists("never"), "autorestart": false });
    file(&home, &[idle("app", &settings)]);
    home.rpm(["start", "apps.json"]).fails(&["app (0) did not start", "startup probe failed 2 times", "exit code 1"]);
    let process = home.wait_status("app", Status::Stopped);
    assert_eq!((process.restarts, process.pid), (0, None));
}

#[test]
fn a_startup_goes_on_when_the_daemon_is_killed_and_gates_the_others() {
    let home = Home::new();
    let patient = json!({ "exec": ["test", "-e", "up"], "period": 50, "failure_threshold": 1000, "timeout": 5000 });
    file(&home, &[idle("app", &json!({ "startup_probe": patient, "live_probe": while_exists("up") }))]);
    let starting = home.command(["start", "apps.json"]).begin();
    let before = eventually("the app", || {
        let list = home.named("app");
        list.into_iter().find(|process| process.pid.is_some())
    });
    assert_eq!((before.status, before.ready), (Status::Launching, Some(false)));
    home.kill_daemon();
    let between = home.process("app");
    assert_eq!((between.status, between.pid, between.restarts), (Status::Launching, before.pid, 0));
    home.write("up", "");
    starting.end().ok();
    let process = home.process("app");
    assert!(is_ready(&process) && process.pid == before.pid, "{process:?}");
    home.kill_daemon();
    let process = home.process("app");
    assert!(is_ready(&process) && process.pid == before.pid, "what has started up is not launching: {process:?}");
}

#[test]
fn a_ready_app_is_ready_for_the_next_daemon() {
    let home = Home::new();
    home.write("up", "");
    let slow = json!({ "exec": ["test", "-e", "up"], "period": "1h", "timeout": 5000 });
    file(&home, &[idle("app", &json!({ "ready_probe": slow }))]);
    home.rpm(["start", "apps.json"]).ok();
    assert!(is_ready(&home.process("app")));
    // Nobody asks again for an hour.
    fs::remove_file(home.work().join("up")).unwrap();
    home.kill_daemon();
    let process = home.process("app");
    assert!(is_ready(&process), "{process:?}");
}

#[test]
fn a_probe_that_hangs_is_ended_with_all_that_it_has_started() {
    let home = Home::new();
    let line = "sleep 1000 & echo $! >> pids; wait";
    let probe = json!({ "exec": ["sh", "-c", line], "period": 20, "failure_threshold": 1, "timeout": 500 });
    file(&home, &[idle("app", &json!({ "ready_probe": probe, "listen_timeout": 50 }))]);
    home.rpm(["start", "apps.json"]).ok();
    let pids = eventually("two questions", || {
        let text = fs::read_to_string(home.work().join("pids")).unwrap_or_default();
        let pids: Vec<i32> = text.lines().filter_map(|pid| pid.parse().ok()).collect();
        (pids.len() >= 2).then_some(pids)
    });
    eventually("the end of the first", || (!is_alive(pids[0])).then_some(()));
    let answer = home.describe("app")[0]["health"]["probes"][0]["answer"].clone();
    assert_eq!(answer, "no answer within 500 ms");
    // Those of a daemon that is killed end with it; and those of an app that is stopped, with that.
    home.kill_daemon();
    home.rpm(["stop", "app"]).ok();
    eventually("the end of all", || {
        let text = fs::read_to_string(home.work().join("pids")).unwrap();
        let lives: Vec<i32> = text.lines().filter_map(|pid| pid.parse().ok()).filter(|pid| is_alive(*pid)).collect();
        // A command is killed with its daemon, what that had started is not: nobody is left to do it.
        for pid in &lives {
            signal(*pid, Signal::SIGKILL);
        }
        lives.is_empty().then_some(())
    });
}

#[test]
fn a_command_is_run_as_the_app_is() {
    if !is_root() {
        eprintln!("skipped: only root runs apps as others");
        return;
    }
    let home = Home::new();
    // The app's user reaches its directory.
    fs::set_permissions(home.temporary(), fs::Permissions::from_mode(0o755)).unwrap();
    let line = "test $(id -u) = 65534 && test $MINE = yes && test -e here";
    let probe = json!({ "exec": ["sh", "-c", line], "period": 20, "timeout": 5000 });
    home.write("here", "");
    let settings = json!({ "ready_probe": probe, "uid": "65534", "gid": "65534", "env": { "MINE": "yes" } });
    file(&home, &[idle("app", &settings)]);
    home.rpm(["start", "apps.json"]).ok();
    home.wait_until("app", is_ready);
}

#[test]
fn a_reload_waits_for_the_probe() {
    let home = Home::new();
    home.write("app.js", "require('node:http').createServer((_, r) => r.end()).listen(0, () => console.log('port 1'))");
    home.write("up", "");
    let app = json!({
        "name": "app", "script": "app.js", "instances": 1, "exec_mode": "cluster", "listen_timeout": 1500,
        "ready_probe": while_exists("up"),
    });
    file(&home, &[app]);
    home.rpm(["start", "apps.json"]).ok();
    home.told("app-out-0.log", "port");
    let old = home.wait_until("app", is_ready);
    fs::remove_file(home.work().join("up")).unwrap();
    home.rpm(["reload", "app"]).fails(&["was not taken", "its ready probe", "the old one goes on serving"]);
    assert_eq!(home.pid("app"), old.pid.unwrap());
    home.write("up", "");
    home.rpm(["reload", "app"]).ok();
    let new = home.process("app");
    assert!(is_ready(&new) && new.pid != old.pid, "{new:?}");
}
