//! Who gets which connection. Pure: connections are an opaque type, sending and closing are the caller's.

use super::affinity::PATIENCE;
use super::sched::{Client, Way};
use super::window::WIDEST;
use super::worker::{Berth, Outstanding, Seat, Worker, WorkerId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// What is handed over.
pub(super) trait Carried: Clone {
    /// The worker that got it has refused it, or is dead: nobody but us has it now.
    fn came_back(&self);

    /// The worker that got it has taken it.
    fn taken(&self) {}

    /// Whether nobody else is to have it, whatever becomes of it.
    fn is_for_one(&self) -> bool {
        false
    }

    /// Whose it is, where that decides who gets it.
    fn client(&self) -> Option<Client> {
        None
    }
}

/// A connection to hand over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HandOver<C> {
    pub(super) worker: WorkerId,
    pub(super) key: Rc<str>,
    pub(super) seq: u64,
    pub(super) connection: C,
}

#[derive(Debug)]
pub(super) struct Server<C> {
    pub(super) way: Way,
    pub(super) members: Vec<WorkerId>,
    pub(super) waiting: VecDeque<Waiting<C>>,
    /// Seats that have a worker, or had one that has died and is replaced: they have clients.
    pub(super) seats: BTreeSet<Seat>,
}

#[derive(Debug)]
pub(super) struct Waiting<C> {
    pub(super) connection: C,
    /// Whose worker it waits for, where that matters, gets it only for some time from then on.
    pub(super) since: Duration,
}

/// The scheduling of one app. `now` is the time since boot.
#[derive(Debug)]
pub(super) struct Primary<C> {
    pub(super) workers: BTreeMap<WorkerId, Worker<C>>,
    pub(super) servers: BTreeMap<Rc<str>, Server<C>>,
    first: u64,
    seq: u64,
    turn: u64,
}

/// Numbers are written as JSON, and above this they are not exact any more.
const LARGEST_FIRST: u64 = 1 << 52;

impl<C: Carried> Primary<C> {
    /// Numbers of ours begin above `first`: an answer to a lower one is for another primary before this.
    pub(super) fn new(first: u64) -> Self {
        let first = first % LARGEST_FIRST;
        Self { workers: BTreeMap::new(), servers: BTreeMap::new(), first, seq: first, turn: 0 }
    }

    /// Whether a number was given out by a primary before this one.
    pub(super) fn is_before(&self, seq: u64) -> bool {
        seq <= self.first
    }

    pub(super) fn add_worker(&mut self, id: WorkerId, seat: Seat) {
        self.workers.insert(id, Worker::new(seat));
    }

    /// The next number of ours; unique over all channels of the app.
    pub(super) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// There is a server under `key`, which workers may join, or it is shared in another way from now on.
    pub(super) fn open(&mut self, key: &str, way: Way) {
        let new = || Server { way, members: Vec::new(), waiting: VecDeque::new(), seats: BTreeSet::new() };
        self.servers.entry(key.into()).or_insert_with(new).way = way;
    }

    /// Whether the worker may listen: it is neither gone nor going.
    pub(super) fn may_join(&self, id: WorkerId) -> bool {
        self.workers.get(&id).is_some_and(|worker| !worker.retired)
    }

    /// The worker listens under `key`, which is open. False when it may not.
    pub(super) fn join(&mut self, id: WorkerId, key: &str) -> bool {
        if !self.may_join(id) {
            return false;
        }
        let Some(seat) = self.workers.get(&id).map(|worker| worker.seat) else { return false };
        let Some(server) = self.servers.get_mut(key) else { return false };
        if !server.members.contains(&id) {
            server.members.push(id);
        }
        server.seats.insert(seat);
        true
    }

    /// The worker doesn't listen under `key` any more.
    pub(super) fn leave(&mut self, id: WorkerId, key: &str) {
        if let Some(server) = self.servers.get_mut(key) {
            server.members.retain(|member| *member != id);
        }
        self.give_up_seat_of(id);
    }

    /// Whether anybody listens under `key`.
    pub(super) fn has_members(&self, key: &str) -> bool {
        self.servers.get(key).is_some_and(|server| !server.members.is_empty())
    }

