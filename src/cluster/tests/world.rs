//! What outlives a daemon: descriptors, slots, workers. Daemons live and are killed in it.

use super::super::{Group, Holder, Seat, WorkerId};
use crate::ipc::{Channel, Inbound};
use crate::slots::{Standing, Table};
use crate::sys::keep::{Keep, Kept};
use crate::sys::memory::SharedWords;
use crate::sys::{channel, ready};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::LocalSet;

#[derive(Debug, Default)]
pub(super) struct TestKeep {
    kept: RefCell<BTreeMap<String, Kept>>,
    pub(super) is_full: Cell<bool>,
}

impl TestKeep {
    pub(super) fn all(&self) -> Vec<Kept> {
        self.kept.borrow().values().cloned().collect()
    }
}

impl Keep for TestKeep {
    fn put(&self, name: &str, tag: &[u8], fd: &Arc<OwnedFd>) -> io::Result<()> {
        if !self.is_full.get() {
            let kept = Kept { name: name.to_owned(), tag: tag.to_owned(), fd: Arc::clone(fd) };
            self.kept.borrow_mut().insert(name.to_owned(), kept);
        }
        Ok(())
    }

    fn settle(&self) -> io::Result<()> {
        if self.is_full.get() { Err(io::Error::from_raw_os_error(libc::ENFILE)) } else { Ok(()) }
    }

    fn forget(&self, name: &str) {
        self.kept.borrow_mut().remove(name);
    }
}

pub(super) struct World {
    pub(super) keep: Rc<TestKeep>,
    pub(super) directory: tempfile::TempDir,
    generation: Cell<u64>,
}

/// One generation.
pub(super) struct Daemon {
    pub(super) group: Group,
    pub(super) table: Table,
}

impl World {
    pub(super) fn new() -> Self {
        Self { keep: Rc::default(), directory: tempfile::tempdir().unwrap(), generation: Cell::new(0) }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A daemon goes on from whatever is there, until it is killed: no destructor runs, and no task of it any more.
    pub(super) fn live<T>(&self, life: impl AsyncFnOnce(&Daemon) -> T) -> T {
        self.generation.set(self.generation.get() + 1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tasks = LocalSet::new();
        let (table, _) = Table::open(SharedWords::open(&self.path("slots"), Table::words()).unwrap(), "boot");
        let keep: Rc<dyn Keep> = Rc::<TestKeep>::clone(&self.keep);
        let group = Group::new("app", keep, table.in_flight(), self.generation.get() << 32);
        let daemon = Daemon { group, table };
        let result = tasks.block_on(&runtime, async {
            daemon.group.restore(self.keep.all());
            tokio::time::timeout(Duration::from_secs(20), life(&daemon)).await.expect("something is waited for in vain")
        });
        std::mem::forget((daemon, tasks, runtime));
        result
    }
}

impl Daemon {
    pub(super) fn adds(&self, worker: &Worker) {
        let channel = Rc::new(Channel::new(Arc::clone(&worker.ours)).unwrap());
        self.group.hold(worker.holder());
        self.group.add(worker.id, (worker.holder(), worker.seat()), Rc::clone(&channel), worker.standing.clone());
        self.reads(worker.id, channel);
    }

    pub(super) fn adopts(&self, worker: &Worker) {
        let channel = Rc::new(Channel::adopted(Arc::clone(&worker.ours)).unwrap());
        self.group.hold(worker.holder());
        self.group.rejoin(worker.id, (worker.holder(), worker.seat()), Rc::clone(&channel), worker.standing.clone());
        self.reads(worker.id, channel);
    }

    fn reads(&self, id: WorkerId, channel: Rc<Channel>) {
        let group = self.group.clone();
        tokio::task::spawn_local(async move {
            let hear = |message, _| match message {
                Inbound::Cluster(message) => drop(group.handle(id, &message)),
                Inbound::Answer { seq, accepted } => drop(group.answered(id, seq, accepted)),
                _ => {}
            };
            while channel.receive(hear).await {}
            group.gone(id);
        });
    }
}

/// Node, as far as it matters. Its word is where the daemon after this one finds it.
pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) standing: Standing,
    seat: Seat,
    ours: Arc<OwnedFd>,
    theirs: Arc<OwnedFd>,
}

