//! Workers that accept themselves, each at a listener of its own.

use super::super::relief::Queue;
use super::super::seats::Seats;
use super::super::worker::Berth;
use super::world::{Daemon, Worker, World, until};
use crate::domain::spec::Sched;
use crate::sys::{reuseport, socket};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};

/// A worker's copy of its listener.
struct Own(OwnedFd);

impl Own {
    fn port(&self) -> u16 {
        socket::local_address(self.0.as_fd()).unwrap().unwrap().port()
    }

    fn waiting(&self) -> u32 {
        reuseport::queued(self.0.as_fd()).unwrap()
    }

    fn accept_all(&self) -> usize {
        std::iter::from_fn(|| socket::accept(self.0.as_fd()).ok()).count()
    }

    /// Clients until this many wait here.
    fn fill(&self, count: u32) -> Vec<TcpStream> {
        let mut clients = Vec::new();
        while self.waiting() < count {
            clients.push(TcpStream::connect(("127.0.0.1", self.port())).unwrap());
        }
        clients
    }
}

impl Worker {
    async fn is_given_a_listener(&self, port: u16) -> Own {
        let query = json!({"act": "queryServer", "seq": 1, "address": "127.0.0.1", "port": port, "addressType": 4});
        self.says(query);
        let (reply, listener) = self.hears().await;
        assert_eq!(
            (&reply["type"], &reply["msg"]["errno"], &reply["msg"]["ack"]),
            (&json!("net.Native"), &json!(0), &json!(1))
        );
        Own(listener.unwrap())
    }

    async fn listens_itself(&self) -> Own {
        let own = self.is_given_a_listener(0).await;
        self.says(json!({"act": "listening", "port": own.port(), "addressType": 4}));
        self.is_seen_listening().await;
        own
    }
}

impl Daemon {
    async fn has_all_of(&self, workers: &[&Worker]) -> Vec<Own> {
        self.group.arrange(Sched::Kernel);
        let mut owns = Vec::new();
        for worker in workers {
            self.adds(worker);
            owns.push(worker.listens_itself().await);
        }
        owns
    }

    fn queues(&self) -> Vec<Queue> {
        let state = self.group.inner.state.borrow();
        let server = state.servers.values().next().unwrap();
        server.seats().map(Seats::queues).unwrap()
    }
}

fn connect(port: u16, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect()
}

#[test]
fn each_has_its_own_and_the_kernel_chooses() {
    let workers = [Worker::new(1), Worker::new(2)];
    World::new().live(async |daemon| {
        let owns = daemon.has_all_of(&[&workers[0], &workers[1]]).await;
        assert_eq!(owns[0].port(), owns[1].port());
        let _clients = connect(owns[0].port(), 60);
        let waiting: Vec<u32> = owns.iter().map(Own::waiting).collect();
        assert!(waiting.iter().sum::<u32>() == 60 && waiting.iter().all(|count| *count > 5), "{waiting:?}");
        assert_eq!(daemon.group.listens().len(), 1);
        assert_eq!(daemon.group.schedules(), ["kernel (2 listeners)"]);
    });
}

#[test]
fn who_replaces_a_worker_has_its_queue() {
    let (first, second) = (Worker::new(1), Worker::new(1));
    World::new().live(async |daemon| {
        let own = daemon.has_all_of(&[&first]).await.remove(0);
        let _clients = connect(own.port(), 3);
        first.dies();
        until(|| daemon.queues() == [Queue { berth: Berth::new(second.seat(), false), length: 3, is_served: false }])
            .await;
        daemon.adds(&second);
        let again = second.listens_itself().await;
        assert_eq!((again.port(), again.accept_all()), (own.port(), 3));
    });
}

#[test]
fn what_waits_for_a_dead_worker_goes_to_another() {
    let (dying, other) = (Worker::new(1), Worker::new(2));
    World::new().live(async |daemon| {
        let owns = daemon.has_all_of(&[&dying, &other]).await;
        let _clients = owns[0].fill(3);
        let waiting = owns[0].waiting();
        dying.dies();
        for _ in 0..waiting {
            let seq = other.is_given().await;
            other.answers(seq, true);
        }
        until(|| daemon.group.unacknowledged(other.id) == 0).await;
        let before = owns[1].waiting();
        let _more = connect(owns[1].port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting()), (0, before + 20), "the dead one is not chosen");
    });
}

#[test]
fn a_busy_worker_is_relieved_by_an_idle_one() {
    let (busy, idle) = (Worker::new(1), Worker::new(2));
    World::new().live(async |daemon| {
        let owns = daemon.has_all_of(&[&busy, &idle]).await;
        let _clients = owns[0].fill(2);
        owns[1].accept_all();
        for _ in 0..2 {
            let seq = idle.is_given().await;
            idle.answers(seq, true);
        }
        until(|| daemon.group.unacknowledged(idle.id) == 0).await;
        assert_eq!(owns[0].waiting(), 0);
        assert_eq!(daemon.table.in_flight().count(), 0);
        assert!(!busy.has_unheard());
    });
}

