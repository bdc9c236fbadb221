//! The primary of one app: its listeners, its workers' channels, and the decisions of [`Primary`] carried out.

use super::listener::Listener;
use super::message::{self, Query};
use super::primary::{HandOver, Primary, REFUSAL_PAUSE, WorkerId};
use super::server::{Server, accept_loop};
use crate::clock;
use crate::ipc::{Channel, ClusterMessage};
use crate::slots::InFlight;
use crate::sys::keep::Keep;
use crate::sys::ready;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// A server that nobody listens to is closed after this, unless a worker is still on its way to it.
const PRUNE_AFTER: Duration = Duration::from_secs(1);
/// What a worker's message means to whoever runs the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Node is up; no code of the app has run.
    Online,
    /// It listens: ready to serve.
    Listening,
    /// It leaves by its own will.
    Leaving,
    /// Descriptors and messages can't be paired any more: it must be replaced.
    Broken,
}

/// Who keeps an app's listeners open: one task of one process. A reload has two of them for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder(pub u64);

/// The primary of one app.
#[derive(Debug, Clone)]
pub struct Group {
    inner: Rc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    name: String,
    pub(super) state: RefCell<State>,
    keep: Rc<dyn Keep>,
    pub(super) in_flight: InFlight,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) primary: Primary<Rc<OwnedFd>>,
    workers: BTreeMap<WorkerId, Worker>,
    servers: BTreeMap<String, Server>,
    /// While there is one, listeners stay.
    holders: BTreeSet<Holder>,
    /// Why the last listen was refused, if it was.
    refused: Option<String>,
}

#[derive(Debug)]
struct Worker {
    holder: Holder,
    channel: Rc<Channel>,
    listening: bool,
}

impl Group {
    /// `name` is the app's; its listeners are kept under it.
    pub fn new(name: &str, keep: Rc<dyn Keep>, in_flight: InFlight) -> Self {
        let state = RefCell::new(State {
            primary: Primary::default(),
            workers: BTreeMap::new(),
            servers: BTreeMap::new(),
            holders: BTreeSet::new(),
            refused: None,
        });
        Self { inner: Rc::new(Inner { name: name.to_owned(), state, keep, in_flight }) }
    }

    /// The process runs or will run: its listeners are kept from now on, through crashes and restarts.
    pub fn hold(&self, holder: Holder) {
        self.inner.state.borrow_mut().holders.insert(holder);
    }

    /// The process has been stopped. With the last one the listeners go.
    pub fn release(&self, holder: Holder) {
        let mut state = self.inner.state.borrow_mut();
        state.holders.remove(&holder);
        if state.holders.is_empty() {
            let keys: Vec<String> = state.servers.keys().cloned().collect();
            for key in keys {
                state.close(&key);
            }
        }
    }

    pub fn add(&self, worker: WorkerId, holder: Holder, channel: Rc<Channel>) {
        let mut state = self.inner.state.borrow_mut();
        state.primary.add_worker(worker);
        state.workers.insert(worker, Worker { holder, channel, listening: false });
    }

    /// A cluster message of a worker.
    pub fn handle(&self, id: WorkerId, message: &ClusterMessage) -> Option<Notice> {
        if let (Some(ack), Some(accepted)) = (message.ack, message.accepted) {
            self.answered(id, ack, accepted);
            return None;
        }
        match message.act.as_deref()? {
            "online" => Some(Notice::Online),
            "queryServer" => {
                self.query(id, message, true);
                None
            }
            "listening" => {
                if let Some(worker) = self.inner.state.borrow_mut().workers.get_mut(&id) {
                    worker.listening = true;
                }
                self.prune_later();
                Some(Notice::Listening)
            }
            "close" => {
                if let Some(key) = &message.key {
                    self.inner.state.borrow_mut().primary.leave(id, key);
                    self.prune_later();
                }
                None
            }
            "exitedAfterDisconnect" => {
                let mut state = self.inner.state.borrow_mut();
                state.primary.retire(id);
                let seq = state.primary.next_seq();
                state.send(id, message::acknowledgement(seq, message.seq.unwrap_or(0)));
                Some(Notice::Leaving)
            }
            _ => None,
        }
    }

