//! A cluster through a dead daemon: workers see nothing, clients next to nothing.

use crate::support::{Client, Home, Load, Signal, eventually, get, get_unix, is_alive, signal};
use rpm_native::domain::Status;
use std::collections::BTreeSet;
use std::io::{Read, Write};

fn pids(home: &Home, name: &str) -> BTreeSet<i32> {
    home.named(name).iter().filter_map(|process| process.pid).collect()
}

/// Who answers, of enough requests that all of two workers are among them.
fn answers(port: u16) -> BTreeSet<String> {
    (0..12).map(|_| get(port, "/").unwrap().body).collect()
}

/// A home in which there is no daemon as long as this lives: its guardian stands still.
struct Gap<'a> {
    home: &'a Home,
    guardian: i32,
    daemon: rpm_native::api::DaemonInfo,
}

impl<'a> Gap<'a> {
    fn begin(home: &'a Home) -> Self {
        let daemon = home.daemon();
        let guardian = daemon.guardian.as_ref().unwrap().pid;
        signal(guardian, Signal::SIGSTOP);
        signal(daemon.pid, Signal::SIGKILL);
        let gap = Self { home, guardian, daemon };
        eventually("the daemon has gone", || (!is_alive(gap.daemon.pid)).then_some(()));
        gap
    }

    fn end(self) {
        signal(self.guardian, Signal::SIGCONT);
        self.home.successor(&self.daemon);
    }
}

impl Drop for Gap<'_> {
    fn drop(&mut self) {
        // Also where the test has failed: nothing of the home would end.
        signal(self.guardian, Signal::SIGCONT);
    }
}

#[test]
fn under_load_nothing_is_refused_and_nobody_is_restarted() {
    let home = Home::new();
    let port = home.serve();
    let before = home.list();
    let loads = [Load::of_new_connections(port, 2), Load::of_kept_connections(port, 2)];
    for number in [Signal::SIGKILL, Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGKILL, Signal::SIGKILL] {
        if number == Signal::SIGSEGV {
            // Rust's handler takes the first one.
            signal(home.daemon().pid, number);
        }
        home.end_daemon(number);
        let answered: Vec<u64> = loads.iter().map(Load::answered).collect();
        eventually("requests go on", || {
            loads.iter().zip(&answered).all(|(load, before)| load.answered() > before + 50).then_some(())
        });
    }
    let [new, kept] = loads.map(Load::end);
    assert_eq!((new.refused(), kept.refused(), kept.reused), (0, 0, 0), "{:?}", kept.failures);
    let failed = new.failures.len() + kept.failures.len();
    assert!(failed as u64 <= home.daemon().lost_connections, "{:?} {:?}", new.failures, kept.failures);
    for (old, now) in before.iter().zip(home.list()) {
        assert_eq!((old.pid, old.started_at, now.restarts), (now.pid, now.started_at, 0));
    }
    assert_eq!(answers(port).len(), 2);
}

