//! Questions to one worker alone.

use super::world::{Worker, World, until};
use crate::domain::spec::Sched;
use serde_json::Value;
use std::net::SocketAddr;

fn address(reply: &Value) -> SocketAddr {
    let port = reply["sockname"]["port"].as_u64().unwrap();
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()))
}

#[test]
fn it_reaches_a_worker_that_gets_no_connections() {
    for sched in [Sched::RoundRobin, Sched::IpHash] {
        let (ready, other) = (Worker::new(1), Worker::new(2));
        World::new().live(async |daemon| {
            daemon.group.arrange(sched);
            daemon.adds(&ready);
            let reply = ready.listens().await;
            daemon.adds(&other);
            let early = daemon.group.open_to(other.id, address(&reply)).unwrap();
            assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused, "it does not listen yet");
            other.listens().await;
            daemon.group.hold_back(other.id, true);
            let opened = daemon.group.open_to(other.id, address(&reply)).unwrap().unwrap();
            let seq = other.is_given().await;
            other.answers(seq, true);
            opened.taken.await.unwrap();
            assert!(!ready.has_unheard());
            assert_eq!(daemon.table.in_flight().count(), 0);
        });
    }
}

#[test]
fn what_it_refuses_nobody_gets() {
    let (one, other) = (Worker::new(1), Worker::new(2));
    World::new().live(async |daemon| {
        daemon.adds(&one);
        let reply = one.listens().await;
        daemon.adds(&other);
        other.listens().await;
        let opened = daemon.group.open_to(one.id, address(&reply)).unwrap().unwrap();
        let seq = one.is_given().await;
        one.answers(seq, false);
        opened.taken.await.unwrap_err();
        let opened = daemon.group.open_to(one.id, address(&reply)).unwrap().unwrap();
        one.dies();
        opened.taken.await.unwrap_err();
        until(|| daemon.group.unacknowledged(other.id) == 0).await;
        assert!(!other.has_unheard());
        assert_eq!((daemon.table.in_flight().count(), daemon.table.lost_connections()), (0, 0));
    });
}

#[test]
fn other_addresses_are_not_the_apps() {
    let worker = Worker::new(1);
    World::new().live(async |daemon| {
        daemon.adds(&worker);
        let port = address(&worker.listens().await).port();
        for other in [format!("127.0.0.2:{port}"), format!("[::1]:{port}"), "127.0.0.1:9".to_owned()] {
            assert!(daemon.group.open_to(worker.id, other.parse().unwrap()).is_none(), "{other}");
        }
    });
}
