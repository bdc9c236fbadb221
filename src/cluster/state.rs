//! What a group holds: workers with their channels, servers with their listeners, and who keeps them open.

use super::allowance::Allowance;
use super::bun;
use super::connection::Connection;
use super::group::Holder;
use super::message;
use super::primary::{HandOver, Primary};
use super::server::Server;
use super::worker::{Berth, Seat, WorkerId};
use crate::clock;
use crate::domain::spec::Sched;
use crate::ipc::{Channel, QueueFull};
use crate::slots::{InFlight, MOST_SERVERS, Standing};
use crate::sys::keep::Keep;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) name: String,
    pub(super) state: RefCell<State>,
    pub(super) keep: Rc<dyn Keep>,
    pub(super) in_flight: InFlight,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) primary: Primary<Rc<Connection>>,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    pub(super) servers: BTreeMap<String, Server>,
    /// While there is one, listeners stay.
    pub(super) holders: BTreeSet<Holder>,
    /// The seats of those whose processes have run.
    pub(super) seats: BTreeMap<Holder, Seat>,
    /// Seats of which the last worker accepts at the second of their listeners.
    pub(super) second_sides: BTreeSet<Seat>,
    /// Of servers that are opened from now on.
    pub(super) sched: Sched,
    /// Why the last listen was refused, if it was.
    pub(super) refused: Option<String>,
    /// The line of a hand-over, written over and over.
    line: Vec<u8>,
    /// Servers without members are closed then, and somebody waits for it.
    pub(super) prune_at: Option<Duration>,
    /// Somebody waits until a worker that has refused a connection may be asked again.
    pub(super) retrying: bool,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) holder: Holder,
    pub(super) berth: Berth,
    pub(super) channel: Rc<Channel>,
    pub(super) standing: Standing,
    /// Its process, once it is known: to take descriptors of its own from.
    pub(super) process: Option<Arc<OwnedFd>>,
    /// Keys that it has asked this daemon for, and not closed.
    pub(super) asked: BTreeSet<String>,
    /// Of messages that nobody has asked it for.
    pub(super) allowance: Allowance,
    /// When there was last something that it had not read, as far as anybody has looked.
    pub(super) unread_at: Duration,
    /// Refusals of connections that a daemon before this one may have handed to it.
    pub(super) old_refusals: u8,
}

impl Inner {
    /// Hands over what waits, and lets listeners accept again.
    pub(super) fn pump(&self) {
        let mut state = self.state.borrow_mut();
        if state.primary.has_waiting() {
            let now = clock::boot();
            while let Some(hand_over) = state.primary.dispatch_any(now) {
                state.deliver(hand_over);
            }
        }
        for server in state.servers.values() {
            server.accept_again();
        }
    }
}

impl State {
    pub(super) fn new(first_seq: u64) -> Self {
        Self {
            primary: Primary::new(first_seq),
            workers: BTreeMap::new(),
            servers: BTreeMap::new(),
            holders: BTreeSet::new(),
            seats: BTreeMap::new(),
            second_sides: BTreeSet::new(),
            sched: Sched::default(),
            refused: None,
            line: Vec::new(),
            prune_at: None,
            retrying: false,
        }
    }

    /// Where a worker accepts; of one that is not known, somewhere.
    pub(super) fn berth_of(&self, id: WorkerId) -> Berth {
        self.workers.get(&id).map(|worker| worker.berth).unwrap_or_default()
    }

    /// Where a new worker of the seat accepts: not where another one does that lives, as when it is replaced. After one
    /// that has died it is the same place, with what waits there.
    pub(super) fn free_berth(&self, seat: Seat) -> Berth {
        let taken = |berth: Berth| self.workers.values().any(|worker| worker.berth == berth);
        let was_second = self.second_sides.contains(&seat);
        let [last, other] = [was_second, !was_second].map(|is_second| Berth::new(seat, is_second));
        if taken(last) && !taken(other) { other } else { last }
    }

    /// The worker accepts there.
    pub(super) fn moor(&mut self, id: WorkerId, berth: Berth) {
        if berth.is_second {
            self.second_sides.insert(berth.seat);
        } else {
            self.second_sides.remove(&berth.seat);
        }
        self.primary.moor(id, berth);
    }

    pub(super) fn send(&self, id: WorkerId, line: Vec<u8>) -> Result<(), QueueFull> {
        self.workers.get(&id).map_or(Ok(()), |worker| worker.channel.send_internal(line))
    }

