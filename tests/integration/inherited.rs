//! `listen`: sockets that are bound for an app in fork mode, and inherited by each of its runs.

use crate::support::{Home, Load, Signal, eventually, get, is_alive, signal};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::TcpListener;

fn declare(home: &Home, more: &Value) {
    let mut app = json!({"name": "app", "min_uptime": "300ms"});
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    home.write("eco.json", json!({"apps": [app]}).to_string());
}

/// The port behind the first address that it listens on.
fn port(home: &Home) -> u16 {
    let described = home.describe("app");
    let address = described[0]["listens"][0].as_str().unwrap_or_else(|| panic!("{described}"));
    address.rsplit(':').next().unwrap().parse().unwrap()
}

fn pids(home: &Home) -> Vec<i32> {
    home.named("app").iter().filter_map(|process| process.pid).collect()
}

/// Node, which says who answers, and finishes what it has when it is asked to end.
const NODE: &str = "
if (process.env.LISTEN_PID !== String(process.pid)) throw new Error('not for me')
if (process.env.LISTEN_FDNAMES.split(':').length !== Number(process.env.LISTEN_FDS)) throw new Error('names')
const server = require('node:http').createServer((_, r) => { r.setHeader('connection', 'close'); r.end(String(process.pid)) })
server.listen({ fd: 3 }, () => process.send('ready'))
process.on('SIGINT', () => server.close(() => process.exit(0)))
";

fn serve_node(home: &Home, instances: u32) -> u16 {
    home.write("app.js", NODE);
    declare(home, &json!({"script": "app.js", "instances": instances, "listen": 0, "wait_ready": true}));
    home.rpm(["start", "eco.json"]).ok();
    port(home)
}

fn answering(port: u16) -> BTreeSet<String> {
    (0..30).map(|_| get(port, "/").unwrap().body).collect()
}

#[test]
fn a_python_server_is_replaced_without_a_failed_connection() {
    let home = Home::new();
    home.write("app.py", include_str!("../fixtures/inherits.py"));
    home.write("version", "old");
    declare(&home, &json!({"script": "app.py", "exec_interpreter": "python3", "listen": [0]}));
    home.rpm(["start", "eco.json"]).ok();
    let port = port(&home);
    let load = Load::of_new_connections(port, 3);
    for round in 0..3 {
        let (before, answered) = (pids(&home), load.answered());
        home.write("version", if round == 0 { "old" } else { "new" });
        let told = home.rpm(["reload", "app"]).ok().text();
        assert!(told.contains("reloaded app (0)"), "{told}");
        assert!(!is_alive(before[0]));
        eventually("requests go on", || (load.answered() > answered + 20).then_some(()));
    }
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
    assert!(outcome.answers.contains_key("old") && outcome.answers.contains_key("new"), "{:?}", outcome.answers);
}

#[test]
fn node_in_fork_mode_shares_it_and_keeps_its_channel() {
    let home = Home::new();
    let port = serve_node(&home, 2);
    assert!(home.named("app").iter().all(|process| process.mode == "fork"));
    let expected: BTreeSet<String> = pids(&home).iter().map(ToString::to_string).collect();
    eventually("both answer", || (answering(port) == expected).then_some(()));
    let load = Load::of_new_connections(port, 3);
    let before = pids(&home);
    home.rpm(["reload", "app"]).ok();
    assert!(pids(&home).iter().all(|pid| !before.contains(pid)));
    // More of them, and fewer.
    home.rpm(["scale", "app", "4"]).ok();
    home.rpm(["scale", "app", "1"]).ok();
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
}

#[test]
fn a_new_version_that_fails_leaves_the_old_one() {
    let home = Home::new();
    let port = serve_node(&home, 1);
    let before = pids(&home);
    home.write("app.js", "throw new Error('broken')");
    home.rpm(["reload", "app"]).fails(&["the old one goes on serving", "Error: broken"]);
    assert_eq!(pids(&home), before);
    assert_eq!(answering(port), BTreeSet::from([before[0].to_string()]));
}

#[test]
fn connections_wait_while_nothing_of_it_runs() {
    let home = Home::new();
    let port = serve_node(&home, 1);
    let load = Load::of_new_connections(port, 1);
    let before = pids(&home)[0];
    signal(before, Signal::SIGKILL);
    home.wait_until("app", |process| process.status == Status::Online && process.pid != Some(before));
    let answered = load.answered();
    eventually("requests go on", || (load.answered() > answered + 10).then_some(()));
    let outcome = load.end();
    // Only what the killed one had accepted is lost.
    assert!(outcome.refused() == 0 && outcome.failures.len() <= 1, "{:?}", outcome.failures);
}

#[test]
fn it_outlives_the_daemon() {
    let home = Home::new();
    let port = serve_node(&home, 1);
    let load = Load::of_new_connections(port, 2);
    let before = pids(&home);
    home.kill_daemon();
    assert_eq!(pids(&home), before);
    home.rpm(["reload", "app"]).ok();
    assert_ne!(pids(&home), before);
    assert_eq!(self::port(&home), port);
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
    home.kill_daemon();
    home.rpm(["stop", "app"]).ok();
    drop(TcpListener::bind(("0.0.0.0", port)).expect("whoever stops it gives its port back"));
}

#[test]
fn a_port_of_somebody_else_is_told_with_its_holder() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    home.write("app.js", NODE);
    declare(&home, &json!({"script": "app.js", "listen": address.to_string()}));
    let us = std::process::id().to_string();
    home.rpm(["start", "eco.json"]).fails(&["app", &format!("port {} is held by", address.port()), &us]);
    let other = serve_node(&home, 1);
    home.write("twin.json", json!({"apps": [{"name": "twin", "script": "app.js", "listen": other}]}).to_string());
    home.rpm(["start", "twin.json"]).fails(&["twin", &format!("port {other} is held by"), "which is app (0)"]);
}

#[test]
fn cluster_workers_inherit_none() {
    let home = Home::new();
    home.write("app.js", NODE);
    declare(&home, &json!({"script": "app.js", "exec_mode": "cluster", "listen": 0}));
    home.rpm(["start", "eco.json"]).fails(&["app", "listen", "fork mode"]);
    assert!(home.list().is_empty());
}

#[test]
fn what_is_not_inherited_any_more_is_closed_after_a_reload() {
    let home = Home::new();
    let first = serve_node(&home, 1);
    let other = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    declare(&home, &json!({"script": "app.js", "listen": [other], "wait_ready": true}));
    home.rpm(["reload", "eco.json"]).ok();
    assert_eq!(answering(other).len(), 1);
    drop(TcpListener::bind(("0.0.0.0", first)).expect("the first one is closed"));
}
