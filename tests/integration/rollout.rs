//! `reload` as a rollout: its steps, its pace, what a failure leaves, and the health window.

use crate::support::{Home, Load, Signal, eventually, get, is_alive, signal};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

fn pids(home: &Home) -> Vec<i32> {
    home.named("app").iter().filter_map(|process| process.pid).collect()
}

/// An application file with an app of `instances` workers, and what else is said.
fn declare(home: &Home, instances: u32, more: &Value) {
    let mut app = json!({"name": "app", "script": "app.js", "instances": instances, "env": {}});
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    home.write("eco.json", json!({"apps": [app]}).to_string());
}

/// A server that answers with its version, and does `more` once it listens.
fn version(home: &Home, version: &str, more: &str) {
    home.write(
        "app.js",
        format!(
            "const fs = require('node:fs')
             console.error('words of the {version} version')
             const server = require('node:http').createServer((_, r) => r.end('{version} ' + (process.env.MARK ?? '')))
             server.listen(0, () => {{ console.log('port ' + server.address().port); {more} }})"
        ),
    );
}

fn start(home: &Home, instances: u32, more: &Value) -> u16 {
    declare(home, instances, more);
    version(home, "old", "");
    home.rpm(["start", "eco.json"]).ok();
    home.wait_listening("app", instances as usize)
}

fn answers(port: u16) -> BTreeSet<String> {
    (0..12).map(|_| get(port, "/").unwrap().body.trim().to_owned()).collect()
}

#[test]
fn each_step_is_a_line() {
    let home = Home::new();
    start(&home, 3, &json!({}));
    let before = pids(&home);
    let told = home.rpm(["reload", "app"]).ok().text();
    let after = pids(&home);
    for number in 1..=3 {
        let (old, new) = (before[number - 1], after[number - 1]);
        assert!(told.contains(&format!("app: {number} of 3 replaced (pid {old} → {new}), ")), "{told}");
    }
    let done = home.rpm(["reload", "app", "--json"]).ok();
    let list: Vec<Value> = serde_json::from_slice(&done.out).expect("nothing but JSON");
    assert_eq!(list.len(), 3);
}

#[test]
fn a_failure_in_the_middle_leaves_the_rest_as_it_was() {
    let home = Home::new();
    let port = start(&home, 3, &json!({}));
    let load = Load::of_new_connections(port, 2);
    let before = pids(&home);
    home.write(
        "app.js",
        "if (process.env.NODE_APP_INSTANCE === '1') throw new Error('the second one broke')
         require('node:http').createServer((_, r) => r.end('new')).listen(0)",
    );
    let done = home.rpm(["reload", "app"]).fails(&["app (1)", "exit code 1", "the old one goes on serving"]);
    assert_eq!(done.code(), Some(1));
    assert!(done.err.contains("1 of 3 was replaced and stay so, 2 were not"), "{}", done.err);
    assert!(done.err.contains("its last lines:") && done.err.contains("Error: the second one broke"), "{}", done.err);
    assert!(!done.err.contains("words of the old version"), "lines of another run: {}", done.err);
    let after = pids(&home);
    assert!(after[0] != before[0] && after[1..] == before[1..], "{before:?} {after:?}");
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
}