    pub(super) fn deliver(&mut self, hand_over: HandOver<Rc<Connection>>) {
        if let (Some(worker), Some(server)) = (self.workers.get(&hand_over.worker), self.servers.get(&*hand_over.key)) {
            self.line.clear();
            let write = if worker.channel.marks() { bun::new_connection } else { message::new_connection };
            write(&mut self.line, hand_over.seq, &server.key_json);
            worker.channel.send_descriptor(&self.line, hand_over.connection);
            worker.standing.count_dispatched();
        }
    }

    /// The worker listens there. False when it may not.
    pub(super) fn join(&mut self, id: WorkerId, key: &str) -> bool {
        let joined = self.primary.join(id, key);
        if let (true, Some(worker), Some(server)) = (joined, self.workers.get(&id), self.servers.get(key)) {
            worker.standing.join(server.tag.number);
        }
        joined
    }

    pub(super) fn leave(&mut self, id: WorkerId, key: &str) {
        self.primary.leave(id, key);
        if let (Some(worker), Some(server)) = (self.workers.get_mut(&id), self.servers.get(key)) {
            worker.standing.leave(server.tag.number);
            worker.asked.remove(key);
        }
        self.close_given();
        self.reseat();
    }

    /// Nobody runs there any more, unless another has taken the place.
    pub(super) fn vacate(&mut self, holder: Holder) {
        if let Some(seat) = self.seats.remove(&holder)
            && !self.seats.values().any(|other| *other == seat)
        {
            self.primary.vacate(seat);
        }
    }

    /// What workers have bound themselves ends with the last of them: who comes next binds it anew.
    pub(super) fn close_given(&mut self) {
        let unused = |(key, server): (&String, &Server)| {
            (server.tag.given && !self.primary.has_members(key)).then(|| key.clone())
        };
        let unused: Vec<String> = self.servers.iter().filter_map(unused).collect();
        for key in &unused {
            self.close(key);
        }
    }

    /// No connection goes to it from now on.
    pub(super) fn retire(&mut self, id: WorkerId) {
        self.primary.retire(id);
        if let Some(worker) = self.workers.get(&id) {
            worker.standing.set_retired();
        }
        self.reseat();
    }

    /// A worker that another daemon has known is what its standing says.
    pub(super) fn resume(&mut self, id: WorkerId) {
        let Some(Worker { standing, .. }) = self.workers.get(&id) else { return };
        let standing = standing.clone();
        for number in 0..MOST_SERVERS {
            if !self.servers.values().any(|server| server.tag.number == number) {
                // Another server will have this number.
                standing.leave(number);
            }
        }
        for (key, server) in &self.servers {
            // Of the others it is not known: a worker that doesn't know the key refuses, and somebody else gets it.
            let perhaps = server.tag.number >= MOST_SERVERS && standing.is_listening();
            if perhaps || standing.has_joined(server.tag.number) {
                self.primary.join(id, key);
            }
        }
        self.primary.hold_back(id, standing.is_held_back());
        if standing.is_retired() {
            self.primary.retire(id);
        }
        self.reseat();
    }

    /// The smallest number that no server has.
    pub(super) fn unused_number(&self) -> u32 {
        let used: BTreeSet<u32> = self.servers.values().map(|server| server.tag.number).collect();
        (0..used.len() as u32).find(|number| !used.contains(number)).unwrap_or(used.len() as u32)
    }

    pub(super) fn close(&mut self, key: &str) {
        let Some(server) = self.servers.remove(key) else { return };
        // First, as whoever finds the number in a standing finds the server that has it.
        for worker in self.workers.values_mut() {
            worker.standing.leave(server.tag.number);
            worker.asked.remove(key);
        }
        self.primary.close(key);
        server.close();
    }

    /// Closes servers without members. Tells whether there were any.
    pub(super) fn close_unused(&mut self) -> bool {
        let unused: Vec<String> = self.servers.keys().filter(|key| !self.primary.has_members(key)).cloned().collect();
        for key in &unused {
            self.close(key);
        }
        !unused.is_empty()
    }

    /// Closes servers without members, unless a process may still be on its way to them.
    pub(super) fn prune(&mut self) {
        let settled = |holder: &Holder| {
            self.workers.values().any(|worker| worker.holder == *holder && worker.standing.is_listening())
        };
        if self.holders.iter().all(settled) {
            self.close_unused();
        }
    }
}