impl Worker {
    pub(super) fn new(id: u32) -> Self {
        let (ours, theirs) = channel::pair().unwrap();
        let ends = (Arc::new(ours), Arc::new(theirs));
        Self { id: WorkerId(id), standing: Standing::unkept(), seat: Seat(id), ours: ends.0, theirs: ends.1 }
    }

    /// One that is to take the place of another.
    pub(super) fn instead_of(other: &Self, id: u32) -> Self {
        Self { seat: other.seat, ..Self::new(id) }
    }

    pub(super) fn holder(&self) -> Holder {
        Holder(u64::from(self.id.0))
    }

    pub(super) fn seat(&self) -> Seat {
        self.seat
    }

    /// Its process ends.
    pub(super) fn dies(self) {
        drop(self.theirs);
    }

    pub(super) fn says(&self, mut message: Value) {
        message["cmd"] = "NODE_CLUSTER".into();
        let line = format!("{message}\n");
        assert_eq!(channel::send(self.theirs.as_fd(), line.as_bytes(), None).unwrap(), line.len());
    }

    /// The next message, with its descriptor.
    pub(super) async fn hears(&self) -> (Value, Option<OwnedFd>) {
        let end = ready::register(Arc::clone(&self.theirs)).unwrap();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = channel::peek(end.get_ref().as_fd(), &mut buffer).map_or(0, |peeked| peeked.count);
            let Some(at) = buffer[..count].iter().position(|byte| *byte == b'\n') else {
                end.readable().await.unwrap().clear_ready();
                continue;
            };
            let mut descriptors = Vec::new();
            channel::receive(end.get_ref().as_fd(), &mut buffer[..=at], &mut descriptors).unwrap();
            let message: Value = serde_json::from_slice(&buffer[..at]).unwrap();
            // Nobody answers to that.
            if message["cmd"] != "NODE_RPM_KNOCK" {
                return (message, descriptors.pop());
            }
        }
    }

    /// What it has been sent and not heard.
    pub(super) fn has_unheard(&self) -> bool {
        channel::unread_by_peer(self.ours.as_fd()).unwrap() > 0
    }

    /// Asks for a port of its own, and gets the answer.
    pub(super) async fn listens(&self) -> Value {
        self.asks(1, json!({"address": "127.0.0.1", "port": 0, "addressType": 4})).await
    }

    pub(super) async fn listens_at(&self, path: &Path) -> Value {
        self.asks(1, json!({"address": path, "port": -1, "addressType": -1})).await
    }

    /// Asks for a server; when it has one it says that it listens.
    pub(super) async fn asks(&self, seq: u64, mut query: Value) -> Value {
        query["act"] = "queryServer".into();
        query["seq"] = seq.into();
        self.says(query.clone());
        let (reply, _) = self.hears().await;
        assert_eq!(reply["ack"], seq);
        if reply["errno"].is_null() {
            query["act"] = "listening".into();
            self.says(query);
            self.is_seen_listening().await;
        }
        reply
    }

    pub(super) async fn is_seen_listening(&self) {
        while !self.standing.is_listening() {
            tokio::task::yield_now().await;
        }
    }

    /// The number of the connection that it is given next.
    pub(super) async fn is_given(&self) -> u64 {
        let (message, connection) = self.hears().await;
        assert!(connection.is_some(), "no connection came with {message}");
        message["msg"]["seq"].as_u64().unwrap()
    }

    pub(super) fn answers(&self, seq: u64, accepted: bool) {
        self.says(json!({"ack": seq, "accepted": accepted, "seq": 99}));
    }
}

/// Waits until something is so.
pub(super) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}
