//! Servers whose workers receive by themselves, and sockets that workers have bound.

use super::world::{Worker, World, until};
use crate::sys::{channel, pidfd, socket};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

fn udp(port: u16) -> Value {
    json!({"act": "queryServer", "index": 0, "address": "127.0.0.1", "port": port, "addressType": "udp4", "fd": -1, "flags": 0})
}

impl Worker {
    /// Asks, and gets the answer with what came with it.
    async fn asks_for(&self, seq: u64, mut query: Value) -> (Value, Option<OwnedFd>) {
        query["seq"] = seq.into();
        self.says(query);
        let (reply, descriptor) = self.hears().await;
        let message = if reply["cmd"] == "NODE_HANDLE" { reply["msg"].clone() } else { reply.clone() };
        assert_eq!(message["ack"], seq);
        assert!(descriptor.is_some() == (reply["cmd"] == "NODE_HANDLE"), "{reply}");
        if descriptor.is_some() {
            assert_eq!((&message["errno"], &reply["type"]), (&json!(0), &json!("dgram.Native")));
        }
        (message, descriptor)
    }

    async fn receives_at(&self, seq: u64, port: u16) -> UdpSocket {
        let (_, descriptor) = self.asks_for(seq, udp(port)).await;
        UdpSocket::from(descriptor.expect("it is answered with a socket"))
    }
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().unwrap().port()
}

#[test]
fn a_datagram_socket_is_everybodys_through_a_death() {
    let world = World::new();
    let workers = [Worker::new(1), Worker::new(2)];
    let first = world.live(async |daemon| {
        daemon.adds(&workers[0]);
        workers[0].receives_at(1, 0).await
    });
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.send_to(b"between", first.local_addr().unwrap()).unwrap();
    world.live(async |daemon| {
        daemon.adopts(&workers[0]);
        daemon.adds(&workers[1]);
        assert_eq!(daemon.group.listens(), [format!("udp {}", first.local_addr().unwrap())]);
        let second = workers[1].receives_at(1, 0).await;
        assert_eq!(port(&second), port(&first));
        let mut buffer = [0; 16];
        let length = second.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"between");
    });
}

#[test]
fn a_datagram_socket_ends_with_its_last_user() {
    let world = World::new();
    let worker = Worker::new(1);
    world.live(async |daemon| {
        daemon.adds(&worker);
        let (reply, descriptor) = worker.asks_for(1, udp(0)).await;
        let socket = UdpSocket::from(descriptor.unwrap());
        let at = socket.local_addr().unwrap();
        UdpSocket::bind(at).unwrap_err();
        drop(socket);
        worker.standing.set_listening();
        worker.says(json!({"act": "close", "key": reply["key"]}));
        until(|| daemon.group.listens().is_empty()).await;
        assert!(world.keep.all().is_empty());
        UdpSocket::bind(at).unwrap();
    });
}

#[test]
fn the_same_again_in_one_worker_is_another_server() {
    let world = World::new();
    let (worker, other) = (Worker::new(1), Worker::new(2));
    world.live(async |daemon| {
        daemon.adds(&worker);
        daemon.adds(&other);
        let reply = worker.listens().await;
        let fixed =
            json!({"act": "queryServer", "address": "127.0.0.1", "port": reply["sockname"]["port"], "addressType": 4});
        assert_eq!(worker.asks_for(2, fixed.clone()).await.0["errno"], -libc::EADDRINUSE);
        // Those that allow it bind it as often as they like, and so do their like.
        let mut reuse = udp(0);
        reuse["flags"] = 4.into();
        let (first, socket) = worker.asks_for(3, reuse.clone()).await;
        reuse["port"] = port(&UdpSocket::from(socket.unwrap())).into();
        let mut keys = vec![first["key"].clone()];
        for seq in [4, 5] {
            keys.push(worker.asks_for(seq, reuse.clone()).await.0["key"].clone());
        }
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{keys:?}");
        assert_eq!(other.asks_for(1, reuse.clone()).await.0["key"], keys[1]);
        // Closed, it is free to be asked for.
        worker.says(json!({"act": "close", "key": keys[1]}));
        assert_eq!(worker.asks_for(6, reuse).await.0["key"], keys[1]);
    });
}

