//! Schedules of a cluster beside round-robin: `kernel` and `ip-hash`.

use crate::support::{Client, Home, Load, Signal, eventually, get, get_unix, is_alive, signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use rpm_native::domain::Status;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Answers with its instance number. `/hang` keeps the worker busy until there is a file `on`, which it tells.
const APP: &str = "const fs = require('node:fs')
    const server = require('node:http').createServer((q, r) => {
      r.end(process.env.NODE_APP_INSTANCE, () => {
        if (q.url !== '/hang') return
        fs.writeFileSync('busy-' + process.env.NODE_APP_INSTANCE, '')
        while (!fs.existsSync('on'));
      })
    })
    server.listen(Number(process.env.PORT || 0), () => console.log('port ' + server.address().port))";

fn serve(home: &Home, sched: &str, instances: usize) -> u16 {
    home.write("app.js", APP);
    home.rpm(["start", "app.js", "-i", &instances.to_string(), "--sched", sched]).ok();
    home.wait_listening("app", instances)
}

/// The instance that is busy from now on.
fn hang(home: &Home, port: u16) -> String {
    let busy = get(port, "/hang").unwrap().body;
    let mark = home.work().join(format!("busy-{busy}"));
    eventually("it is busy", || mark.exists().then_some(()));
    busy
}

fn answers(port: u16, count: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        *answers.entry(get(port, "/").unwrap().body).or_default() += 1;
    }
    answers
}

fn pids(home: &Home) -> Vec<i32> {
    home.named("app").iter().map(|process| process.pid.unwrap()).collect()
}

