//! Connections that not everybody is to have: those of a client go where its others went, those that are taken off a busy
//! worker to certain others.

use super::primary::{Carried, HandOver, Primary, Server, Waiting};
use super::sched::{Client, Way};
use super::worker::{Berth, Seat, Worker, WorkerId};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// How long a client's connection waits for the worker that its others went to. After that, as when more wait than
/// [`MOST_PATIENT`], it goes to the next one by the client's address.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
pub(super) const MOST_PATIENT: usize = 64;

impl<C: Carried> Primary<C> {
    /// Nobody of the seat comes back: its clients belong to the others.
    pub(super) fn vacate(&mut self, seat: Seat) {
        let workers = &self.workers;
        let holds = |id: &WorkerId| workers.get(id).is_some_and(|worker| worker.seat == seat && !worker.retired);
        for server in self.servers.values_mut() {
            if !server.members.iter().any(holds) {
                server.seats.remove(&seat);
            }
        }
    }

    /// A worker that has left of itself, or was told to, has no successor that its clients could wait for.
    pub(super) fn give_up_seat_of(&mut self, id: WorkerId) {
        if let Some(seat) = self.workers.get(&id).map(|worker| worker.seat) {
            self.vacate(seat);
        }
    }

    /// Those that listen under `key` and stay.
    pub(super) fn staying(&self, key: &str) -> impl Iterator<Item = (WorkerId, &Worker<C>)> {
        let members = self.servers.get(key).into_iter().flat_map(|server| &server.members);
        members.filter_map(|id| Some((*id, self.workers.get(id).filter(|worker| !worker.retired)?)))
    }

    pub(super) fn way(&self, key: &str) -> Option<Way> {
        self.servers.get(key).map(|server| server.way)
    }

    /// How to accept, if a connection accepted now could be handed over at once. Where it depends on the client to whom,
    /// some may wait while others are served.
    pub(super) fn room(&self, key: &str, now: Duration) -> Option<Way> {
        let server = self.servers.get(key)?;
        let most_waiting = if server.way == Way::ByClient { MOST_PATIENT } else { 0 };
        let has_room = server.waiting.len() <= most_waiting && self.pick(server, now, |_| true).is_some();
        has_room.then_some(server.way)
    }

    /// Whether there is room among the workers that accept there.
    pub(super) fn has_room_at(&self, key: &str, berths: &BTreeSet<Berth>, now: Duration) -> bool {
        self.servers.get(key).is_some_and(|server| {
            server.waiting.is_empty() && self.pick(server, now, |worker| berths.contains(&worker.berth)).is_some()
        })
    }

    /// A new connection that one of those is to have.
    pub(super) fn accepted_for(
        &mut self,
        key: &str,
        berths: &BTreeSet<Berth>,
        connection: C,
        now: Duration,
    ) -> Option<HandOver<C>> {
        let (name, server) = self.servers.get_key_value(key)?;
        let name = Rc::clone(name);
        match self.pick(server, now, |worker| berths.contains(&worker.berth)) {
            Some(id) => self.hand_over(id, name, connection, now),
            None => self.accepted(key, connection, now),
        }
    }

    /// Which of those that wait is next, and who gets it.
    pub(super) fn next_of(&self, server: &Server<C>, now: Duration) -> Option<(usize, WorkerId)> {
        if server.way != Way::ByClient {
            return Some((0, self.pick(server, now, |_| true)?));
        }
        let patient_from = server.waiting.len().saturating_sub(MOST_PATIENT);
        let for_whom = |(at, waiting): (usize, &Waiting<C>)| {
            let is_due = at < patient_from || now >= waiting.since + PATIENCE;
            let id = match waiting.connection.client() {
                Some(client) => self.pick_for(client, server, now, is_due),
                None => self.pick(server, now, |_| true),
            };
            Some((at, id?))
        };
        server.waiting.iter().enumerate().find_map(for_whom)
    }

    /// When the first connection that waits for its worker goes to another one.
    pub(super) fn next_due(&self, now: Duration) -> Option<Duration> {
        let by_client = self.servers.values().filter(|server| server.way == Way::ByClient);
        let due = by_client.flat_map(|server| &server.waiting).map(|waiting| waiting.since + PATIENCE);
        due.filter(|due| *due > now).min()
    }

    /// The worker of the seat that the client belongs to; where its patience is over, of the first by its address that
    /// has room.
    fn pick_for(&self, client: Client, server: &Server<C>, now: Duration, is_due: bool) -> Option<WorkerId> {
        let at = |seat: Seat| self.pick(server, now, |worker: &Worker<C>| worker.seat == seat);
        let weight = |seat: &&Seat| client.weight(**seat);
        let own = *server.seats.iter().max_by_key(weight)?;
        if !is_due && !self.is_passed_over(server, own) {
            return at(own);
        }
        let mut seats: Vec<&Seat> = server.seats.iter().collect();
        seats.sort_by_key(|seat| std::cmp::Reverse(weight(seat)));
        seats.into_iter().find_map(|seat| at(*seat))
    }

    /// Whether there is a worker of the seat, but it isn't ready, and others are: nobody knows for how long.
    fn is_passed_over(&self, server: &Server<C>, seat: Seat) -> bool {
        let staying = || server.members.iter().filter_map(|id| self.workers.get(id)).filter(|worker| !worker.retired);
        let mut there = staying().filter(|worker| worker.seat == seat).peekable();
        there.peek().is_some() && there.all(|worker| worker.held_back) && staying().any(|worker| !worker.held_back)
    }
}