#[test]
fn a_socket_of_the_workers_own() {
    let world = World::new();
    let (worker, other) = (Worker::new(1), Worker::new(2));
    let own = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = own.local_addr().unwrap();
    let of = |fd: i32| json!({"act": "queryServer", "address": null, "port": null, "addressType": null, "fd": fd});
    world.live(async |daemon| {
        daemon.adds(&worker);
        assert_eq!(worker.asks_for(1, of(9)).await.0["errno"], -libc::ENOTSUP, "whose 9 that is is not known");
        daemon.adds(&other);
        for each in [&worker, &other] {
            daemon.group.identify(each.id, Arc::new(pidfd::open(std::process::id() as i32).unwrap()));
        }
        let reply = worker.asks_for(2, of(own.as_raw_fd())).await.0;
        assert_eq!((&reply["errno"], &reply["sockname"]["port"]), (&Value::Null, &json!(at.port())));
        let again = own.try_clone().unwrap();
        assert_eq!(other.asks_for(1, of(again.as_raw_fd())).await.0["key"], reply["key"], "it is the same socket");
        other.says(json!({"act": "close", "key": reply["key"]}));
        let _client = TcpStream::connect(at).unwrap();
        worker.is_given().await;
        // A number that nobody has, no socket, a socket of another kind, a connection.
        let (end, _other_end) = channel::pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let udp = socket::bind_udp("127.0.0.1:0".parse().unwrap(), false, false).unwrap();
        let wrong = [
            (i32::MAX - 7, libc::EBADF),
            (null.as_raw_fd(), libc::ENOTSOCK),
            (udp.as_raw_fd(), libc::EINVAL),
            (end.as_raw_fd(), libc::EINVAL),
        ];
        for (seq, (number, errno)) in (10..).zip(wrong) {
            assert_eq!(worker.asks_for(seq, of(number)).await.0["errno"], -errno, "descriptor {number}");
        }
    });
    world.live(async |daemon| {
        daemon.adopts(&worker);
        assert_eq!(daemon.group.listens(), [at.to_string()]);
        let _client = TcpStream::connect(at).unwrap();
        worker.is_given().await;
        daemon.group.gone(worker.id);
        assert!(daemon.group.listens().is_empty() && world.keep.all().is_empty(), "it ends with its last worker");
    });
    assert!(!socket::has_stopped(own.as_fd()), "it is its owner's");
}

#[test]
fn a_socket_of_a_worker_that_is_gone_is_not_held_against_its_successor() {
    let world = World::new();
    let worker = Worker::new(1);
    let own = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    world.live(async |daemon| {
        daemon.adds(&worker);
        daemon.group.identify(worker.id, Arc::new(pidfd::open(std::process::id() as i32).unwrap()));
        worker.asks_for(1, json!({"act": "queryServer", "fd": own.as_raw_fd()})).await;
    });
    world.live(async |daemon| {
        daemon.group.hold(worker.holder());
        daemon.group.settle_after_adoption();
        assert!(daemon.group.listens().is_empty() && world.keep.all().is_empty());
    });
}

#[test]
fn what_its_owner_ends_is_no_listener_any_more() {
    let world = World::new();
    let worker = Worker::new(1);
    let own = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    world.live(async |daemon| {
        daemon.adds(&worker);
        daemon.group.identify(worker.id, Arc::new(pidfd::open(std::process::id() as i32).unwrap()));
        let query = json!({"act": "queryServer", "fd": own.as_raw_fd()});
        worker.asks_for(1, query).await;
        socket::stop_listening(own.as_fd());
        until(|| daemon.group.listens().is_empty()).await;
    });
}