#[test]
fn nobody_is_relieved_by_one_that_comes_to_nothing_itself() {
    let (busy, hung) = (Worker::new(1), Worker::new(2));
    World::new().live(async |daemon| {
        let owns = daemon.has_all_of(&[&busy, &hung]).await;
        let _clients = owns[0].fill(2);
        owns[1].accept_all();
        let waiting = owns[0].waiting();
        until(|| hung.has_unheard()).await;
        let heard = async { hung.is_given().await };
        // It is knocked at, and doesn't read; only when it does it is given something.
        assert_eq!((owns[0].waiting(), daemon.group.unacknowledged(hung.id)), (waiting, 0));
        heard.await;
    });
}

#[test]
fn who_leaves_is_not_chosen_any_more() {
    let (leaving, staying) = (Worker::new(1), Worker::new(2));
    let world = World::new();
    let owns = world.live(async |daemon| {
        let owns = daemon.has_all_of(&[&leaving, &staying]).await;
        daemon.group.retire(leaving.id);
        let _clients = connect(owns[0].port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting()), (0, 20));
        assert_eq!(owns[1].accept_all(), 20);
        owns
    });
    // A third, bound by the next daemon, has the next number of the kernel's.
    let third = Worker::new(3);
    world.live(async |daemon| {
        daemon.adopts(&leaving);
        daemon.adopts(&staying);
        daemon.group.settle_after_adoption();
        daemon.adds(&third);
        daemon.group.arrange(Sched::Kernel);
        let own = third.listens_itself().await;
        let _clients = connect(own.port(), 60);
        assert!(owns[0].waiting() == 0 && owns[1].waiting() > 5 && own.waiting() > 5);
        assert_eq!(daemon.group.schedules(), ["kernel (3 listeners)"]);
        let left = owns[1].waiting();
        daemon.group.retire(staying.id);
        own.accept_all();
        let _clients = connect(own.port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting(), own.waiting()), (0, left, 20));
        for _ in 0..left {
            let seq = third.is_given().await;
            third.answers(seq, true);
        }
    });
}

#[test]
fn without_a_daemon_workers_accept_on_and_the_next_one_relieves() {
    let world = World::new();
    let (dying, other) = (Worker::new(1), Worker::new(2));
    let owns = world.live(async |daemon| daemon.has_all_of(&[&dying, &other]).await);
    let _clients = owns[0].fill(2);
    let waiting = owns[0].waiting();
    owns[1].accept_all();
    let kept = world.keep.all();
    assert_eq!(kept.len(), 2);
    dying.dies();
    world.live(async |daemon| {
        daemon.adopts(&other);
        daemon.group.settle_after_adoption();
        for _ in 0..waiting {
            let seq = other.is_given().await;
            other.answers(seq, true);
        }
        until(|| daemon.table.in_flight().count() == 0).await;
        assert_eq!(daemon.table.lost_connections(), 0);
        daemon.group.release(other.holder());
        assert!(world.keep.all().is_empty());
        assert!(TcpStream::connect(("127.0.0.1", owns[1].port())).is_err());
    });
}

#[test]
fn one_that_does_not_say_that_it_listens_is_not_chosen() {
    let (starting, serving) = (Worker::new(1), Worker::new(2));
    World::new().live(async |daemon| {
        let serving_own = daemon.has_all_of(&[&serving]).await.remove(0);
        daemon.adds(&starting);
        let own = starting.is_given_a_listener(0).await;
        let _clients = connect(own.port(), 20);
        assert_eq!((own.waiting(), serving_own.waiting()), (0, 20));
    });
}

#[test]
fn a_strangers_port_is_taken() {
    let stranger = reuseport::listen_first("127.0.0.1:0".parse().unwrap(), false, 8).unwrap();
    let port = socket::local_address(stranger.as_fd()).unwrap().unwrap().port();
    let worker = Worker::new(1);
    World::new().live(async |daemon| {
        daemon.group.arrange(Sched::Kernel);
        daemon.adds(&worker);
        let query = json!({"act": "queryServer", "seq": 1, "address": "127.0.0.1", "port": port, "addressType": 4});
        worker.says(query);
        assert_eq!(worker.hears().await.0["errno"], -libc::EADDRINUSE);
        assert!(daemon.group.refused().unwrap().contains("in use"));
    });
}

