//! `reload`: a new version without a failed request, or the old one goes on.

use crate::support::{Home, Load, eventually, get, is_alive};
use rpm_native::domain::Status;
use std::collections::BTreeSet;

fn pids(home: &Home) -> BTreeSet<i32> {
    home.named("app").iter().filter_map(|process| process.pid).collect()
}

/// Two workers that answer with `version`.
fn versioned(home: &Home, version: &str) {
    home.write(
        "app.js",
        format!(
            "const server = require('node:http').createServer((_, r) => r.end('{version}'))
             server.listen(0, () => console.log('port ' + server.address().port))"
        ),
    );
}

fn serve(home: &Home) -> u16 {
    versioned(home, "old");
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    home.port("app-out-1.log");
    home.port("app-out-0.log")
}

#[test]
fn new_connections_never_fail() {
    let home = Home::new();
    let port = serve(&home);
    let load = Load::of_new_connections(port, 4);
    for round in 0..2 {
        let (before, answered) = (pids(&home), load.answered());
        if round == 1 {
            versioned(&home, "new");
        }
        let told = home.rpm(["reload", "app"]).ok().text();
        assert!(told.contains("reloaded app (0, 1)"), "{told}");
        assert!(pids(&home).is_disjoint(&before));
        eventually("requests go on", || (load.answered() > answered + 50).then_some(()));
    }
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
    assert!(outcome.answers.contains_key("old") && outcome.answers.contains_key("new"), "{:?}", outcome.answers);
    assert_eq!(get(port, "/").unwrap().body, "new");
    assert!(home.named("app").iter().all(|process| process.restarts == 2 && process.status == Status::Online));
}

#[test]
fn without_the_agent_kept_connections_are_at_most_cut_between_requests() {
    let home = Home::new();
    versioned(&home, "old");
    home.write("app.json", r#"{"apps": [{"name": "app", "script": "app.js", "instances": 2, "agent": false}]}"#);
    home.rpm(["start", "app.json"]).ok();
    let port = home.wait_listening("app", 2);
    let load = Load::of_kept_connections(port, 4);
    for _ in 0..2 {
        let answered = load.answered();
        home.rpm(["reload", "app"]).ok();
        eventually("requests go on", || (load.answered() > answered + 50).then_some(()));
    }
    let outcome = load.end();
    // Node 20 closes idle connections when a worker disconnects; a client that writes at that moment asks again.
    assert_eq!(outcome.failures, [""; 0], "of {}, {} on reused connections", outcome.total(), outcome.reused);
    assert!(outcome.reused <= 2 * 2 * 4, "{} cut", outcome.reused);
}

#[test]
fn a_request_that_is_being_answered_is_finished() {
    let home = Home::new();
    home.write(
        "app.js",
        "const server = require('node:http').createServer((q, r) => {
           if (q.url === '/slow') { console.log('asked'); setTimeout(() => r.end('whole'), 700) } else r.end('ok') })
         server.listen(0, () => console.log('port ' + server.address().port))",
    );
    home.rpm(["start", "app.js", "-i", "1"]).ok();
    let port = home.port("app-out-0.log");
    let slow = std::thread::spawn(move || get(port, "/slow"));
    home.told("app-out-0.log", "asked");
    home.rpm(["reload", "app"]).ok();
    assert_eq!(slow.join().unwrap().unwrap().body, "whole");
}

#[test]
fn a_broken_new_version_leaves_the_old_one_serving() {
    let home = Home::new();
    let port = serve(&home);
    let before = home.named("app");
    let load = Load::of_new_connections(port, 2);
    for broken in ["throw new Error('broken')", "process.exit(0)", "syntax error", "require('./missing')"] {
        home.write("app.js", broken);
        let done = home.rpm(["reload", "app"]).fails(&["app", "the old one goes on serving", "rpm logs"]);
        assert!(done_mentions_exit(&done), "{}", done.told());
    }
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0]);
    let after = home.named("app");
    let identity = |list: &[rpm_native::api::Process]| -> Vec<_> {
        list.iter().map(|process| (process.id, process.pid, process.restarts, process.status)).collect()
    };
    assert_eq!(identity(&after), identity(&before));
    versioned(&home, "mended");
    home.rpm(["reload", "app"]).ok();
    assert_eq!(get(port, "/").unwrap().body, "mended");
}

fn done_mentions_exit(done: &crate::support::Done) -> bool {
    done.err.contains("exit code")
}

