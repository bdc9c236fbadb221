//! How an app comes to its servers: a worker asks for one, or another daemon has left it.

use super::group::Group;
use super::kept::{self, Place, Tag};
use super::listener::{Bound, Listener};
use super::message;
use super::query::{Address, Query, data_for};
use super::sched::Way;
use super::seats::{Predecessor, SeatListener, Seats};
use super::server::Server;
use super::state::State;
use super::worker::{Berth, Seat, WorkerId};
use crate::clock;
use crate::ipc::{ClusterMessage, QueueFull};
use crate::sys::fault::{self, Point};
use crate::sys::keep::Kept;
use crate::sys::pidfd;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;

/// Servers that an app can have at once. Each is a descriptor here and one with whoever keeps it.
const MOST: usize = 256;

impl Group {
    /// Opens the servers that another daemon has kept for this app. Their members are those that [`Self::rejoin`].
    pub fn restore(&self, kept: Vec<Kept>) {
        let mut seats: BTreeMap<String, (Tag, BTreeMap<Place, SeatListener>)> = BTreeMap::new();
        for kept in kept {
            let tag = Tag::of(&kept).filter(|tag| tag.app == self.inner.name);
            let listener = tag.as_ref().and_then(|tag| Listener::adopt(kept.fd, tag));
            let (Some(mut tag), Some(listener)) = (tag, listener) else {
                // Its close was cut off half-way.
                self.inner.keep.forget(&kept.name);
                continue;
            };
            match tag.place.take() {
                Some(place) => {
                    let berth = Berth::new(Seat(place.seat), place.second);
                    let one = SeatListener { berth, listener, kept_as: kept.name };
                    seats.entry(tag.key.clone()).or_insert_with(|| (tag, BTreeMap::new())).1.insert(place, one);
                }
                None => self.restore_one(listener, tag, kept.name),
            }
        }
        for (_, (tag, listeners)) in seats {
            let seats = Seats::new(listeners.into_values().collect());
            self.insert_restored(Server::open_seats(&self.inner, seats, tag), Way::PerSeat);
        }
    }

    fn restore_one(&self, listener: Listener, tag: Tag, kept_as: String) {
        let (address, way) = (listener.describe(), Way::of_accepted(self.inner.state.borrow().sched, &tag.address));
        match Server::open(&self.inner, listener, tag, kept_as) {
            Ok(server) => self.insert_restored(server, way),
            Err(error) => {
                tracing::error!("{}: its listener at {address} cannot be taken over: {error}", self.inner.name);
            }
        }
    }

    fn insert_restored(&self, server: Server, way: Way) {
        let mut state = self.inner.state.borrow_mut();
        if state.servers.contains_key(&server.tag.key) {
            // Two of one key can't both be in use; which one is lost can't matter.
            return server.close();
        }
        state.primary.open(&server.tag.key, way);
        state.servers.insert(server.tag.key.clone(), server);
    }

    /// A worker asks for a server. It is kept before the worker hears of it. The error is that the worker doesn't read
    /// its answers.
    pub(super) fn query(&self, id: WorkerId, message: &ClusterMessage) -> Result<(), QueueFull> {
        let Some(seq) = message.seq else { return Ok(()) };
        let mut state = self.inner.state.borrow_mut();
        // A worker that leaves gets no answer, as with Node's own primary.
        if !state.primary.may_join(id) {
            return Ok(());
        }
        let query = match Query::of(message, seq) {
            Ok(query) => query,
            Err(errno) => {
                let data = message.data.clone().unwrap_or(Value::Null);
                let own = state.primary.next_seq();
                return state.send(id, message::error_reply(own, seq, "refused", &data, errno));
            }
        };
        let key = match self.open(&mut state, id, &query) {
            Ok(key) => key,
            Err(refusal) => {
                state.refused = Some(refusal.of(&query.address));
                let own = state.primary.next_seq();
                return state.send(id, message::error_reply(own, seq, &query.key, &query.data, refusal.errno));
            }
        };
        state.refused = None;
        state.join(id, &key);
        let answered = Self::answer(&mut state, id, &key, &query);
        drop(state);
        fault::point(Point::ListenAnswered);
        // What the dead left behind may have waited for just this worker.
        self.inner.pump();
        answered
    }

    fn answer(state: &mut State, id: WorkerId, key: &str, query: &Query) -> Result<(), QueueFull> {
        // Out of the list as long as the answer is written, which needs the rest of the state.
        let Some(mut server) = state.servers.remove(key) else { return Ok(()) };
        server.learn(&query.data);
        let data = data_for(&query.data, &server.tag.data);
        let answered = if server.tag.shared {
            let berth = state.berth_of(id);
            state.share(id, query.seq, (&server.tag, server.listener_of(berth)), data)
        } else {
            let own = state.primary.next_seq();
            state.send(id, message::listening_reply(own, query.seq, key, data, server.listener().bound()))
        };
        if let Some((seats, _)) = server.seats_mut() {
            seats.expect(id);
        }
        state.servers.insert(key.to_owned(), server);
        state.reseat();
        answered
    }