#[test]
fn what_cannot_be_kept_is_refused_and_bound_again_later() {
    let world = World::new();
    let workers = [Worker::new(1), Worker::new(2)];
    world.live(async |daemon| {
        daemon.group.arrange(Sched::Kernel);
        daemon.adds(&workers[0]);
        let own = workers[0].listens_itself().await;
        daemon.adds(&workers[1]);
        world.keep.is_full.set(true);
        workers[1].says(json!({"act": "queryServer", "seq": 1, "address": "127.0.0.1", "port": 0, "addressType": 4}));
        assert_eq!(workers[1].hears().await.0["errno"], -libc::ENFILE);
        world.keep.is_full.set(false);
        assert_eq!(workers[1].listens_itself().await.port(), own.port());
    });
}

#[test]
fn a_path_has_one_listener() {
    let (world, worker) = (World::new(), Worker::new(1));
    let path = world.path("app.sock");
    world.live(async |daemon| {
        daemon.group.arrange(Sched::Kernel);
        daemon.adds(&worker);
        assert_eq!(worker.listens_at(&path).await["errno"], Value::Null);
        assert_eq!(daemon.group.schedules(), ["round-robin"]);
    });
}

#[test]
fn another_schedule_begins_when_all_workers_have_gone() {
    let workers = [1, 2, 3, 4, 5].map(Worker::new);
    let world = World::new();
    world.live(async |daemon| {
        let [first, second, third, fourth, fifth] = workers;
        daemon.adds(&first);
        let port = first.listens().await["sockname"]["port"].as_u64().unwrap() as u16;
        daemon.group.arrange(Sched::Kernel);
        daemon.adds(&second);
        assert!(second.listens().await["sockname"]["port"] == port, "as long as somebody listens it stays as it is");
        first.dies();
        second.dies();
        until(|| daemon.group.inner.state.borrow().workers.is_empty()).await;
        let _clients = connect(port, 2);
        daemon.adds(&third);
        let query = json!({"act": "queryServer", "seq": 1, "address": "127.0.0.1", "port": 0, "addressType": 4});
        third.says(query.clone());
        assert!(third.hears().await.1.is_some(), "it has a listener of its own now");
        for _ in 0..2 {
            let seq = third.is_given().await;
            third.answers(seq, true);
        }
        daemon.group.arrange(Sched::IpHash);
        third.dies();
        until(|| daemon.group.inner.state.borrow().workers.is_empty()).await;
        daemon.adds(&fourth);
        assert!(fourth.listens().await["errno"].is_null());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "the port stays");
        assert_eq!(daemon.group.schedules(), ["ip-hash"]);
        daemon.group.arrange(Sched::RoundRobin);
        assert_eq!(daemon.group.schedules(), ["round-robin"], "what we accept is ours to share out");
        daemon.adds(&fifth);
        assert!(fifth.listens().await["errno"].is_null());
    });
}

#[test]
fn who_is_not_ready_is_not_chosen_while_another_is() {
    let (ready, other) = (Worker::new(1), Worker::new(2));
    let world = World::new();
    let owns = world.live(async |daemon| {
        let owns = daemon.has_all_of(&[&ready, &other]).await;
        daemon.group.hold_back(other.id, true);
        let _clients = connect(owns[0].port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting()), (20, 0));
        owns[0].accept_all();
        owns
    });
    world.live(async |daemon| {
        daemon.adopts(&ready);
        daemon.adopts(&other);
        let clients = connect(owns[0].port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting()), (20, 0), "the next daemon knows");
        owns[0].accept_all();
        drop(clients);
        daemon.group.retire(ready.id);
        let _clients = connect(owns[0].port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting()), (0, 20), "where nobody is ready it is");
    });
}

#[test]
fn a_worker_and_its_replacement_have_listeners_of_their_own() {
    let old = Worker::new(1);
    let new = Worker::instead_of(&old, 2);
    let world = World::new();
    let owns = world.live(async |daemon| {
        let mut owns = daemon.has_all_of(&[&old]).await;
        daemon.adds(&new);
        daemon.group.hold_back(new.id, true);
        owns.push(new.listens_itself().await);
        let _clients = connect(owns[0].port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting()), (20, 0));
        owns[0].accept_all();
        daemon.group.hold_back(new.id, false);
        daemon.group.retire(old.id);
        let _clients = connect(owns[0].port(), 20);
        assert_eq!((owns[0].waiting(), owns[1].waiting()), (0, 20));
        assert_eq!(daemon.group.schedules(), ["kernel (1 listener)"]);
        owns[1].accept_all();
        owns
    });
    let third = Worker::instead_of(&old, 3);
    world.live(async |daemon| {
        daemon.adopts(&old);
        daemon.adopts(&new);
        old.dies();
        until(|| daemon.group.inner.state.borrow().workers.len() == 1).await;
        daemon.adds(&third);
        daemon.group.hold_back(third.id, true);
        let own = third.listens_itself().await;
        let _clients = connect(own.port(), 20);
        assert_eq!((own.waiting(), owns[1].waiting()), (0, 20), "the one that the first had");
        assert_eq!(daemon.queues().len(), 2, "there are never more than two");
    });
}