#[test]
fn a_new_version_that_never_listens_is_not_taken() {
    let home = Home::new();
    versioned(&home, "old");
    home.rpm(["start", "app.js", "-i", "1", "--listen-timeout", "600"]).ok();
    let port = home.port("app-out-0.log");
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm(["reload", "app"]).fails(&["not ready within 600 ms", "listen"]);
    assert_eq!(get(port, "/").unwrap().body, "old");
}

#[test]
fn a_new_version_that_waits_to_be_ready() {
    let home = Home::new();
    let app = |version: &str, delay: u32| {
        home.write(
            "app.js",
            format!(
                "const server = require('node:http').createServer((_, r) => r.end('{version}'))
                 server.listen(0, () => {{ console.log('port ' + server.address().port); setTimeout(() => process.send('ready'), {delay}) }})"
            ),
        );
    };
    app("old", 0);
    home.rpm(["start", "app.js", "-i", "1", "--wait-ready", "--listen-timeout", "5000"]).ok();
    let port = home.port("app-out-0.log");
    let load = Load::of_new_connections(port, 2);
    app("new", 400);
    home.rpm(["reload", "app"]).ok();
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0]);
    assert_eq!(get(port, "/").unwrap().body, "new");
}

#[test]
fn a_fork_app_is_restarted() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let before = home.pid("a");
    let told = home.rpm(["reload", "a"]).ok().text();
    assert!(told.contains("restarted"), "{told}");
    let after = home.process("a");
    assert_eq!((after.status, after.restarts), (Status::Online, 1));
    assert_ne!(after.pid, Some(before));
}

#[test]
fn a_stopped_app_is_started() {
    let home = Home::new();
    serve(&home);
    home.rpm(["stop", "app"]).ok();
    home.rpm(["reload", "app"]).ok();
    assert!(home.named("app").iter().all(|process| process.status == Status::Online));
}

#[test]
fn a_second_reload_at_the_same_time_is_refused() {
    let home = Home::new();
    versioned(&home, "old");
    home.rpm(["start", "app.js", "-i", "1", "--listen-timeout", "1500"]).ok();
    home.port("app-out-0.log");
    let before = home.pid("app");
    home.write("app.js", "require('node:fs').writeFileSync('begun', ''); setInterval(() => {}, 1000)");
    let first = home.command(["reload", "app"]).begin();
    eventually("the first has begun", || home.work().join("begun").exists().then_some(()));
    home.rpm(["reload", "app"]).fails(&["a reload of app is under way"]);
    first.end().fails(&["not ready"]);
    assert_eq!(home.pid("app"), before);
}

#[test]
fn what_happens_to_the_app_during_its_reload() {
    for verb in ["stop", "delete", "restart"] {
        let home = Home::new();
        versioned(&home, "old");
        home.rpm(["start", "app.js", "-i", "1", "--listen-timeout", "1000"]).ok();
        home.port("app-out-0.log");
        home.write("app.js", "require('node:fs').writeFileSync('begun', ''); setInterval(() => {}, 1000)");
        let reload = home.command(["reload", "app"]).begin();
        eventually("it has begun", || home.work().join("begun").exists().then_some(()));
        home.rpm([verb, "app"]).ok();
        assert_eq!(reload.end().code(), Some(1), "{verb}");
        let list = home.named("app");
        match verb {
            "stop" => assert_eq!((list[0].status, list[0].pid), (Status::Stopped, None)),
            "delete" => assert!(list.is_empty()),
            _ => assert_eq!(list[0].status, Status::Online),
        }
    }
}

/// The new version tells its pid, and listens once it is allowed to.
const HESITANT: &str = r"
const fs = require('node:fs')
fs.writeFileSync('begun.new', String(process.pid))
fs.renameSync('begun.new', 'begun')
process.on('SIGINT', () => process.exit(0))
setInterval(() => {
  if (fs.existsSync('go')) require('node:http').createServer().listen(0)
}, 5)
";

#[test]
fn whatever_ends_the_app_ends_its_replacement() {
    for verb in [&["stop", "app"][..], &["delete", "app"], &["kill"]] {
        let home = Home::new();
        versioned(&home, "old");
        home.rpm(["start", "app.js", "-i", "1"]).ok();
        home.port("app-out-0.log");
        home.write("app.js", HESITANT);
        let reload = home.command(["reload", "app"]).begin();
        let told = eventually("it has begun", || std::fs::read_to_string(home.work().join("begun")).ok());
        let replacement = told.parse().unwrap();
        home.rpm(verb.iter().copied()).ok();
        assert!(!is_alive(replacement), "{verb:?} left the replacement alive");
        home.write("go", "");
        assert_eq!(reload.end().code(), Some(1), "{verb:?}");
        assert!(home.named("app").iter().all(|process| process.status == Status::Stopped), "{verb:?}");
    }
}