    /// Gives the worker no more connections.
    pub fn retire(&self, id: WorkerId) {
        self.inner.state.borrow_mut().primary.retire(id);
        self.inner.pump();
    }

    /// Asks the worker to close its servers, finish what is open, and leave. Retire it before.
    pub fn disconnect(&self, id: WorkerId) {
        let mut state = self.inner.state.borrow_mut();
        let seq = state.primary.next_seq();
        state.send(id, message::disconnect(seq));
    }

    /// Connections handed to the worker that it has not acknowledged.
    pub fn unacknowledged(&self, id: WorkerId) -> usize {
        self.inner.state.borrow().primary.unacknowledged(id)
    }

    /// The worker's channel has ended, and everything in it was handled.
    pub fn gone(&self, id: WorkerId) {
        {
            let mut state = self.inner.state.borrow_mut();
            state.workers.remove(&id);
            state.primary.gone(id);
        }
        self.inner.pump();
    }

    /// What the app listens on, for people.
    pub fn listens(&self) -> Vec<String> {
        self.inner.state.borrow().servers.values().map(|server| server.listener.get_ref().describe()).collect()
    }

    /// Why its workers cannot listen, if that is what they met last.
    pub fn refused(&self) -> Option<String> {
        self.inner.state.borrow().refused.clone()
    }

    fn answered(&self, id: WorkerId, seq: u64, accepted: bool) {
        let known = self.inner.state.borrow_mut().primary.answered(id, seq, accepted, clock::boot_ms());
        if known && !accepted {
            let inner = Rc::downgrade(&self.inner);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(Duration::from_millis(REFUSAL_PAUSE + 1)).await;
                if let Some(inner) = inner.upgrade() {
                    inner.pump();
                }
            });
        }
        self.inner.pump();
    }

    fn query(&self, id: WorkerId, message: &ClusterMessage, first_try: bool) {
        let Some(seq) = message.seq else { return };
        let mut state = self.inner.state.borrow_mut();
        let Some(query) = Query::of(message) else {
            let data = message.data.clone().unwrap_or(Value::Null);
            let own = state.primary.next_seq();
            state.send(id, message::error_reply(own, seq, "malformed", &data, libc::EINVAL));
            return;
        };
        if !state.servers.contains_key(&query.key)
            && let Err(errno) = self.open(&mut state, &query)
        {
            // What is in the way may be ours: a worker that closes a server listens anew under another name, as a
            // fixed port in place of port 0, before the old listener has gone. It goes with its task, in a moment.
            if first_try && errno == libc::EADDRINUSE && state.close_unused() {
                let (group, message) = (self.clone(), message.clone());
                tokio::task::spawn_local(async move {
                    tokio::task::yield_now().await;
                    group.query(id, &message, false);
                });
                return;
            }
            state.refused = Some(format!("{}: {}", query.address, io::Error::from_raw_os_error(errno)));
            let own = state.primary.next_seq();
            state.send(id, message::error_reply(own, seq, &query.key, &query.data, errno));
            return;
        }
        state.refused = None;
        // A worker that leaves gets no answer, as with Node's own primary.
        if !state.primary.join(id, &query.key) {
            return;
        }
        let own = state.primary.next_seq();
        if let Some(server) = state.servers.get_mut(&query.key)
            && server.data.is_null()
        {
            // The first that has some: a TLS server reads what comes back without looking.
            server.data = query.data.clone();
        }
        let server = &state.servers[&query.key];
        let data = if query.data.is_null() { &Value::Null } else { &server.data };
        let reply = message::listening_reply(own, seq, &query.key, data, server.listener.get_ref().bound());
        state.send(id, reply);
        drop(state);
        // What the dead left behind may have waited for just this worker.
        self.inner.pump();
    }

    fn open(&self, state: &mut State, query: &Query) -> Result<(), i32> {
        let listener = Listener::bind(&query.address, query.backlog)?;
        let listener = ready::register(listener).map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))?;
        let kept_as = format!("listen/{}/{}", self.inner.name, query.key);
        self.inner
            .keep
            .put(&kept_as, b"", listener.get_ref().socket())
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EMFILE))?;
        let (listener, room) = (Rc::new(listener), Rc::new(Notify::new()));
        let accepting =
            accept_loop(Rc::downgrade(&self.inner), query.key.clone(), Rc::clone(&listener), Rc::clone(&room));
        let server = Server {
            listener,
            key_json: Value::from(query.key.as_str()).to_string(),
            data: query.data.clone(),
            room,
            accepting: tokio::task::spawn_local(accepting).abort_handle(),
            keep: Rc::clone(&self.inner.keep),
            kept_as,
        };
        state.servers.insert(query.key.clone(), server);
        Ok(())
    }

    fn prune_later(&self) {
        let inner = Rc::downgrade(&self.inner);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(PRUNE_AFTER).await;
            if let Some(inner) = inner.upgrade() {
                inner.state.borrow_mut().prune();
            }
        });
    }
}