/// How what it listens on is shared, as `describe` tells.
fn schedules(home: &Home) -> Vec<String> {
    let told = &home.describe("app")[0]["schedules"];
    told.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_kernel_spreads_evenly_and_the_daemon_has_no_part_in_it() {
    let home = Home::new();
    let port = serve(&home, "kernel", 2);
    assert_eq!(schedules(&home), ["kernel (2 listeners)"]);
    let daemon = home.daemon().pid;
    // A daemon that stands still is no worse than one that is dead: workers accept themselves.
    signal(daemon, Signal::SIGSTOP);
    let answers = answers(port, 400);
    signal(daemon, Signal::SIGCONT);
    // Chosen at random: five times the deviation that is to be expected.
    assert!(answers.len() == 2 && answers.values().all(|count| (150..=250).contains(count)), "{answers:?}");
    assert!(home.rpm(["describe", "app"]).ok().text().contains("kernel (2 listeners)"));
}

#[test]
fn a_busy_workers_queue_is_served_by_the_other() {
    let home = Home::new();
    let port = serve(&home, "kernel", 2);
    let busy = hang(&home, port);
    for _ in 0..40 {
        let reply = get(port, "/").unwrap();
        assert_ne!(reply.body, busy);
    }
    home.write("on", "");
    eventually("it serves again", || answers(port, 10).contains_key(&busy).then_some(()));
}

#[test]
fn a_dead_workers_queue_is_served_by_the_other() {
    let home = Home::new();
    let port = serve(&home, "kernel", 2);
    let busy = hang(&home, port);
    // The other one is busy too: now connections wait with both.
    let other = hang(&home, port);
    assert_ne!(busy, other);
    let asking: Vec<_> = (0..12).map(|_| std::thread::spawn(move || get(port, "/").unwrap().body)).collect();
    let before = home.named("app");
    signal(before[busy.parse::<usize>().unwrap()].pid.unwrap(), Signal::SIGKILL);
    // Its replacement is the only one that can serve: what waited for either is answered by it.
    for one in asking {
        assert_eq!(one.join().unwrap(), busy);
    }
    home.write("on", "");
    eventually("both answer", || (answers(port, 12).len() == 2).then_some(()));
}

#[test]
fn killed_workers_lose_nothing_but_what_they_have_accepted() {
    let home = Home::new();
    let port = serve(&home, "kernel", 2);
    let load = Load::of_new_connections(port, 4);
    for round in 1..=4 {
        let victim = home.named("app")[round % 2].clone();
        signal(victim.pid.unwrap(), Signal::SIGKILL);
        eventually("the worker is back", || {
            let now = home.named("app")[round % 2].clone();
            (now.status == Status::Online && now.pid != victim.pid).then_some(())
        });
    }
    let outcome = load.end();
    assert_eq!(outcome.refused(), 0);
    // Of each of the four clients one may have been with the one that was killed.
    assert!(outcome.failures.len() <= 4 * 4, "{:?}", outcome.failures);
    assert!(outcome.total() > 50);
}

#[test]
fn a_reload_fails_no_new_connection() {
    for sched in ["kernel", "ip-hash"] {
        let home = Home::new();
        let port = serve(&home, sched, 2);
        let load = Load::of_new_connections(port, 4);
        for _ in 0..3 {
            let (before, answered) = (pids(&home), load.answered());
            home.rpm(["reload", "app"]).ok();
            assert!(pids(&home).iter().all(|pid| !before.contains(pid)));
            eventually("requests go on", || (load.answered() > answered + 50).then_some(()));
        }
        load.end().all_answered();
    }
}

#[test]
fn scaling_fails_no_new_connection() {
    for sched in ["kernel", "ip-hash"] {
        let home = Home::new();
        let port = serve(&home, sched, 2);
        let load = Load::of_new_connections(port, 4);
        for count in ["4", "1", "3", "2"] {
            let answered = load.answered();
            home.rpm(["scale", "app", count]).ok();
            eventually("requests go on", || (load.answered() > answered + 50).then_some(()));
        }
        load.end().all_answered();
        if sched == "kernel" {
            assert_eq!(answers(port, 40).len(), 2);
        }
    }
}

#[test]
fn a_dead_daemon_costs_nothing() {
    let home = Home::new();
    let port = serve(&home, "kernel", 2);
    let before = pids(&home);
    let load = Load::of_new_connections(port, 4);
    for _ in 0..4 {
        home.kill_daemon();
        let answered = load.answered();
        eventually("requests go on", || (load.answered() > answered + 50).then_some(()));
    }
    let (outcome, lost) = (load.end(), home.daemon().lost_connections);
    // What is on its way from a busy worker to another one when its daemon dies is lost, and counted; nothing else is.
    assert!(outcome.failures.len() as u64 <= lost && lost <= 4, "{:?}, {lost} counted", outcome.failures);
    assert_eq!(pids(&home), before);
    assert_eq!(schedules(&home), ["kernel (2 listeners)"]);
    // What is replaced under the new daemon has the listener of the one before.
    let victim = home.named("app")[0].clone();
    signal(victim.pid.unwrap(), Signal::SIGKILL);
    eventually("it is back", || (home.named("app")[0].pid? != victim.pid?).then_some(()));
    eventually("both answer", || (answers(port, 20).len() == 2).then_some(()));
    assert_eq!(schedules(&home), ["kernel (2 listeners)"]);
    home.rpm(["delete", "app"]).ok();
    assert!(get(port, "/").unwrap_err().to_string().contains("refused"));
}

#[test]
fn workers_and_the_daemon_may_die_at_once() {
    let home = Home::new();
    let port = serve(&home, "kernel", 2);
    for round in 0..3 {
        let daemon = home.daemon();
        let victim = home.named("app")[round % 2].clone();
        signal(daemon.pid, Signal::SIGKILL);
        signal(victim.pid.unwrap(), Signal::SIGKILL);
        // They wait where the dead one would have accepted them, until the next daemon finds them.
        let asking: Vec<_> =
            (0..12).map(|_| std::thread::spawn(move || get(port, "/").map(|reply| reply.status))).collect();
        for one in asking {
            assert_eq!(one.join().unwrap().unwrap(), 200);
        }
        eventually("the worker is back", || {
            let now = home.named("app")[round % 2].clone();
            (now.status == Status::Online && now.pid != victim.pid).then_some(())
        });
    }
    eventually("both answer", || (answers(port, 20).len() == 2).then_some(()));
}

#[test]
fn a_fixed_port_that_somebody_has_is_refused_and_named() {
    let home = Home::new();
    home.write("app.js", APP);
    let stranger = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let start = |name| {
        let args = ["start", "app.js", "-n", name, "-i", "2", "--sched", "kernel", "--max-restarts", "1"];
        home.command(args).env("PORT", port.to_string()).run()
    };
    let _ = start("one");
    let told = eventually("it says who has it", || {
        let text = home.rpm(["describe", "one"]).text();
        text.contains(&format!("port {port} is held by")).then_some(text)
    });
    assert!(told.contains(&format!("pid {}", std::process::id())), "{told}");
    home.rpm(["delete", "one"]).ok();
    // Two apps of ours share none either.
    drop(stranger);
    start("two").ok();
    home.wait_listening("two", 2);
    let _ = start("three");
    eventually("it says who has it", || {
        let text = home.rpm(["describe", "three"]).text();
        (text.contains(&format!("port {port} is held by")) && text.contains("two")).then_some(())
    });
}

#[test]
fn paths_are_shared_round_robin() {
    let home = Home::new();
    home.write(
        "app.js",
        "require('node:http').createServer((_, r) => r.end(`${process.pid}`)).listen('app.sock', () => console.log('up'))",
    );
    home.rpm(["start", "app.js", "-i", "2", "--sched", "kernel"]).ok();
    home.told("app-out-0.log", "up");
    home.told("app-out-1.log", "up");
    let path = home.work().join("app.sock");
    let seen: BTreeSet<String> = (0..20).map(|_| get_unix(&path, "/").unwrap().body).collect();
    assert_eq!(seen.len(), 2);
    assert_eq!(schedules(&home), ["round-robin"]);
}

#[test]
fn another_schedule_comes_with_a_restart() {
    let home = Home::new();
    let port = serve(&home, "round-robin", 2);
    assert_eq!(schedules(&home), ["round-robin"]);
    home.rpm(["restart", "app", "--sched", "kernel"]).ok();
    let listening = |sched: &str| eventually("it listens so", || (schedules(&home) == [sched]).then_some(()));
    listening("kernel (2 listeners)");
    assert_eq!(home.wait_listening("app", 2), port);
    home.rpm(["restart", "app", "--sched", "ip-hash"]).ok();
    listening("ip-hash");
    // What we accept ourselves needs no restart.
    home.rpm(["restart", "app", "--sched", "round-robin"]).ok();
    listening("round-robin");
    assert_eq!(answers(port, 20).len(), 2);
}

#[test]
fn apply_restarts_for_another_kind_of_listener_only() {
    let home = Home::new();
    home.write("app.js", APP);
    let file = |sched: &str| {
        let apps = serde_json::json!({ "apps": [{
            "name": "app", "script": "app.js", "exec_mode": "cluster", "instances": 2, "sched": sched,
        }]});
        home.write("eco.json", apps.to_string());
    };
    file("round-robin");
    home.rpm(["apply", "eco.json"]).ok();
    let port = home.wait_listening("app", 2);
    for (sched, verb, told) in [
        ("ip-hash", "reload", "ip-hash"),
        ("kernel", "restart", "kernel (2 listeners)"),
        ("round-robin", "restart", "round-robin"),
    ] {
        file(sched);
        let plan = home.rpm(["apply", "eco.json", "--dry-run"]).text();
        assert!(plan.contains(verb), "{plan}");
        home.rpm(["apply", "eco.json"]).ok();
        eventually("it listens so", || (schedules(&home) == [told]).then_some(()));
        eventually("both listen", || home.named("app").iter().all(|one| one.status == Status::Online).then_some(()));
        assert_eq!(get(port, "/").unwrap().status, 200);
    }
}

#[test]
fn an_unknown_schedule_is_refused() {
    let home = Home::new();
    home.write("app.js", APP);
    home.rpm(["start", "app.js", "-i", "2", "--sched", "random"]).fails(&["sched", "random", "kernel", "ip-hash"]);
    assert!(home.list().is_empty());
}

/// A request from one of the many addresses that are this machine's.
fn get_from(last: u8, port: u16) -> String {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let own = Ipv4Addr::new(127, 0, 9, last);
    bind(fd.as_raw_fd(), &SockaddrIn::from(std::net::SocketAddrV4::new(own, 0))).unwrap();
    connect(fd.as_raw_fd(), &SockaddrIn::from(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))).unwrap();
    let mut stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.rsplit_once("\r\n\r\n").unwrap().1.to_owned()
}