    /// No connection goes to it from now on; those it has not acknowledged are waited for.
    pub(super) fn retire(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.retired = true;
        }
        self.give_up_seat_of(id);
    }

    /// It gets connections again.
    pub(super) fn recall(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        worker.retired = false;
        let seat = worker.seat;
        for server in self.servers.values_mut().filter(|server| server.members.contains(&id)) {
            server.seats.insert(seat);
        }
    }

    /// It isn't ready, or it is again. False when that is known already.
    pub(super) fn hold_back(&mut self, id: WorkerId, on: bool) -> bool {
        let Some(worker) = self.workers.get_mut(&id) else { return false };
        std::mem::replace(&mut worker.held_back, on) != on
    }

    /// Where it accepts, if it does so itself.
    pub(super) fn moor(&mut self, id: WorkerId, berth: Berth) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.berth = berth;
        }
    }

    /// A connection that only this worker is to have, whatever it is like. `None` when it doesn't listen there, or has
    /// not taken too many already.
    pub(super) fn address(&mut self, id: WorkerId, key: &str, connection: C, now: Duration) -> Option<HandOver<C>> {
        let (key, _) = self.servers.get_key_value(key).filter(|(_, server)| server.members.contains(&id))?;
        let key = Rc::clone(key);
        self.workers.get(&id).filter(|worker| worker.unacknowledged.len() < WIDEST)?;
        self.hand_over(id, key, connection, now)
    }

    pub(super) fn unacknowledged(&self, id: WorkerId) -> usize {
        self.workers.get(&id).map_or(0, |worker| worker.unacknowledged.len())
    }

    /// How many it may hold unacknowledged, as its answers are.
    pub(super) fn window(&self, id: WorkerId) -> usize {
        self.workers.get(&id).map_or(0, |worker| worker.window.size())
    }

    /// The server is closed: returns the connections that wait for it.
    pub(super) fn close(&mut self, key: &str) -> VecDeque<C> {
        let waiting = self.servers.remove(key).map(|server| server.waiting).unwrap_or_default();
        waiting.into_iter().map(|waiting| waiting.connection).collect()
    }

    /// Whether connections wait that nobody has room for.
    pub(super) fn has_waiting(&self) -> bool {
        self.servers.values().any(|server| !server.waiting.is_empty())
    }

    /// A new connection. Without room it waits.
    pub(super) fn accepted(&mut self, key: &str, connection: C, now: Duration) -> Option<HandOver<C>> {
        self.servers.get_mut(key)?.waiting.push_back(Waiting { connection, since: now });
        self.dispatch(key, now)
    }

    /// The next hand-over under `key`, if something waits and somebody has room.
    pub(super) fn dispatch(&mut self, key: &str, now: Duration) -> Option<HandOver<C>> {
        let (key, server) = self.servers.get_key_value(key).filter(|(_, server)| !server.waiting.is_empty())?;
        let (key, (at, id)) = (Rc::clone(key), self.next_of(server, now)?);
        let connection = self.servers.get_mut(&key)?.waiting.remove(at)?.connection;
        self.hand_over(id, key, connection, now)
    }

    pub(super) fn hand_over(
        &mut self,
        id: WorkerId,
        key: Rc<str>,
        connection: C,
        now: Duration,
    ) -> Option<HandOver<C>> {
        let seq = self.next_seq();
        self.turn += 1;
        let worker = self.workers.get_mut(&id)?;
        worker.last_turn = self.turn;
        let outstanding = Outstanding { seq, key: Rc::clone(&key), since: now, connection: connection.clone() };
        worker.unacknowledged.push_back(outstanding);
        Some(HandOver { worker: id, key, seq, connection })
    }

    /// The next hand-over under any key.
    pub(super) fn dispatch_any(&mut self, now: Duration) -> Option<HandOver<C>> {
        let with_room =
            |(_, server): &(_, &Server<C>)| !server.waiting.is_empty() && self.next_of(server, now).is_some();
        let key = Rc::clone(self.servers.iter().find(with_room)?.0);
        self.dispatch(&key, now)
    }

    /// The worker's answer. A refused connection goes to the front of the queue; what is unknown is ignored.
    /// Returns whether the answer was one to a hand-over.
    pub(super) fn answered(&mut self, id: WorkerId, seq: u64, accepted: bool, now: Duration) -> bool {
        let Some(worker) = self.workers.get_mut(&id) else { return false };
        let Some(Outstanding { key, since, connection, .. }) = worker.remove(seq) else { return false };
        if accepted {
            worker.took(since, now);
            connection.taken();
            return true;
        }
        worker.refused(now);
        connection.came_back();
        if let Some(server) = self.servers.get_mut(&key).filter(|_| !connection.is_for_one()) {
            // It needs not wait for this worker, which doesn't want more.
            server.waiting.push_front(Waiting { connection, since: now.saturating_sub(PATIENCE) });
        }
        true
    }

    /// When the first of those that have refused a connection may be asked again, or a connection that waits for its
    /// worker goes to another one; `None` when there is none.
    pub(super) fn next_try(&self, now: Duration) -> Option<Duration> {
        let paused = self.workers.values().filter(|worker| !worker.retired && worker.refused_until > now);
        paused.map(|worker| worker.refused_until).chain(self.next_due(now)).min()
    }

    /// The worker is dead and its channel read to the end: what it has not acknowledged goes to others. Tells how many
    /// there are.
    pub(super) fn gone(&mut self, id: WorkerId, now: Duration) -> usize {
        for server in self.servers.values_mut() {
            server.members.retain(|member| *member != id);
        }
        let Some(worker) = self.workers.remove(&id) else { return 0 };
        let mut returned = 0;
        for Outstanding { key, connection, .. } in worker.unacknowledged.into_iter().rev() {
            connection.came_back();
            if let Some(server) = self.servers.get_mut(&key).filter(|_| !connection.is_for_one()) {
                server.waiting.push_front(Waiting { connection, since: now });
                returned += 1;
            }
        }
        returned
    }

    /// Of the members wanted the one with the fewest unacknowledged connections; among equals the one whose turn was
    /// longest ago. Who isn't ready gets something only if no member is, wanted or not.
    pub(super) fn pick(
        &self,
        server: &Server<C>,
        now: Duration,
        wanted: impl Fn(&Worker<C>) -> bool,
    ) -> Option<WorkerId> {
        let (mut somebody_is_ready, mut best) = (false, None);
        for id in &server.members {
            let Some(worker) = self.workers.get(id) else { continue };
            somebody_is_ready |= worker.is_ready();
            if wanted(worker) && worker.has_room(now) {
                let rank = (worker.held_back, worker.unacknowledged.len(), worker.last_turn);
                if best.is_none_or(|best| (rank, *id) < best) {
                    best = Some((rank, *id));
                }
            }
        }
        best.filter(|((held_back, ..), _)| !(*held_back && somebody_is_ready)).map(|(_, id)| id)
    }
}

#[cfg(test)]
#[path = "primary_tests.rs"]
mod tests;