#[test]
fn without_a_daemon_new_connections_wait_and_kept_ones_are_served() {
    let home = Home::new();
    let port = home.serve();
    let mut kept = Client::connect(port).unwrap();
    let worker = kept.get("/").unwrap().body;
    let gap = Gap::begin(&home);
    for _ in 0..20 {
        assert_eq!(kept.get("/").unwrap().body, worker);
    }
    // Connected: the listener is open. Answered: later.
    let waiting: Vec<Client<_>> = (0..20).map(|_| Client::connect(port).unwrap()).collect();
    gap.end();
    for mut client in waiting {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    assert_eq!(kept.get("/").unwrap().body, worker);
}

#[test]
fn a_worker_may_begin_to_listen_while_there_is_no_daemon() {
    let home = Home::new();
    home.write(
        "app.js",
        "const fs = require('node:fs')
         const server = require('node:http').createServer((_, r) => r.end(`${process.pid}`))
         const timer = setInterval(() => {
           if (!fs.existsSync('go')) return
           clearInterval(timer)
           server.listen(0, () => console.log('port ' + server.address().port))
           console.log('asked')
         }, 10)
         console.log('up')",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    home.told("app-out-0.log", "up");
    home.told("app-out-1.log", "up");
    let before = pids(&home, "app");
    let gap = Gap::begin(&home);
    home.write("go", "");
    gap.end();
    let port = home.wait_listening("app", 2);
    assert_eq!(pids(&home, "app"), before);
    assert_eq!(answers(port), before.iter().map(ToString::to_string).collect());
    // And it is all kept: the next daemon has it too.
    home.kill_daemon();
    assert_eq!(answers(port), before.iter().map(ToString::to_string).collect());
}

#[test]
fn ready_may_be_said_while_there_is_no_daemon() {
    let home = Home::new();
    home.write(
        "app.js",
        "const fs = require('node:fs')
         const timer = setInterval(() => {
           if (!fs.existsSync('go')) return
           clearInterval(timer)
           process.send('ready'); setInterval(() => {}, 1000)
         }, 10)
         console.log('up')",
    );
    let command = home.command(["start", "app.js", "--wait-ready", "--listen-timeout", "60000"]).begin();
    home.told("app-out.log", "up");
    assert_eq!(home.process("app").status, Status::Launching);
    let pid = home.pid("app");
    let gap = Gap::begin(&home);
    home.write("go", "");
    gap.end();
    let process = home.wait_status("app", Status::Online);
    assert_eq!((process.pid, process.restarts), (Some(pid), 0));
    command.end().ok();
    assert_eq!(home.list().len(), 1);
}

#[test]
fn a_port_of_the_systems_choice_stays_the_same() {
    let home = Home::new();
    let port = home.serve();
    for _ in 0..3 {
        home.kill_daemon();
    }
    let victim = home.named("web")[0].clone();
    signal(victim.pid.unwrap(), Signal::SIGKILL);
    eventually("the new worker answers on it", || {
        let new = home.named("web")[0].pid.filter(|pid| Some(*pid) != victim.pid)?;
        answers(port).contains(&new.to_string()).then_some(())
    });
    let log = format!("web-out-{}.log", victim.id);
    assert_eq!(home.port(&log), port);
    home.rpm(["restart", "web"]).ok();
    home.kill_daemon();
    eventually("both answer", || (answers(port).len() == 2).then_some(()));
}

#[test]
fn a_worker_that_dies_without_a_daemon_is_replaced_and_its_waiting_connections_are_served() {
    let home = Home::new();
    let port = home.serve();
    let victim = home.named("web")[0].clone();
    let gap = Gap::begin(&home);
    signal(victim.pid.unwrap(), Signal::SIGKILL);
    let waiting: Vec<Client<_>> = (0..12).map(|_| Client::connect(port).unwrap()).collect();
    gap.end();
    for mut client in waiting {
        assert_ne!(client.get("/").unwrap().body, victim.pid.unwrap().to_string());
    }
    let now = eventually("it is back", || {
        let now = home.named("web")[0].clone();
        (now.status == Status::Online && now.pid != victim.pid).then_some(now)
    });
    assert_eq!((now.restarts, now.exit), (1, Some(rpm_native::domain::Outcome::Signal(9))));
}

#[test]
fn a_path_is_listened_on_all_the_time() {
    let home = Home::new();
    let path = home.work().join("app.sock");
    home.write(
        "app.js",
        "require('node:http').createServer((_, r) => r.end(`${process.pid}`)).listen('app.sock', () => console.log('up'))",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    home.told("app-out-0.log", "up");
    home.told("app-out-1.log", "up");
    let before = pids(&home, "app");
    let serving = |path| (0..12).map(|_| get_unix(path, "/").unwrap().body.parse().unwrap()).collect::<BTreeSet<i32>>();
    for _ in 0..2 {
        home.kill_daemon();
        assert_eq!(serving(&path), before);
    }
    let gap = Gap::begin(&home);
    let mut waiting = Client::connect_unix(&path).unwrap();
    gap.end();
    assert_eq!(waiting.get("/").unwrap().status, 200);
    home.rpm(["stop", "app"]).ok();
    assert!(!path.exists());
    home.rpm(["start", "app"]).ok();
    eventually("it serves again", || get_unix(&path, "/").ok());
}

#[test]
fn what_is_deleted_after_a_death_frees_its_port() {
    let home = Home::new();
    let port = home.serve();
    home.kill_daemon();
    home.rpm(["delete", "web"]).ok();
    assert!(get(port, "/").unwrap_err().to_string().contains("refused"));
    home.kill_daemon();
    assert!(get(port, "/").unwrap_err().to_string().contains("refused"));
    std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
}

/// Two workers that answer with the version; a new one listens only when there is a file `go`.
fn versioned(home: &Home, version: &str) {
    home.write(
        "app.js",
        format!(
            "const fs = require('node:fs')
             const server = require('node:http').createServer((_, r) => r.end('{version}'))
             fs.appendFileSync('begun', '{version}\\n')
             const timer = setInterval(() => {{
               if ('{version}' === 'new' && !fs.existsSync('go')) return
               clearInterval(timer)
               server.listen(0, () => console.log('port ' + server.address().port))
             }}, 10)"
        ),
    );
}

#[test]
fn a_reload_that_is_cut_off_leaves_what_serves() {
    let home = Home::new();
    versioned(&home, "old");
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let port = home.wait_listening("app", 2);
    let load = Load::of_new_connections(port, 2);
    versioned(&home, "new");
    let command = home.command(["reload", "app"]).begin();
    let begun = || std::fs::read_to_string(home.work().join("begun")).unwrap_or_default();
    eventually("a new worker has begun", || begun().contains("new").then_some(()));
    home.kill_daemon();
    // The old ones serve, the new one has not said that it listens.
    assert_eq!(answers(port), BTreeSet::from(["old".to_owned()]));
    home.write("go", "");
    // Whether the command can go on with it or says that it was cut off: it does not hang, and nothing is half.
    let done = command.end();
    assert!(matches!(done.code(), Some(0 | 1)), "{}", done.told());
    eventually("two workers", || {
        let list = home.named("app");
        (list.len() == 2 && list.iter().all(|process| process.status == Status::Online)).then_some(())
    });
    home.check_children();
    if done.code() == Some(0) {
        assert_eq!(answers(port), BTreeSet::from(["new".to_owned()]), "{}", done.told());
    }
    home.rpm(["reload", "app"]).ok();
    assert_eq!(answers(port), BTreeSet::from(["new".to_owned()]));
    home.check_children();
    let outcome = load.end();
    assert_eq!(outcome.refused(), 0);
    assert!(outcome.failures.len() as u64 <= home.daemon().lost_connections, "{:?}", outcome.failures);
    assert_eq!(home.named("app").len(), 2);
}

#[test]
fn a_worker_that_drains_goes_on_draining() {
    let home = Home::new();
    home.write(
        "app.js",
        "const server = require('node:http').createServer((q, r) => {
           if (q.url === '/slow') { console.log('slow'); setTimeout(() => r.end('late'), 1500) } else r.end('quick')
         })
         server.listen(0, () => console.log('port ' + server.address().port))",
    );
    home.rpm(["start", "app.js", "-i", "1"]).ok();
    let port = home.wait_listening("app", 1);
    let slow = std::thread::spawn(move || get(port, "/slow").unwrap().body);
    home.told("app-out-0.log", "slow");
    let old = home.pid("app");
    let command = home.command(["reload", "app"]).begin();
    eventually("another one is there", || (home.pid("app") != old).then_some(()));
    home.kill_daemon();
    assert_eq!(slow.join().unwrap(), "late");
    let done = command.end();
    assert!(matches!(done.code(), Some(0 | 1)), "{}", done.told());
    eventually("the old one has gone", || (!is_alive(old)).then_some(()));
    assert_eq!(get(port, "/").unwrap().body, "quick");
    home.check_children();
}

#[test]
fn what_a_draining_worker_has_open_the_next_daemon_waits_for_too() {
    let home = Home::new();
    home.write(
        "app.js",
        "const server = require('node:net').createServer((socket) => socket.pipe(socket))
         server.listen(0, () => console.log('port ' + server.address().port))
         process.on('SIGINT', () => console.log('asked'))",
    );
    home.rpm(["start", "app.js", "-i", "1"]).ok();
    let port = home.wait_listening("app", 1);
    let mut open = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    open.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let old = home.pid("app");
    let command = home.command(["reload", "app"]).begin();
    let draining = || {
        let draining = home.describe("app")[0]["draining"].clone();
        (draining["pid"] == old && draining["open"] == 1).then(|| draining["left"].as_i64().unwrap())
    };
    let left = eventually("it drains", draining);
    home.kill_daemon();
    let after = eventually("it goes on draining, and tells again what is open", draining);
    assert!(after < left, "its time began anew");
    open.write_all(b"hello").unwrap();
    let mut back = [0; 5];
    open.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hello");
    drop(open);
    let done = command.end();
    assert!(matches!(done.code(), Some(0 | 1)), "{}", done.told());
    eventually("it has gone", || (!is_alive(old)).then_some(()));
    home.check_children();
}
