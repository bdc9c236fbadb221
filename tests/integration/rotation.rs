//! Who isn't ready gets no connections while another worker is, under every schedule.

use crate::support::{Home, Signal, eventually, get, never_within, signal};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

const SCHEDULES: [&str; 3] = ["round-robin", "kernel", "ip-hash"];

/// Answers with its instance and the version that it was started as. It says that it is ready when there is a file
/// `ready-<version>`; `/ready` is 503 as long as there is a file `ill-<instance>`, `/live` hangs for `hung-<instance>`.
const APP: &str = "const fs = require('node:fs')
    const me = process.env.NODE_APP_INSTANCE, version = fs.readFileSync('version', 'utf8')
    const server = require('node:http').createServer((q, r) => {
      if (q.url === '/live' && fs.existsSync('hung-' + me)) return
      r.statusCode = q.url === '/ready' && fs.existsSync('ill-' + me) ? 503 : 200
      r.end(me + ' ' + version)
    })
    server.listen(Number(process.env.PORT || 0), () => {
      console.log('port ' + server.address().port)
      const look = setInterval(() => {
        if (!fs.existsSync('ready-' + version)) return
        clearInterval(look)
        process.send('ready')
      }, 5)
    })";

fn start(home: &Home, sched: &str, settings: &Value) -> u16 {
    home.write("app.js", APP);
    home.write("version", "one");
    home.write("ready-one", "");
    let mut app = json!({ "name": "app", "script": "app.js", "exec_mode": "cluster", "instances": 2, "sched": sched });
    app.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    home.write("apps.json", json!({ "apps": [app] }).to_string());
    home.rpm(["start", "apps.json"]).ok();
    home.wait_listening("app", 2)
}

/// Who answers, one connection after the other.
fn answers(port: u16) -> BTreeSet<String> {
    (0..40).map(|_| get(port, "/").unwrap().body).collect()
}

fn of(answers: &[&str]) -> BTreeSet<String> {
    answers.iter().map(|answer| (*answer).to_owned()).collect()
}

/// All that there is to be seen of it as the clients of one address.
fn is_served_by(sched: &str, port: u16, wanted: &[&str]) -> bool {
    let seen = answers(port);
    // One client is one worker's.
    if sched == "ip-hash" { seen.is_subset(&of(wanted)) } else { seen == of(wanted) }
}

/// Waits until workers have begun to listen so often, in all.
fn await_listening(home: &Home, times: usize) {
    eventually("the new worker listens", || {
        let heard = |log: &str| String::from_utf8_lossy(&home.log(log)).matches("port ").count();
        (heard("app-out-0.log") + heard("app-out-1.log") >= times).then_some(())
    });
}

#[test]
fn in_a_reload_the_new_worker_gets_nothing_until_it_is_ready() {
    for sched in SCHEDULES {
        let home = Home::new();
        let port = start(&home, sched, &json!({ "wait_ready": true, "listen_timeout": "60s" }));
        assert!(is_served_by(sched, port, &["0 one", "1 one"]), "{sched}");
        home.write("version", "two");
        let reloading = home.command(["reload", "app"]).begin();
        await_listening(&home, 3);
        never_within(Duration::from_millis(200), "an answer of who isn't ready", || {
            let seen = answers(port);
            (!seen.is_subset(&of(&["0 one", "1 one"]))).then_some(seen)
        });
        home.write("ready-two", "");
        reloading.end().ok();
        assert!(is_served_by(sched, port, &["0 two", "1 two"]), "{sched}");
    }
}

#[test]
fn after_a_crash_the_others_serve_until_it_is_ready_also_under_the_next_daemon() {
    for sched in SCHEDULES {
        let home = Home::new();
        let port = start(&home, sched, &json!({ "wait_ready": true, "listen_timeout": "60s" }));
        home.write("version", "two");
        signal(home.named("app")[0].pid.unwrap(), Signal::SIGKILL);
        await_listening(&home, 3);
        for kill in [false, true] {
            if kill {
                home.kill_daemon();
            }
            never_within(Duration::from_millis(200), "an answer of who isn't ready", || {
                let seen = answers(port);
                (seen != of(&["1 one"])).then_some(seen)
            });
        }
        home.write("ready-two", "");
        eventually("both serve", || is_served_by(sched, port, &["0 two", "1 one"]).then_some(()));
    }
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn http(port: u16, path: &str) -> Value {
    json!({ "http": { "port": port, "path": path }, "period": 20, "failure_threshold": 2, "timeout": 300 })
}

#[test]
fn a_probe_asks_its_own_worker_and_takes_it_out_of_the_rotation() {
    for sched in SCHEDULES {
        let (home, port) = (Home::new(), free_port());
        start(&home, sched, &json!({ "ready_probe": http(port, "/ready"), "env": { "PORT": port.to_string() } }));
        eventually("both serve", || is_served_by(sched, port, &["0 one", "1 one"]).then_some(()));
        home.write("ill-0", "");
        eventually("the other serves", || (answers(port) == of(&["1 one"])).then_some(()));
        let ready: Vec<_> = home.named("app").iter().map(|process| process.ready).collect();
        assert_eq!(ready, [Some(false), Some(true)], "{sched}");
        home.write("ill-1", "");
        eventually("nobody is ready", || {
            home.named("app").iter().all(|process| process.ready == Some(false)).then_some(())
        });
        eventually("all serve", || is_served_by(sched, port, &["0 one", "1 one"]).then_some(()));
        fs::remove_file(home.work().join("ill-0")).unwrap();
        eventually("who is ready serves", || (answers(port) == of(&["0 one"])).then_some(()));
    }
}

#[test]
fn a_worker_that_hangs_is_found_though_others_answer() {
    for sched in SCHEDULES {
        let (home, port) = (Home::new(), free_port());
        let mut patient = http(port, "/");
        patient["failure_threshold"] = json!(10_000);
        let env = json!({ "PORT": port.to_string() });
        start(&home, sched, &json!({ "startup_probe": patient, "live_probe": http(port, "/live"), "env": env }));
        let before: Vec<_> = home.named("app").iter().map(|process| process.pid).collect();
        home.write("hung-1", "");
        eventually("it is started again", || {
            let now = home.named("app");
            (now[1].restarts > 0 && now[1].status == Status::Online).then_some(())
        });
        assert_eq!(home.named("app")[0].pid, before[0], "{sched}: the other was well");
    }
}

#[test]
fn who_is_online_after_its_time_gets_connections_though_it_has_not_said_ready() {
    let home = Home::new();
    let port = start(&home, "round-robin", &json!({ "wait_ready": true, "listen_timeout": 2000 }));
    home.write("version", "two");
    signal(home.named("app")[0].pid.unwrap(), Signal::SIGKILL);
    eventually("both serve", || (answers(port) == of(&["0 two", "1 one"])).then_some(()));
    assert_eq!(home.named("app")[0].ready, Some(false));
}
