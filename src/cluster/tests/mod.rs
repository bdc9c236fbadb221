//! Primaries that are killed, and those that go on.

mod affinity;
mod door;
mod hostile;
mod marks;
mod seats;
mod shared;
mod world;

use self::world::{Worker, World, until};
use super::Notice;
use super::allowance::BURST;
use super::kept::app_of;
use crate::ipc::{Breach, Inbound, decode};
use crate::slots::MOST_SERVERS;
use crate::sys::keep::Keep;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};

fn connect(reply: &Value) -> TcpStream {
    let port = u16::try_from(reply["sockname"]["port"].as_u64().unwrap()).unwrap();
    TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap()
}

#[test]
fn connections_of_the_last_worker_go_to_its_successor() {
    let (first, second) = (Worker::new(1), Worker::new(2));
    World::new().live(async |daemon| {
        daemon.adds(&first);
        let reply = first.listens().await;
        let _client = connect(&reply);
        first.is_given().await;
        first.dies();
        until(|| daemon.table.in_flight().count() == 1).await;
        daemon.adds(&second);
        second.listens().await;
        second.is_given().await;
        assert_eq!(daemon.table.in_flight().count(), 0);
    });
}

#[test]
fn connections_wait_for_the_next_daemon() {
    let world = World::new();
    let workers = [Worker::new(1), Worker::new(2)];
    let reply = world.live(async |daemon| {
        for worker in &workers {
            daemon.adds(worker);
        }
        workers[0].listens().await;
        workers[1].listens().await
    });
    let _clients: Vec<_> = (0..8).map(|_| connect(&reply)).collect();
    world.live(async |daemon| {
        for worker in &workers {
            daemon.adopts(worker);
        }
        daemon.group.settle_after_adoption();
        for worker in &workers {
            for _ in 0..4 {
                worker.is_given().await;
            }
        }
        until(|| daemon.table.in_flight().count() == 0).await;
        assert_eq!(daemon.table.lost_connections(), 0);
    });
}

#[test]
fn all_that_were_taken_at_once_are_answered_with_one_word() {
    let world = World::new();
    let (worker, liar) = (Worker::new(1), Worker::new(2));
    world.live(async |daemon| {
        daemon.adds(&worker);
        daemon.adds(&liar);
        let reply = worker.listens().await;
        let _clients = [connect(&reply), connect(&reply), connect(&reply)];
        let given = [worker.is_given().await, worker.is_given().await, worker.is_given().await];
        assert_eq!(daemon.group.taken(liar.id, &given), None);
        assert_eq!(daemon.group.unacknowledged(worker.id), 3, "they are not for others to take");
        assert_eq!(daemon.group.taken(worker.id, &[given[0], given[2], 12_345]), None);
        assert_eq!(daemon.group.unacknowledged(worker.id), 1);
        let flood = (0..2 * BURST).find_map(|_| daemon.group.taken(liar.id, &[]));
        assert_eq!(flood, Some(Notice::Broken(Breach::Flood)));
    });
}

#[test]
fn answers_to_a_dead_daemon_are_no_answers() {
    let world = World::new();
    let worker = Worker::new(1);
    let (reply, old) = world.live(async |daemon| {
        daemon.adds(&worker);
        let reply = worker.listens().await;
        let clients = [connect(&reply), connect(&reply)];
        let old = [worker.is_given().await, worker.is_given().await];
        (reply, (old, clients))
    });
    world.live(async |daemon| {
        daemon.adopts(&worker);
        let _client = connect(&reply);
        let new = worker.is_given().await;
        assert!(new > old.0[1]);
        worker.answers(old.0[0], true);
        worker.answers(old.0[1], false);
        until(|| daemon.table.lost_connections() == 1).await;
        assert_eq!(daemon.group.unacknowledged(worker.id), 1);
        worker.answers(new, true);
        until(|| daemon.group.unacknowledged(worker.id) == 0).await;
    });
}

#[test]
fn what_was_handled_and_not_consumed_is_answered_again() {
    let world = World::new();
    let worker = Worker::new(1);
    let query = json!({"cmd": "NODE_CLUSTER", "act": "queryServer", "seq": 7, "address": "127.0.0.1", "port": 0, "addressType": 4});
    let first = world.live(async |daemon| {
        daemon.adds(&worker);
        let Inbound::Cluster(message) = decode(query.to_string().as_bytes()) else { panic!("no cluster message") };
        daemon.group.handle(worker.id, &message);
        worker.hears().await.0
    });
    // It is still in the channel.
    worker.says(query);
    world.live(async |daemon| {
        daemon.adopts(&worker);
        let (mut second, _) = worker.hears().await;
        second["seq"] = first["seq"].clone();
        assert_eq!(first, second);
        assert_eq!(world.keep.all().len(), 1);
        let _client = connect(&first);
        worker.is_given().await;
    });
}

#[test]
fn who_leaves_goes_on_leaving() {
    let world = World::new();
    let (leaving, staying) = (Worker::new(1), Worker::new(2));
    let reply = world.live(async |daemon| {
        daemon.adds(&leaving);
        daemon.adds(&staying);
        leaving.listens().await;
        let reply = staying.listens().await;
        daemon.group.retire(leaving.id);
        daemon.group.disconnect(leaving.id);
        assert_eq!(leaving.hears().await.0["act"], "disconnect");
        reply
    });
    world.live(async |daemon| {
        daemon.adopts(&leaving);
        daemon.adopts(&staying);
        let _clients: Vec<_> = (0..5).map(|_| connect(&reply)).collect();
        for _ in 0..4 {
            staying.is_given().await;
        }
        daemon.group.disconnect(leaving.id);
        assert!(!leaving.has_unheard(), "neither a connection nor a second request to leave");
        leaving.says(json!({"act": "exitedAfterDisconnect", "seq": 5}));
        assert_eq!(leaving.hears().await.0["ack"], 5);
    });
}

