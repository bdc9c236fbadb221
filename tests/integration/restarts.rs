//! Settings of the restart policy, and why an app is where it is, in words: also after the daemon's death.

use crate::support::{Home, Signal, eventually, never_within, signal};
use rpm_native::api::Process;
use rpm_native::domain::{Outcome, Status};
use serde_json::{Value, json};
use std::time::Duration;

fn start(home: &Home, app: &Value) {
    home.write("app.json", json!([app]).to_string());
    home.rpm(["start", "app.json"]).ok();
}

fn shell(line: &str, settings: &Value) -> Value {
    let mut app = json!({"name": "a", "script": "/bin/sh", "args": ["-c", line], "interpreter": "none"});
    app.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    app
}

#[track_caller]
fn reason(process: Process) -> String {
    process.reason.unwrap_or_else(|| panic!("{} has no reason", process.status))
}

#[test]
fn on_failure_an_app_may_succeed() {
    let home = Home::new();
    let line = "echo run; [ -e failed ] && exit 0; touch failed; exit 1";
    start(&home, &shell(line, &json!({"autorestart": "on-failure"})));
    let process = home.wait_status("a", Status::Stopped);
    assert_eq!((process.restarts, process.exit), (1, Some(Outcome::Code(0))));
    assert_eq!(reason(process), "stopped: it exited with code 0, which is its end");
    assert!(
        home.rpm(["describe", "a"])
            .ok()
            .text()
            .starts_with("a (0)  stopped: it exited with code 0, which is its end\n")
    );
    // It is its end for every daemon, and a command begins anew.
    home.kill_daemon();
    assert_eq!(reason(home.process("a")), "stopped: it exited with code 0, which is its end");
    home.rpm(["restart", "a"]).ok();
    eventually("a third run", || (home.lines("a-out.log").len() == 3).then_some(()));
    never_within(Duration::from_millis(300), "a fourth run", || (home.lines("a-out.log").len() > 3).then_some(()));
}

#[test]
fn in_a_window_long_runs_count_too() {
    let home = Home::new();
    let settings = json!({"restart_window": "1m", "max_restarts": 3, "min_uptime": 100});
    start(&home, &shell("sleep 0.2; exit 0", &settings));
    let process = home.wait_status("a", Status::Errored);
    assert_eq!(process.restarts, 2);
    let expected = "errored: 3 exits within 60 s; last: exit code 0";
    assert_eq!(reason(process), expected);
    home.kill_daemon();
    assert_eq!(reason(home.process("a")), expected);
    assert!(home.rpm(["describe", "a"]).ok().text().contains("gives up after 3 exits within 60000 ms"));
}

/// The last words of a program are told with its end, but none of its secrets.
#[test]
fn what_failed_says_what_it_wrote() {
    let home = Home::new();
    home.write("app.js", "console.error('starting'); require('./missing')");
    home.rpm(["start", "app.js", "--max-restarts", "2"]).ok();
    home.wait_status("app", Status::Errored);
    let expected = "errored: 2 exits within 1 s each; last: exit code 1, \"Cannot find module './missing'\"";
    let told = || reason(home.process("app"));
    eventually("what it wrote", || (told() == expected).then_some(()));
    home.kill_daemon();
    assert_eq!(told(), expected);
    assert!(home.rpm(["ls"]).ok().text().contains(expected));

    let failing = "echo \"ConnectionError: no login at db://web:pw@db with $DB_PASSWORD\" >&2; exit 7";
    let settings = json!({"max_restarts": 1, "env": {"DB_PASSWORD": "hunter2"}});
    start(&home, &shell(failing, &settings));
    let process = home.wait_until("a", |process| process.reason.as_ref().is_some_and(|words| words.contains("db://")));
    assert_eq!(
        reason(process),
        "errored: 1 exit within 1 s; last: exit code 7, \
         'ConnectionError: no login at db://web:[redacted]@db with [redacted]'"
    );
}

#[test]
fn a_back_off_is_told_and_goes_on_after_a_death() {
    let home = Home::new();
    start(&home, &shell("exit 3", &json!({"exp_backoff_restart_delay": 9000, "max_restarts": 100})));
    let told = reason(home.wait_status("a", Status::WaitingRestart));
    let (setting, rest) = told.split_once(" s, in ").unwrap_or_else(|| panic!("{told}"));
    let delay: f64 = setting.strip_prefix("waiting restart: back-off ").unwrap().parse().unwrap();
    assert!((7.2..=10.8).contains(&delay), "{told}");
    assert!(rest.ends_with(" s; last: exit code 3"), "{told}");
    home.kill_daemon();
    let after = reason(home.process("a"));
    assert!(after.starts_with(&format!("{setting} s, in ")), "{after} after {told}");
    // A command doesn't wait.
    home.rpm(["restart", "a"]).ok();
    assert_eq!(home.process("a").restarts, 1);
}

#[test]
fn who_stopped_it_is_known() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    assert_eq!(home.process("a").reason, None);
    home.rpm(["stop", "a"]).ok();
    home.kill_daemon();
    assert_eq!(reason(home.process("a")), "stopped by a command");
    assert!(!home.rpm(["ls"]).ok().text().contains("by a command"), "the list tells what is news");
    home.rpm(["start", "sleep", "--name", "b", "--no-autorestart", "--", "1000"]).ok();
    signal(home.pid("b"), Signal::SIGKILL);
    let process = home.wait_status("b", Status::Stopped);
    assert_eq!(reason(process), "stopped: it was ended by SIGKILL, and autorestart is off");
    home.rpm(["start", "sleep", "--name", "c", "--no-autostart", "--", "1000"]).ok();
    assert_eq!(reason(home.process("c")), "stopped, not started since this machine began");
}

#[test]
fn what_is_under_way_is_told() {
    let home = Home::new();
    home.write("app.js", "process.on('SIGINT', () => {}); setInterval(() => {}, 1000); console.log('up')");
    let starting =
        home.command(["start", "app.js", "--wait-ready", "--listen-timeout", "8000", "--kill-timeout", "1500"]).begin();
    home.told("app-out.log", "up");
    let told = reason(home.process("app"));
    assert!(told.starts_with("launching: waits for 'ready', ") && told.ends_with(" s left"), "{told}");
    let stopping = home.command(["stop", "app"]).begin();
    let told = reason(home.wait_status("app", Status::Stopping));
    assert!(told.starts_with("stopping: was sent SIGINT, SIGKILL in "), "{told}");
    stopping.end().ok();
    starting.end().fails(&["app", "another command overtook this start"]);
}
