//! What a cluster's primary hands to whom, and what it counts of that.

use crate::support::{Client, Home, Load, Signal, eventually, get, signal};
use rpm_native::api::Connections;
use std::thread::spawn;

/// Of each worker of an app, in the order of the list.
fn figures(home: &Home, name: &str) -> Vec<Connections> {
    home.named(name).iter().map(|process| process.connections.expect("a worker's are counted")).collect()
}

fn dispatched(home: &Home, name: &str) -> u64 {
    figures(home, name).iter().map(|seen| seen.dispatched).sum()
}

#[test]
fn what_workers_are_handed_is_counted_through_a_dead_daemon() {
    let home = Home::new();
    let port = home.serve();
    let name = home.list()[0].name.clone();
    let before = figures(&home, &name);
    let counted = dispatched(&home, &name);
    for _ in 0..40 {
        get(port, "/").unwrap();
    }
    assert_eq!(dispatched(&home, &name), counted + 40);
    home.kill_daemon();
    for _ in 0..10 {
        get(port, "/").unwrap();
    }
    assert_eq!(dispatched(&home, &name), counted + 50);
    let after = figures(&home, &name);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.since, before.since);
        assert!(after.dispatched - before.dispatched >= 20, "{after:?} after {before:?}");
        assert_eq!((after.refused, after.redispatched, after.draining), (0, 0, false));
        assert!(after.window > 0);
    }
    let element = &home.jlist()[0];
    assert_eq!(element["rpm"]["connections"]["dispatched"], after[0].dispatched);
    let text = String::from_utf8(home.rpm(["describe", &name]).ok().out).unwrap();
    assert!(text.contains(&format!("dispatched     {}\n", after[0].dispatched)), "{text}");
}

#[test]
fn a_restart_goes_on_counting() {
    let home = Home::new();
    let port = home.serve();
    let name = home.list()[0].name.clone();
    get(port, "/").unwrap();
    let before = figures(&home, &name);
    home.rpm(["restart", &name]).ok();
    let after = figures(&home, &name);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((after.since, after.dispatched), (before.since, before.dispatched));
    }
}

#[test]
fn what_is_refused_is_counted_and_given_to_another() {
    let home = Home::new();
    home.write(
        "app.js",
        "const server = require('node:http').createServer((_, r) => r.end(`${process.pid}`))
         server.maxConnections = 1
         server.listen(0, () => console.log(`port ${server.address().port}`))",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let port = home.wait_listening("app", 2);
    let mut kept: Vec<Client<_>> = (0..2).map(|_| Client::connect(port).unwrap()).collect();
    let workers: Vec<String> = kept.iter_mut().map(|client| client.get("/").unwrap().body).collect();
    assert_ne!(workers[0], workers[1]);
    let third = spawn(move || get(port, "/").unwrap().body);
    eventually("both have refused it", || figures(&home, "app").iter().all(|seen| seen.refused > 0).then_some(()));
    drop(kept.remove(0));
    assert_eq!(third.join().unwrap(), workers[0]);
    for seen in figures(&home, "app") {
        assert_eq!(seen.refused, seen.redispatched);
    }
}

#[test]
fn what_a_dead_worker_has_not_taken_is_counted_and_served() {
    let home = Home::new();
    let port = home.serve();
    let process = home.list().remove(0);
    signal(process.pid.unwrap(), Signal::SIGSTOP);
    let clients: Vec<_> = (0..4).map(|_| spawn(move || get(port, "/").unwrap().status)).collect();
    let mine = || home.list().into_iter().find(|one| one.id == process.id).and_then(|one| one.connections).unwrap();
    eventually("it has some that it doesn't take", || (mine().outstanding > 0).then_some(()));
    signal(process.pid.unwrap(), Signal::SIGKILL);
    for client in clients {
        assert_eq!(client.join().unwrap(), 200);
    }
    assert!(mine().redispatched > 0, "{:?}", mine());
}

#[test]
fn under_load_workers_get_as_much_as_each_other() {
    let home = Home::new();
    let port = home.serve();
    let name = home.list()[0].name.clone();
    let load = Load::of_new_connections(port, 8);
    eventually("a thousand are served", || (load.answered() > 1000).then_some(()));
    load.end().all_answered();
    let seen: Vec<u64> = figures(&home, &name).iter().map(|seen| seen.dispatched).collect();
    let (least, all) = (*seen.iter().min().unwrap(), seen.iter().sum::<u64>());
    assert!(least * 100 >= all * 40, "{seen:?}");
}
