//! Who gets which connection. Pure: connections are an opaque type, sending and closing are the caller's.

use super::affinity::PATIENCE;
use super::sched::{Client, Way};
use super::window::Window;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// A worker, by its `NODE_UNIQUE_ID`. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

/// The place of a worker in its app, its instance number: whoever replaces the worker has it too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(pub u32);

/// How long a worker that refused a connection gets no other one: twice as long with each in a row.
pub(super) const REFUSAL_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_REFUSAL_PAUSE: Duration = Duration::from_millis(160);

/// What is handed over.
pub(super) trait Carried: Clone {
    /// The worker that got it has refused it, or is dead: nobody but us has it now.
    fn came_back(&self);

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

/// A connection that was handed over.
#[derive(Debug)]
struct Outstanding<C> {
    seq: u64,
    key: Rc<str>,
    since: Duration,
    connection: C,
}

#[derive(Debug)]
pub(super) struct Worker<C> {
    pub(super) seat: Seat,
    /// Oldest first.
    unacknowledged: VecDeque<Outstanding<C>>,
    window: Window,
    /// Gets nothing any more.
    pub(super) retired: bool,
    refused_until: Duration,
    /// In a row.
    refusals: u32,
    /// When it last got one, as a count: the tie-breaker that makes turns.
    last_turn: u64,
}

impl<C> Worker<C> {
    fn has_room(&self, now: Duration) -> bool {
        let oldest = self.unacknowledged.front().map(|oldest| oldest.since);
        !self.retired && self.refused_until <= now && self.window.has_room(self.unacknowledged.len(), oldest, now)
    }
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
        let worker = Worker {
            seat,
            unacknowledged: VecDeque::new(),
            window: Window::new(),
            retired: false,
            refused_until: Duration::ZERO,
            refusals: 0,
            last_turn: 0,
        };
        self.workers.insert(id, worker);
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
        let Some(index) = worker.unacknowledged.iter().position(|sent| sent.seq == seq) else { return false };
        let Some(Outstanding { key, since, connection, .. }) = worker.unacknowledged.remove(index) else {
            return false;
        };
        if accepted {
            worker.refusals = 0;
            worker.window.taken(since, now);
        } else {
            let pause = REFUSAL_PAUSE * (1 << worker.refusals.min(8));
            worker.refused_until = now + pause.min(LONGEST_REFUSAL_PAUSE);
            worker.refusals += 1;
            if let Some(server) = self.servers.get_mut(&key) {
                connection.came_back();
                // It needs not wait for this worker, which doesn't want more.
                server.waiting.push_front(Waiting { connection, since: now.saturating_sub(PATIENCE) });
            }
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
            if let Some(server) = self.servers.get_mut(&key) {
                connection.came_back();
                server.waiting.push_front(Waiting { connection, since: now });
                returned += 1;
            }
        }
        returned
    }

