//! The listeners of a server of which each worker accepts at one of its own.
//!
//! They belong to seats, not to workers: who follows a dead worker gets the same one, with all that waits in it. A seat
//! has a second one for when a worker is replaced while it lives, since the kernel is to choose one of the two. Once
//! bound a listener stays for as long as the server, so that the kernel's numbers of them never change; one that nobody
//! has is not chosen any more.

use super::connection::Connection;
use super::kept::{Place, Tag};
use super::listener::{Bound, Listener};
use super::query::Query;
use super::relief::Queue;
use super::sched::Way;
use super::server::Server;
use super::spread;
use super::state::State;
use super::worker::{Berth, Seat, Worker, WorkerId};
use crate::slots::InFlight;
use crate::sys::keep::Keep;
use crate::sys::reuseport;
use std::collections::{BTreeSet, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::{io, iter};

/// Connections of one listener that go over to the next when a server is opened anew: no queue is longer than this by
/// default (`net.core.somaxconn`).
const MOST_CARRIED: usize = 4096;

/// All listeners of one server: at least one.
#[derive(Debug)]
pub(super) struct Seats {
    /// In the order in which they were bound.
    listeners: Vec<SeatListener>,
    /// Those that somebody accepts at.
    served: BTreeSet<Berth>,
    /// Whom the kernel chooses from, by their numbers, as far as we have told it.
    chosen: BTreeSet<u32>,
    /// They have their listener, and have not said that they listen.
    on_their_way: BTreeSet<WorkerId>,
}

/// What is left of a server that was closed to be opened anew.
#[derive(Debug)]
pub(super) struct Predecessor {
    pub(super) bound: Bound,
    /// They wait for a worker.
    pub(super) carried: VecDeque<Rc<Connection>>,
}

#[derive(Debug)]
pub(super) struct SeatListener {
    pub(super) berth: Berth,
    pub(super) listener: Listener,
    pub(super) kept_as: String,
}

/// A worker, as far as it concerns whether connections go to it.
struct Staying {
    id: WorkerId,
    berth: Berth,
    held_back: bool,
}

impl Staying {
    fn of<C>(id: WorkerId, worker: &Worker<C>) -> Self {
        Self { id, berth: worker.berth, held_back: worker.held_back }
    }
}

impl Seats {
    /// `listeners` are in the order in which they were bound.
    pub(super) fn new(listeners: Vec<SeatListener>) -> Self {
        Self { listeners, served: BTreeSet::new(), chosen: BTreeSet::new(), on_their_way: BTreeSet::new() }
    }

    /// The one that was bound first.
    pub(super) fn first(&self) -> &Listener {
        &self.listeners[0].listener
    }

    pub(super) fn at(&self, berth: Berth) -> Option<&Listener> {
        self.listeners.iter().find(|one| one.berth == berth).map(|one| &one.listener)
    }

    /// How many seats there are listeners for.
    pub(super) fn count(&self) -> usize {
        self.listeners.iter().map(|one| one.berth.seat).collect::<BTreeSet<Seat>>().len()
    }

    /// One more, which is kept when this returns.
    pub(super) fn add(&mut self, one: SeatListener, tag: &Tag, keep: &dyn Keep) -> io::Result<()> {
        put(&one, self.listeners.len(), tag, keep)?;
        keep.settle()?;
        self.listeners.push(one);
        Ok(())
    }

    /// Has all of them kept, with what is known of the server now.
    pub(super) fn store(&self, tag: &Tag, keep: &dyn Keep) -> io::Result<()> {
        for (index, one) in self.listeners.iter().enumerate() {
            put(one, index, tag, keep)?;
        }
        keep.settle()
    }

    /// As of one listener: false where another copy keeps one of them open.
    pub(super) fn close(&self, keep: &dyn Keep) -> bool {
        let mut are_over = true;
        for one in &self.listeners {
            are_over &= one.listener.close();
            keep.forget(&one.kept_as);
        }
        are_over
    }

    /// The worker is given its listener.
    pub(super) fn expect(&mut self, id: WorkerId) {
        self.on_their_way.insert(id);
    }

    /// `staying` are the workers that have a listener of these and are not leaving. New connections go to those that
    /// listen from now on, and of these to the ready ones, if there are any; to all where nobody listens, as somebody
    /// will have them. Where the kernel refuses, it chooses from all: some connections wait with those that nobody
    /// serves, until these are relieved. Tells whether others are served than before.
    fn choose(&mut self, staying: &[Staying]) -> bool {
        self.on_their_way.retain(|id| staying.iter().any(|other| other.id == *id));
        let listening = || staying.iter().filter(|worker| !self.on_their_way.contains(&worker.id));
        let somebody_is_ready = listening().any(|worker| !worker.held_back);
        let serving = listening().filter(|worker| !(worker.held_back && somebody_is_ready));
        let served: BTreeSet<Berth> = serving.map(|worker| worker.berth).collect();
        let numbers = |wanted: &dyn Fn(Berth) -> bool| -> BTreeSet<u32> {
            (0..).zip(&self.listeners).filter(|(_, one)| wanted(one.berth)).map(|(number, _)| number).collect()
        };
        let mut chosen = numbers(&|berth| served.contains(&berth));
        if chosen.is_empty() {
            chosen = numbers(&|_| true);
        }
        if chosen != self.chosen {
            if let Some(program) = spread::program(&chosen)
                && let Err(error) = reuseport::choose(self.first().as_fd(), &program)
            {
                tracing::debug!("the kernel chooses among all listeners of {}: {error}", self.first().describe());
            }
            self.chosen = chosen;
        }
        let is_new = served != self.served;
        self.served = served;
        is_new
    }

    /// What waits, with whom.
    pub(super) fn queues(&self) -> Vec<Queue> {
        let look = |one: &SeatListener| Queue {
            berth: one.berth,
            // One that cannot be asked has been closed.
            length: reuseport::queued(one.listener.as_fd()).unwrap_or(0),
            is_served: self.served.contains(&one.berth),
        };
        self.listeners.iter().map(look).collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().map(|one| &one.listener)
    }

    pub(super) fn sockets(&self) -> Vec<Arc<OwnedFd>> {
        self.all().map(|listener| Arc::clone(listener.socket())).collect()
    }
}

impl State {
    /// The worker has said that it listens.
    pub(super) fn listens(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get(&id) else { return };
        worker.standing.set_listening();
        for server in self.servers.values_mut() {
            if let Some((seats, _)) = server.seats_mut() {
                seats.on_their_way.remove(&id);
            }
        }
        self.reseat();
    }

    /// Whom connections go to follows who listens.
    pub(super) fn reseat(&mut self) {
        let Self { primary, servers, .. } = self;
        for (key, server) in servers {
            if let Some((seats, bell)) = server.seats_mut() {
                let staying = primary.staying(key);
                let staying: Vec<_> = staying.map(|(id, worker)| Staying::of(id, worker)).collect();
                if seats.choose(&staying) {
                    bell.changed();
                }
            }
        }
    }

    /// A server of which each worker has a listener has one for this worker too, when this returns.
    pub(super) fn seat(&mut self, id: WorkerId, key: &str, query: &Query) -> io::Result<()> {
        let berth = self.berth_of(id);
        let Some(server) = self.servers.get_mut(key) else { return Ok(()) };
        server.add_berth(berth, |first| first.bind_beside(&query.address, query.backlog))
    }

    /// Where a server is open that is not shared in this way, and nobody stays who is its member, it is closed. Connections
    /// that come until it is open anew are refused.
    pub(super) fn close_for(&mut self, way: Way, key: &str, in_flight: &InFlight) -> Option<Predecessor> {
        let is_per_seat =
            self.servers.get(key).filter(|server| !server.tag.given).map(|server| server.seats().is_some());
        if is_per_seat.is_none_or(|is| is == (way == Way::PerSeat)) || self.primary.staying(key).next().is_some() {
            return None;
        }
        let mut carried = self.primary.close(key);
        let server = self.servers.get(key)?;
        let listeners: Vec<&Listener> = match server.seats() {
            Some(seats) => seats.all().collect(),
            None => vec![server.listener()],
        };
        let bound = server.listener().bound().clone();
        for listener in listeners {
            let waiting = iter::from_fn(|| Connection::accept(listener.as_fd(), in_flight).ok());
            carried.extend(waiting.take(MOST_CARRIED));
        }
        self.close(key);
        Some(Predecessor { bound, carried })
    }

    /// `kernel, a listener for each of 2 workers`.
    pub(super) fn schedule_of(&self, key: &str, server: &Server) -> String {
        let way = self.primary.way(key);
        match server.seats().map(Seats::count) {
            Some(1) => format!("{} (1 listener)", Way::PerSeat.word()),
            Some(count) => format!("{} ({count} listeners)", Way::PerSeat.word()),
            None if !server.is_accepted() => "shared (the workers have one socket)".to_owned(),
            None => way.map_or("", Way::word).to_owned(),
        }
    }
}

fn put(one: &SeatListener, index: usize, tag: &Tag, keep: &dyn Keep) -> io::Result<()> {
    let Berth { seat, is_second } = one.berth;
    let place = Some(Place { index: index as u32, seat: seat.0, second: is_second });
    keep.put(&one.kept_as, &Tag { place, ..tag.clone() }.encode()?, one.listener.socket())
}
