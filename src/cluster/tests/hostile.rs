//! Workers that say what Node never would.

use super::super::Notice;
use super::super::allowance::BURST;
use super::connect;
use super::world::{Daemon, Worker, World, until};
use crate::ipc::{Breach, Inbound, decode};
use proptest::prelude::*;
use serde_json::{Value, json};

fn handle(daemon: &Daemon, worker: &Worker, message: &Value) -> Option<Notice> {
    match decode(message.to_string().as_bytes()) {
        Inbound::Cluster(message) => daemon.group.handle(worker.id, &message),
        Inbound::Answer { seq, accepted } => daemon.group.answered(worker.id, seq, accepted),
        other => panic!("no cluster message but {other:?}"),
    }
}

#[test]
fn an_app_has_so_many_servers_and_no_more() {
    let world = World::new();
    let worker = Worker::new(1);
    world.live(async |daemon| {
        daemon.adds(&worker);
        for number in 0..260 {
            let reply = worker.listens_at(&world.path(&format!("{number}.sock"))).await;
            let wanted = if number < 256 { Value::Null } else { json!(-libc::EMFILE) };
            assert_eq!(reply["errno"], wanted, "server {number}");
        }
        assert_eq!(daemon.group.listens().len(), 256);
        assert!(daemon.group.refused().unwrap().ends_with("an app can have 256 servers"));
        worker.says(json!({"act": "close", "key": format!("{}:-1:-1:-1", world.path("7.sock").display())}));
        until(|| daemon.group.listens().len() == 255).await;
        assert_eq!(worker.listens_at(&world.path("more.sock")).await["errno"], Value::Null);
    });
}

#[test]
fn a_flood_is_told() {
    let world = World::new();
    let (worker, peer) = (Worker::new(1), Worker::new(2));
    world.live(async |daemon| {
        daemon.adds(&worker);
        daemon.adds(&peer);
        let odd = json!({"cmd": "NODE_CLUSTER", "act": "nonsense"});
        let told = (0..2 * BURST).find_map(|_| handle(daemon, &worker, &odd));
        assert_eq!(told, Some(Notice::Broken(Breach::Flood)));
        assert_eq!(handle(daemon, &peer, &odd), None, "each has its own");
    });
}

#[test]
fn who_asks_and_never_reads_is_told() {
    let world = World::new();
    let worker = Worker::new(1);
    world.live(async |daemon| {
        daemon.adds(&worker);
        // The answer to a wrong question has what it came with: TLS reads that without looking.
        let odd = json!({"cmd": "NODE_CLUSTER", "act": "queryServer", "seq": 1, "port": "x", "data": "x".repeat(4000)});
        let told = (0..BURST).find_map(|_| handle(daemon, &worker, &odd));
        assert_eq!(told, Some(Notice::Broken(Breach::DoesNotRead)));
    });
}

#[test]
fn nobody_answers_for_another() {
    let world = World::new();
    let (worker, liar) = (Worker::new(1), Worker::new(2));
    world.live(async |daemon| {
        daemon.adds(&worker);
        daemon.adds(&liar);
        let reply = worker.listens().await;
        let _client = connect(&reply);
        let seq = worker.is_given().await;
        for accepted in [true, false] {
            handle(daemon, &liar, &json!({"cmd": "NODE_CLUSTER", "ack": seq, "accepted": accepted}));
        }
        // Refusals of what no daemon has given it are none.
        for old in 0..100 {
            handle(daemon, &liar, &json!({"cmd": "NODE_CLUSTER", "ack": old, "accepted": false}));
        }
        assert_eq!(daemon.group.unacknowledged(worker.id), 1);
        assert_eq!(daemon.table.lost_connections(), 0);
        handle(daemon, &liar, &json!({"cmd": "NODE_CLUSTER", "act": "close", "key": reply["key"]}));
        // Who is late gets nothing, and this machine may have been.
        handle(daemon, &worker, &json!({"cmd": "NODE_CLUSTER", "ack": seq, "accepted": true}));
        let _client = connect(&reply);
        worker.is_given().await;
    });
}

#[test]
fn data_that_others_could_not_read_stays_with_who_has_sent_it() {
    let world = World::new();
    let (liar, worker) = (Worker::new(1), Worker::new(2));
    world.live(async |daemon| {
        daemon.adds(&liar);
        daemon.adds(&worker);
        let query = |data: Value| json!({"address": "127.0.0.1", "port": 0, "addressType": 4, "data": data});
        liar.asks(1, query(json!({"ticketKeys": 5}))).await;
        let own = json!({"ticketKeys": "00ff"});
        assert_eq!(worker.asks(1, query(own.clone())).await["data"], own);
    });
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![-1_i64, 0, 1, 4, 6, 7, 65_536, i64::MAX]).prop_map(Value::from),
        prop::sample::select(vec!["127.0.0.1", "::1", "udp4", "udp6", "", "\0", "k"]).prop_map(Value::from),
        Just(json!([1, {"a": []}])),
        Just(json!({"ticketKeys": "00"})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a worker says, its peer goes on serving, and nothing is bound where it was not asked for.
    #[test]
    fn its_peer_goes_on(
        said in prop::collection::vec(
            (
                prop::sample::select(vec!["online", "queryServer", "listening", "close", "exitedAfterDisconnect", "newconn", ""]),
                prop::collection::btree_map(
                    prop::sample::select(vec!["seq", "ack", "accepted", "key", "index", "port", "addressType", "flags", "backlog", "data", "fd"]),
                    value(),
                    0..8,
                ),
            ),
            1..30,
        )
    ) {
        let world = World::new();
        let (liar, worker) = (Worker::new(1), Worker::new(2));
        world.live(async |daemon| {
            daemon.adds(&liar);
            daemon.adds(&worker);
            let reply = worker.listens().await;
            for (act, fields) in &said {
                let mut message = json!({"cmd": "NODE_CLUSTER", "act": act, "address": "127.0.0.1"});
                for (name, value) in fields {
                    message[*name] = value.clone();
                }
                // No port of this machine but those that the system gives.
                if message["port"] != 0 {
                    message["port"] = Value::Null;
                }
                handle(daemon, &liar, &message);
            }
            daemon.group.retire(liar.id);
            let _client = connect(&reply);
            worker.is_given().await;
            assert!(daemon.group.unacknowledged(worker.id) == 1 && daemon.group.listens().len() <= said.len() + 1);
        });
    }
}