    /// Of the members wanted the one with the fewest unacknowledged connections; among equals the one whose turn was
    /// longest ago.
    pub(super) fn pick(
        &self,
        server: &Server<C>,
        now: Duration,
        wanted: impl Fn(&Worker<C>) -> bool,
    ) -> Option<WorkerId> {
        let free = server.members.iter().filter_map(|id| {
            let worker = self.workers.get(id).filter(|worker| wanted(worker) && worker.has_room(now))?;
            Some(((worker.unacknowledged.len(), worker.last_turn), *id))
        });
        free.min().map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::{LATE, WIDEST};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const NOW: Duration = Duration::from_secs(100);

    impl Carried for u32 {
        fn came_back(&self) {}
    }

    fn two_workers() -> Primary<u32> {
        let mut primary = Primary::new(0);
        primary.open("k", Way::Turns);
        for id in [WorkerId(1), WorkerId(2)] {
            primary.add_worker(id, Seat(id.0));
            assert!(primary.join(id, "k"));
        }
        primary
    }

    #[test]
    fn turns_are_even_and_bounded() {
        let mut primary = two_workers();
        let given: Vec<u32> = (0..9).filter_map(|n| primary.accepted("k", n, NOW)).map(|h| h.worker.0).collect();
        assert_eq!(given, [1, 2, 1, 2, 1, 2, 1, 2]);
        assert!(primary.room("k", NOW).is_none() && primary.has_waiting());
    }

    #[test]
    fn the_less_busy_worker_is_next() {
        let mut primary = two_workers();
        let first = primary.accepted("k", 0, NOW).unwrap();
        let second = primary.accepted("k", 1, NOW).unwrap();
        assert_eq!((first.worker, second.worker), (WorkerId(1), WorkerId(2)));
        primary.answered(WorkerId(2), second.seq, true, NOW);
        assert_eq!(primary.accepted("k", 2, NOW).unwrap().worker, WorkerId(2));
    }

    #[test]
    fn a_blocked_worker_gets_no_more() {
        let mut primary = two_workers();
        let stuck = primary.accepted("k", 0, NOW).unwrap();
        let later = NOW + LATE + Duration::from_micros(1);
        for n in 1..20 {
            let next = primary.accepted("k", n, later).unwrap();
            assert_ne!(next.worker, stuck.worker);
            primary.answered(next.worker, next.seq, true, later);
        }
        primary.answered(stuck.worker, stuck.seq, true, later);
        let (one, other) = (primary.accepted("k", 20, later).unwrap(), primary.accepted("k", 21, later).unwrap());
        assert_ne!(one.worker, other.worker);
    }

    #[test]
    fn a_dead_workers_connections_go_on_in_their_order() {
        let mut primary = two_workers();
        primary.retire(WorkerId(2));
        for n in 0..3 {
            assert_eq!(primary.accepted("k", n, NOW).unwrap().worker, WorkerId(1));
        }
        primary.gone(WorkerId(1), NOW);
        assert_eq!(primary.dispatch_any(NOW), None);
        primary.add_worker(WorkerId(3), Seat(3));
        primary.join(WorkerId(3), "k");
        let again: Vec<u32> = std::iter::from_fn(|| primary.dispatch_any(NOW)).map(|h| h.connection).collect();
        assert_eq!(again, [0, 1, 2]);
    }

    #[test]
    fn a_refusal_is_not_repeated_at_once() {
        let mut primary = two_workers();
        let first = primary.accepted("k", 7, NOW).unwrap();
        primary.answered(first.worker, first.seq, false, NOW);
        let second = primary.dispatch_any(NOW).unwrap();
        assert_eq!((second.worker, second.connection), (WorkerId(2), 7));
        primary.answered(second.worker, second.seq, false, NOW);
        assert_eq!(primary.dispatch_any(NOW + REFUSAL_PAUSE.saturating_sub(Duration::from_micros(1))), None);
        assert_eq!(primary.next_try(NOW), Some(NOW + REFUSAL_PAUSE));
        assert!(primary.dispatch_any(NOW + REFUSAL_PAUSE).is_some());
        assert_eq!(primary.next_try(NOW + REFUSAL_PAUSE), None);
    }

    #[test]
    fn who_refuses_again_and_again_is_asked_less_and_less_often() {
        let mut primary: Primary<u32> = Primary::new(0);
        primary.open("k", Way::Turns);
        primary.add_worker(WorkerId(1), Seat(1));
        primary.join(WorkerId(1), "k");
        let mut now = NOW;
        let mut hand_over = primary.accepted("k", 7, now).unwrap();
        for pause in [20, 40, 80, 160, 160, 160].map(Duration::from_millis) {
            primary.answered(WorkerId(1), hand_over.seq, false, now);
            assert_eq!(primary.next_try(now), Some(now + pause));
            now += pause;
            hand_over = primary.dispatch_any(now).unwrap();
        }
        primary.answered(WorkerId(1), hand_over.seq, true, now);
        let next = primary.accepted("k", 8, now).unwrap();
        primary.answered(WorkerId(1), next.seq, false, now);
        assert_eq!(primary.next_try(now), Some(now + REFUSAL_PAUSE));
    }

    #[test]
    fn a_retired_worker_cannot_join() {
        let mut primary = two_workers();
        primary.open("other", Way::Turns);
        primary.retire(WorkerId(1));
        assert!(!primary.join(WorkerId(1), "other"));
        assert!(!primary.join(WorkerId(9), "other"));
    }

    proptest! {
        /// Whatever workers do, no connection is lost, doubled, or held by two.
        #[test]
        fn connections_are_conserved(steps in prop::collection::vec((0..7u8, 0..4u32, any::<bool>()), 1..300)) {
            let mut primary: Primary<u32> = Primary::new(0);
            let mut born = 0;
            let mut served = BTreeSet::new();
            let mut outstanding: Vec<(WorkerId, u64, u32)> = Vec::new();
            let mut alive = BTreeSet::new();
            let mut ids = 0;
            primary.open("k", Way::Turns);
            primary.add_worker(WorkerId(0), Seat(0));
            primary.join(WorkerId(0), "k");
            alive.insert(0);
            for (now, (kind, which, yes)) in steps.into_iter().enumerate() {
                let now = Duration::from_millis(now as u64 * 7);
                let mut sent = Vec::new();
                match kind {
                    0 => { ids += 1; primary.add_worker(WorkerId(ids), Seat(ids)); primary.join(WorkerId(ids), "k"); alive.insert(ids); }
                    1 | 2 => { sent.extend(primary.accepted("k", born, now)); born += 1; }
                    3 | 4 if !outstanding.is_empty() => {
                        let (worker, seq, connection) = outstanding.remove(which as usize % outstanding.len());
                        prop_assert!(primary.answered(worker, seq, yes, now));
                        prop_assert!(!primary.answered(worker, seq, yes, now));
                        if yes { prop_assert!(served.insert(connection)); }
                    }
                    5 => { if let Some(&id) = alive.iter().nth(which as usize + 1) { primary.retire(WorkerId(id)); } }
                    6 => if let Some(&id) = alive.iter().nth(which as usize + 1) {
                        alive.remove(&id);
                        primary.gone(WorkerId(id), now);
                        outstanding.retain(|(worker, ..)| worker.0 != id);
                    },
                    _ => {}
                }
                sent.extend(std::iter::from_fn(|| primary.dispatch_any(now)));
                for hand_over in sent {
                    prop_assert!(alive.contains(&hand_over.worker.0));
                    prop_assert!(!outstanding.iter().any(|(.., connection)| *connection == hand_over.connection));
                    prop_assert!(!served.contains(&hand_over.connection));
                    outstanding.push((hand_over.worker, hand_over.seq, hand_over.connection));
                }
                for id in &alive {
                    prop_assert!(primary.unacknowledged(WorkerId(*id)) <= WIDEST);
                }
            }
            let waiting = primary.close("k").len();
            prop_assert_eq!(served.len() + outstanding.len() + waiting, born as usize);
        }
    }
}