#[test]
fn a_unix_path_is_there_until_it_is_closed() {
    let world = World::new();
    let (worker, path) = (Worker::new(1), world.path("app.sock"));
    world.live(async |daemon| {
        daemon.adds(&worker);
        worker.listens_at(&path).await;
    });
    let _client = UnixStream::connect(&path).unwrap();
    let kept = world.live(async |daemon| {
        daemon.adopts(&worker);
        worker.is_given().await;
        let kept = world.keep.all();
        daemon.group.release(worker.holder());
        assert!(!path.exists() && world.keep.all().is_empty());
        kept
    });
    // A close that was cut off: the keeper has it still.
    world.keep.put(&kept[0].name, &kept[0].tag, &kept[0].fd).unwrap();
    world.live(async |daemon| {
        assert!(daemon.group.listens().is_empty() && world.keep.all().is_empty());
    });
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let world = World::new();
    let (worker, path) = (Worker::new(1), world.path("app.sock"));
    world.live(async |daemon| {
        daemon.adds(&worker);
        world.keep.is_full.set(true);
        assert_eq!(worker.listens_at(&path).await["errno"], -libc::ENFILE);
        assert!(!path.exists() && daemon.group.refused().is_some());
        world.keep.is_full.set(false);
        assert_eq!(worker.listens_at(&path).await["errno"], Value::Null);
    });
}

#[test]
fn data_of_a_later_worker_is_kept_too() {
    let world = World::new();
    let (plain, tls) = (Worker::new(1), Worker::new(2));
    let query = |data| json!({"address": "127.0.0.1", "port": 0, "addressType": 4, "data": data});
    world.live(async |daemon| {
        daemon.adds(&plain);
        daemon.adds(&tls);
        plain.asks(1, query(Value::Null)).await;
        tls.asks(1, query(json!({"ticketKeys": "00"}))).await;
    });
    let late = Worker::new(3);
    world.live(async |daemon| {
        daemon.adds(&late);
        assert_eq!(late.asks(1, query(json!({"ticketKeys": "ff"}))).await["data"], json!({"ticketKeys": "00"}));
    });
    assert_eq!(app_of(&world.keep.all()[0]).as_deref(), Some("app"));
}

#[test]
fn after_an_adoption_unused_servers_go() {
    let world = World::new();
    let (worker, path) = (Worker::new(1), world.path("app.sock"));
    world.live(async |daemon| {
        daemon.adds(&worker);
        let key = worker.listens_at(&path).await["key"].clone();
        worker.says(json!({"act": "close", "key": key}));
        until(|| !worker.standing.has_joined(0)).await;
    });
    let starting = Worker::new(2);
    world.live(async |daemon| {
        daemon.adopts(&worker);
        daemon.group.hold(starting.holder());
        daemon.group.settle_after_adoption();
        assert_eq!(daemon.group.listens(), [path.display().to_string()], "somebody is on the way to it");
    });
    world.live(async |daemon| {
        daemon.adopts(&worker);
        daemon.group.settle_after_adoption();
        assert!(daemon.group.listens().is_empty() && world.keep.all().is_empty() && !path.exists());
    });
}

#[test]
fn a_number_that_was_forgotten_joins_nothing() {
    let world = World::new();
    let worker = Worker::new(1);
    worker.standing.join(0);
    world.live(async |daemon| {
        daemon.adopts(&worker);
        assert!(!worker.standing.has_joined(0), "another server will be the first");
        worker.listens().await;
        assert!(worker.standing.has_joined(0));
    });
}

#[test]
fn one_server_more_than_can_be_told_apart_is_served_all_the_same() {
    let world = World::new();
    let workers = [Worker::new(1), Worker::new(2)];
    let path = |number| world.path(&format!("{number}.sock"));
    world.live(async |daemon| {
        daemon.adds(&workers[0]);
        daemon.adds(&workers[1]);
        for number in 0..=MOST_SERVERS {
            workers[0].listens_at(&path(number)).await;
        }
        workers[1].listens_at(&path(0)).await;
    });
    let _clients = [0, 1].map(|_| UnixStream::connect(path(MOST_SERVERS)).unwrap());
    world.live(async |daemon| {
        daemon.adopts(&workers[0]);
        daemon.adopts(&workers[1]);
        let seq = workers[0].is_given().await;
        workers[0].answers(seq, true);
        // It doesn't know the server.
        let seq = workers[1].is_given().await;
        workers[1].answers(seq, false);
        workers[0].is_given().await;
    });
}

#[test]
fn a_name_without_a_file_is_served_by_each_daemon_until_it_is_closed() {
    let (world, worker) = (World::new(), Worker::new(1));
    let name = format!("rpm-test-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).unwrap();
    world.live(async |daemon| {
        daemon.adds(&worker);
        let query = json!({"address": format!("/srv/\0{name}"), "port": -1, "addressType": -1});
        assert!(worker.asks(1, query).await["errno"].is_null());
        let _client = UnixStream::connect_addr(&address).unwrap();
        let seq = worker.is_given().await;
        worker.answers(seq, true);
        assert_eq!(daemon.group.listens(), [format!("@{name}")]);
    });
    world.live(async |daemon| {
        daemon.adopts(&worker);
        daemon.group.settle_after_adoption();
        let _client = UnixStream::connect_addr(&address).unwrap();
        let seq = worker.is_given().await;
        worker.answers(seq, true);
        until(|| daemon.group.unacknowledged(worker.id) == 0).await;
        daemon.group.release(worker.holder());
        assert!(UnixStream::connect_addr(&address).is_err());
        assert!(world.keep.all().is_empty());
    });
}