    /// The key of the server that is asked for: there already, or bound now.
    fn open(&self, state: &mut State, id: WorkerId, query: &Query) -> Result<String, Refusal> {
        let given = match &query.address {
            Address::Given { number, datagrams } => Some(state.take(id, *number, *datagrams, query.backlog)?),
            _ => None,
        };
        let key = given.as_ref().map_or_else(|| query.key.clone(), Listener::identity);
        let way = Way::of(state.sched, &query.address);
        let key = state.unasked_key(id, key);
        let old = state.close_for(way, &key, &self.inner.in_flight);
        if state.servers.contains_key(&key) {
            state.seat(id, &key, query)?;
            state.note_asked(id, &key);
            return Ok(key);
        }
        if state.servers.len() >= MOST {
            return Err(Refusal { errno: libc::EMFILE, why: Some("an app can have 256 servers") });
        }
        let listener = match given {
            Some(listener) => listener,
            None => Self::bind(state, query, way, old.as_ref())?,
        };
        fault::point(Point::ListenBound);
        let tag = Tag {
            app: self.inner.name.clone(),
            key: key.clone(),
            number: state.unused_number(),
            address: listener.bound().clone(),
            shared: query.shared || way == Way::PerSeat,
            given: listener.is_given(),
            data: query.data.clone(),
            place: None,
        };
        let kept_as = kept::unused_name()?;
        let server = if way == Way::PerSeat {
            let berth = state.berth_of(id);
            Server::open_seats(&self.inner, Seats::new(vec![SeatListener { berth, listener, kept_as }]), tag)
        } else {
            Server::open(&self.inner, listener, tag, kept_as)?
        };
        if let Err(error) = server.store() {
            server.close();
            return Err(error.into());
        }
        fault::point(Point::ListenKept);
        state.primary.open(&key, way);
        for connection in old.into_iter().flat_map(|old| old.carried) {
            state.primary.accepted(&key, connection, clock::boot());
        }
        state.servers.insert(key.clone(), server);
        state.note_asked(id, &key);
        Ok(key)
    }

    fn bind(state: &mut State, query: &Query, way: Way, old: Option<&Predecessor>) -> Result<Listener, i32> {
        let bind = if way == Way::PerSeat { Listener::bind_first } else { Listener::bind };
        // A port of the system's choice stays the app's, unless somebody has taken it this instant.
        if let Some(Bound::Tcp(address)) = old.map(|old| &old.bound)
            && let Ok(listener) = bind(&query.address.at_port(address.port()), query.backlog)
        {
            return Ok(listener);
        }
        match bind(&query.address, query.backlog) {
            // What is in the way may be ours: a worker that closes a server listens anew under another name, as a
            // fixed port in place of port 0, before the old listener has gone.
            Err(libc::EADDRINUSE) if state.close_unused() => bind(&query.address, query.backlog),
            other => other,
        }
    }
}

impl State {
    /// Twice in one worker is twice, as with Node's own primary: it binds anew, and mostly finds the address taken.
    fn unasked_key(&self, id: WorkerId, key: String) -> String {
        let Some(worker) = self.workers.get(&id) else { return key };
        let again = (2..).map(|time: u32| format!("{key}:{time}"));
        std::iter::once(key.clone()).chain(again).find(|key| !worker.asked.contains(key)).unwrap_or(key)
    }

    fn note_asked(&mut self, id: WorkerId, key: &str) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.asked.insert(key.to_owned());
        }
    }

    /// Takes a copy of a socket that the worker has open.
    fn take(&self, id: WorkerId, number: i32, datagrams: bool, backlog: i32) -> Result<Listener, Refusal> {
        let process = self.workers.get(&id).and_then(|worker| worker.process.as_ref());
        let process = process.ok_or(Refusal { errno: libc::ENOTSUP, why: Some("its process is not known") })?;
        let socket = pidfd::take_descriptor(process, number).map_err(|error| {
            let may_not = error.raw_os_error() == Some(libc::EPERM);
            let why = may_not.then_some("the system lets nobody take a descriptor of another process (ptrace_scope)");
            Refusal { why, ..error.into() }
        })?;
        Ok(Listener::given(socket, datagrams, backlog)?)
    }
}

/// Why a worker doesn't get what it asks for.
struct Refusal {
    errno: i32,
    /// Where the number alone would mislead.
    why: Option<&'static str>,
}

impl Refusal {
    fn of(&self, address: &Address) -> String {
        match self.why {
            Some(why) => format!("{address}: {why}"),
            None => format!("{address}: {}", io::Error::from_raw_os_error(self.errno)),
        }
    }
}

impl From<i32> for Refusal {
    fn from(errno: i32) -> Self {
        Self { errno, why: None }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().unwrap_or(libc::EMFILE).into()
    }
}