#[test]
fn what_was_replaced_keeps_its_new_settings_and_the_rest_its_old_ones() {
    let home = Home::new();
    start(&home, 2, &json!({"env": {"MARK": "first"}}));
    declare(&home, 2, &json!({"env": {"MARK": "second"}}));
    home.write(
        "app.js",
        "if (process.env.NODE_APP_INSTANCE === '1') process.exit(3)
         require('node:http').createServer((_, r) => r.end('new')).listen(0)",
    );
    home.rpm(["reload", "eco.json"]).fails(&["exit code 3"]);
    let marks: Vec<String> = ["0", "1"]
        .iter()
        .map(|id| home.describe(id)[0]["spec"]["env"]["app"]["MARK"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(marks, ["second", "first"]);
}

#[test]
fn as_many_at_a_time_as_was_said() {
    let home = Home::new();
    start(&home, 3, &json!({}));
    let before = pids(&home);
    // None of them listens before all three are there.
    home.write(
        "app.js",
        "const fs = require('node:fs')
         fs.writeFileSync('begun.' + process.env.NODE_APP_INSTANCE, '')
         const timer = setInterval(() => {
           if (![0, 1, 2].every((number) => fs.existsSync('begun.' + number))) return
           clearInterval(timer)
           require('node:http').createServer().listen(0)
         }, 5)",
    );
    home.rpm(["reload", "app", "--parallel", "3"]).ok();
    assert!(pids(&home).iter().all(|pid| !before.contains(pid)));
    home.rpm(["reload", "app", "--parallel", "0"]).fails(&["parallel"]);
}

#[test]
fn the_apps_own_number_at_a_time() {
    let home = Home::new();
    start(&home, 2, &json!({"reload_parallel": 2}));
    home.write(
        "app.js",
        "const fs = require('node:fs')
         fs.writeFileSync('begun.' + process.env.NODE_APP_INSTANCE, '')
         const timer = setInterval(() => {
           if (![0, 1].every((number) => fs.existsSync('begun.' + number))) return
           clearInterval(timer)
           require('node:http').createServer().listen(0)
         }, 5)",
    );
    home.rpm(["reload", "app"]).ok();
}

/// Waits until both new ones serve, and gives their pids and those of before.
fn in_the_window(home: &Home, before: &[i32]) -> Vec<i32> {
    eventually("all are replaced", || {
        let now = pids(home);
        (now.len() == before.len() && now.iter().all(|pid| !before.contains(pid))).then_some(now)
    })
}

#[test]
fn what_stays_well_for_the_window_has_replaced_the_version_before() {
    let home = Home::new();
    let port = start(&home, 2, &json!({"health_window": "1500ms"}));
    let before = pids(&home);
    version(&home, "new", "");
    let load = Load::of_new_connections(port, 2);
    let reload = home.command(["reload", "app"]).begin();
    in_the_window(&home, &before);
    eventually("only the new ones are given connections", || {
        (answers(port) == BTreeSet::from(["new".into()])).then_some(())
    });
    assert!(before.iter().all(|pid| is_alive(*pid)), "they stand by");
    let told = reload.end().ok().text();
    assert!(told.contains("app: all 2 replaced; the version before stands by for 1.5 s"), "{told}");
    assert!(before.iter().all(|pid| !is_alive(*pid)));
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
    assert!(home.named("app").iter().all(|process| process.restarts == 1 && process.status == Status::Online));
}

#[test]
fn what_does_not_stay_well_gives_way_to_the_version_before() {
    let home = Home::new();
    let port = start(&home, 2, &json!({"health_window": "60s", "env": {"MARK": "1"}}));
    let before = pids(&home);
    declare(&home, 2, &json!({"health_window": "60s", "env": {"MARK": "2"}}));
    let boom = "if (process.env.NODE_APP_INSTANCE === '1')
        setInterval(() => { if (fs.existsSync('boom')) { console.error('it blew up'); process.exit(7) } }, 10)";
    version(&home, "new", boom);
    let reload = home.command(["reload", "eco.json"]).begin();
    let new = in_the_window(&home, &before);
    home.write("boom", "");
    let done = reload.end();
    done.fails(&["did not stay well", "exit code 7", "the version before runs in all 2"]);
    assert_eq!(pids(&home), before);
    assert_eq!(answers(port), BTreeSet::from(["old 1".into()]));
    eventually("nothing of the new version is left", || new.iter().all(|pid| !is_alive(*pid)).then_some(()));
    assert_eq!(home.describe("0")[0]["spec"]["env"]["app"]["MARK"], "1", "and so do its settings");
    // It is as any other app again.
    fs::remove_file(home.work().join("boom")).unwrap();
    version(&home, "mended", "");
    home.rpm(["stop", "app"]).ok();
    home.rpm(["start", "app"]).ok();
}

#[test]
fn a_failed_start_in_a_reload_with_a_window_undoes_all_of_it() {
    let home = Home::new();
    let port = start(&home, 2, &json!({"health_window": "60s"}));
    let before = pids(&home);
    version(&home, "new", "");
    let text = fs::read_to_string(home.work().join("app.js")).unwrap();
    home.write("app.js", format!("if (process.env.NODE_APP_INSTANCE === '1') process.exit(4)\n{text}"));
    home.rpm(["reload", "app"]).fails(&["exit code 4", "the version before runs in all"]);
    assert_eq!(pids(&home), before);
    assert_eq!(answers(port), BTreeSet::from(["old".into()]));
}

#[test]
fn whoever_stops_it_in_its_window_stops_both_versions() {
    for verb in ["stop", "delete"] {
        let home = Home::new();
        start(&home, 1, &json!({"health_window": "60s"}));
        let before = pids(&home);
        version(&home, "new", "");
        let reload = home.command(["reload", "app"]).begin();
        let new = in_the_window(&home, &before);
        home.rpm([verb, "app"]).ok();
        assert!(before.iter().chain(&new).all(|pid| !is_alive(*pid)), "{verb}");
        assert_eq!(reload.end().code(), Some(1), "{verb}");
    }
}

#[test]
fn one_that_ends_while_it_stands_by_is_not_started_again() {
    let home = Home::new();
    start(&home, 1, &json!({"health_window": "2s"}));
    let before = pids(&home);
    version(&home, "new", "");
    let reload = home.command(["reload", "app"]).begin();
    let new = in_the_window(&home, &before);
    eventually("it stands by", || {
        fs::read_to_string(home.root().join("rpm.log")).unwrap().contains("rollout watching").then_some(())
    });
    signal(before[0], Signal::SIGKILL);
    reload.end().ok();
    assert_eq!(pids(&home), new);
    let runs = home.lines("app-error-0.log").iter().filter(|line| line.contains("words of the new version")).count();
    assert_eq!(runs, 1);
}

#[test]
fn a_window_goes_on_with_the_next_daemon() {
    let home = Home::new();
    let port = start(&home, 2, &json!({"health_window": "6s"}));
    let before = pids(&home);
    version(&home, "new", "");
    let reload = home.command(["reload", "app"]).begin();
    let new = in_the_window(&home, &before);
    home.kill_daemon();
    eventually("only the new ones are given connections", || {
        (answers(port) == BTreeSet::from(["new".into()])).then_some(())
    });
    assert_eq!(pids(&home), new);
    assert!(before.iter().all(|pid| is_alive(*pid)), "they stand by");
    reload.end().ok();
    assert!(before.iter().all(|pid| !is_alive(*pid)));
    assert_eq!(pids(&home), new);
}

#[test]
fn the_version_before_returns_with_the_next_daemon_too() {
    let home = Home::new();
    let port = start(&home, 2, &json!({"health_window": "60s"}));
    let before = pids(&home);
    version(&home, "new", "");
    let reload = home.command(["reload", "app"]).begin();
    let new = in_the_window(&home, &before);
    home.kill_daemon();
    assert_eq!(pids(&home), new);
    signal(new[0], Signal::SIGKILL);
    reload.end().fails(&["the version before"]);
    assert_eq!(pids(&home), before);
    assert_eq!(answers(port), BTreeSet::from(["old".into()]));
}