fn places(port: u16) -> BTreeMap<u8, String> {
    (1..=30).map(|client| (client, get_from(client, port))).collect()
}

#[test]
fn a_client_stays_with_its_worker() {
    let home = Home::new();
    let port = serve(&home, "ip-hash", 3);
    let first = places(port);
    assert_eq!(first.values().collect::<BTreeSet<_>>().len(), 3, "{first:?}");
    assert_eq!(places(port), first);
    // Nor does a dead daemon, a reload, or a dead worker move anybody.
    home.kill_daemon();
    assert_eq!(places(port), first);
    home.rpm(["reload", "app"]).ok();
    assert_eq!(places(port), first);
    let victim = home.named("app")[1].clone();
    signal(victim.pid.unwrap(), Signal::SIGKILL);
    eventually("it is back", || (home.named("app")[1].pid? != victim.pid?).then_some(()));
    eventually("all are where they were", || (places(port) == first).then_some(()));
    // Those of a worker that is scaled away go elsewhere, the others stay.
    home.rpm(["scale", "app", "2"]).ok();
    let later = places(port);
    let gone = "0";
    for (client, place) in &first {
        let now = &later[client];
        assert!(if place == gone { now != gone } else { now == place }, "{client}: {place}, then {now}");
    }
}

#[test]
fn all_connections_of_a_client_are_its_workers() {
    let home = Home::new();
    let port = serve(&home, "ip-hash", 2);
    let mut clients: Vec<_> = (0..6).map(|_| Client::connect(port).unwrap()).collect();
    let seen: BTreeSet<String> = clients.iter_mut().map(|client| client.get("/").unwrap().body).collect();
    assert_eq!(seen.len(), 1, "all are of one address");
    let stopped = home.named("app")[0].pid.unwrap();
    home.rpm(["stop", "app"]).ok();
    assert!(!is_alive(stopped) && get(port, "/").is_err());
}