impl Inner {
    /// Hands over what waits, and lets listeners accept again.
    fn pump(&self) {
        let mut state = self.state.borrow_mut();
        let now = clock::boot_ms();
        if state.primary.has_waiting() {
            while let Some(hand_over) = state.primary.dispatch_any(now) {
                state.deliver(hand_over);
            }
        }
        for server in state.servers.values() {
            server.room.notify_one();
        }
    }
}

impl State {
    fn send(&self, id: WorkerId, line: Vec<u8>) {
        if let Some(worker) = self.workers.get(&id)
            && worker.channel.send(line).is_err()
        {
            tracing::warn!("cluster worker {} doesn't read its channel: a message to it is dropped", id.0);
        }
    }

    pub(super) fn deliver(&self, hand_over: HandOver<Rc<OwnedFd>>) {
        if let (Some(worker), Some(server)) = (self.workers.get(&hand_over.worker), self.servers.get(&hand_over.key)) {
            let line = message::new_connection(hand_over.seq, &server.key_json);
            worker.channel.send_descriptor(line, hand_over.connection);
        }
    }

    fn close(&mut self, key: &str) {
        self.primary.close(key);
        self.servers.remove(key);
    }

    /// Closes servers without members. Tells whether there were any.
    fn close_unused(&mut self) -> bool {
        let unused: Vec<String> = self.servers.keys().filter(|key| !self.primary.has_members(key)).cloned().collect();
        for key in &unused {
            self.close(key);
        }
        !unused.is_empty()
    }

    /// Closes servers without members, unless a process may still be on its way to them.
    fn prune(&mut self) {
        let settled =
            |holder: &Holder| self.workers.values().any(|worker| worker.holder == *holder && worker.listening);
        if self.holders.iter().all(settled) {
            self.close_unused();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::Inbound;
    use crate::sys::keep::LocalKeep;
    use serde_json::json;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use tokio::task::LocalSet;

    /// A worker of `group` that asks for a port of its own, and its end of the channel.
    fn listening_worker(group: &Group, id: WorkerId) -> Channel {
        let (ours, theirs) = UnixStream::pair().unwrap();
        for end in [&ours, &theirs] {
            end.set_nonblocking(true).unwrap();
        }
        group.add(id, Holder(1), Rc::new(Channel::new(Arc::new(ours.into())).unwrap()));
        let query = json!({"act": "queryServer", "seq": 1, "address": "127.0.0.1", "port": 0, "addressType": 4});
        group.handle(id, &serde_json::from_value(query).unwrap());
        Channel::new(Arc::new(theirs.into())).unwrap()
    }

    async fn connection_to(worker: &Channel) {
        let mut came = false;
        while !came {
            assert!(worker.receive(|message, fd| came |= message == Inbound::Handle && fd.is_some()).await);
        }
    }

    #[test]
    fn connections_of_the_last_worker_go_to_its_successor() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let test = async {
            let group = Group::new("app", Rc::new(LocalKeep::default()), InFlight::unkept());
            group.hold(Holder(1));
            let first = listening_worker(&group, WorkerId(1));
            let _client = std::net::TcpStream::connect(&group.listens()[0]).unwrap();
            connection_to(&first).await;
            group.gone(WorkerId(1));
            let second = listening_worker(&group, WorkerId(2));
            connection_to(&second).await;
        };
        let limited =
            async { tokio::time::timeout(Duration::from_secs(10), test).await.expect("a connection is stuck") };
        LocalSet::new().block_on(&runtime, limited);
    }
}
