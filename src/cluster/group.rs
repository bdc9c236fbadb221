//! The primary of one app: its listeners, its workers' channels, and the decisions of [`Primary`] carried out.
//!
//! It may end at any instruction: listeners and channels are kept elsewhere, what workers have said is in their
//! [`Standing`]s before it leaves their channels, and the next one goes on with [`Group::restore`].
//!
//! [`Primary`]: super::primary::Primary

use super::allowance::Allowance;
use super::later::try_again_later;
use super::message;
use super::sched::Way;
use super::state::{Inner, State, Worker};
use super::window::WIDEST;
use super::worker::{Berth, Seat, WorkerId};
use crate::clock;
use crate::domain::spec::Sched;
use crate::ipc::{Breach, Channel, ClusterMessage, QueueFull};
use crate::slots::{InFlight, Standing};
use crate::sys::keep::Keep;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a worker's message means to whoever runs the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Node is up; no code of the app has run.
    Online,
    /// It listens: ready to serve.
    Listening,
    /// It leaves by its own will.
    Leaving,
    /// Nothing that it says can be trusted, or nothing reaches it: it must be replaced.
    Broken(Breach),
}

/// Who keeps an app's listeners open: one task of one process. A reload has two of them for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder(pub u64);

/// The primary of one app.
#[derive(Debug, Clone)]
pub struct Group {
    pub(super) inner: Rc<Inner>,
}

impl Group {
    /// `name` is the app's; its listeners are kept with it. Messages are numbered from `first_seq`, which is above
    /// all numbers of the primaries before this one.
    pub fn new(name: &str, keep: Rc<dyn Keep>, in_flight: InFlight, first_seq: u64) -> Self {
        let state = RefCell::new(State::new(first_seq));
        Self { inner: Rc::new(Inner { name: name.to_owned(), state, keep, in_flight }) }
    }

    /// All workers that another daemon has known are back: servers that nobody has and nobody is on the way to go.
    pub fn settle_after_adoption(&self) {
        let mut state = self.inner.state.borrow_mut();
        state.close_given();
        state.prune();
    }

    /// The process runs or will run: its listeners are kept from now on, through crashes and restarts.
    pub fn hold(&self, holder: Holder) {
        self.inner.state.borrow_mut().holders.insert(holder);
    }

    /// What is listened on from now on is shared like this. What is open changes with it where its listeners stay the
    /// same; else when all its workers have gone.
    pub fn arrange(&self, sched: Sched) {
        let mut state = self.inner.state.borrow_mut();
        let State { sched: old, primary, servers, .. } = &mut *state;
        if *old == sched {
            return;
        }
        *old = sched;
        for (key, server) in servers.iter().filter(|(_, server)| server.is_accepted()) {
            primary.open(key, Way::of_accepted(sched, server.listener().bound()));
        }
    }

    /// The process has been stopped. With the last one the listeners go.
    pub fn release(&self, holder: Holder) {
        let mut state = self.inner.state.borrow_mut();
        state.holders.remove(&holder);
        state.vacate(holder);
        if state.holders.is_empty() {
            let keys: Vec<String> = state.servers.keys().cloned().collect();
            for key in keys {
                state.close(&key);
            }
        }
    }

    /// A new worker. What becomes known of it is in `standing` before its message leaves the channel.
    pub fn add(&self, worker: WorkerId, (holder, seat): (Holder, Seat), channel: Rc<Channel>, standing: Standing) {
        let berth = self.inner.state.borrow().free_berth(seat);
        standing.set_second(berth.is_second);
        self.insert(worker, (holder, berth), channel, standing, 0);
    }

    fn insert(
        &self,
        id: WorkerId,
        (holder, berth): (Holder, Berth),
        channel: Rc<Channel>,
        standing: Standing,
        old_refusals: u8,
    ) {
        let seat = berth.seat;
        let (process, asked, allowance) = (None, BTreeSet::new(), Allowance::new(clock::boot_ms()));
        let unread_at = Duration::ZERO;
        let mut state = self.inner.state.borrow_mut();
        standing.begin_tally(clock::unix_ms());
        state.primary.add_worker(id, seat);
        state.moor(id, berth);
        state.seats.insert(holder, seat);
        let worker = Worker { holder, berth, channel, standing, process, asked, allowance, unread_at, old_refusals };
        state.workers.insert(id, worker);
    }

    /// A worker of another daemon, after [`Self::restore`]: it is where `standing` says.
    pub fn rejoin(&self, worker: WorkerId, (holder, seat): (Holder, Seat), channel: Rc<Channel>, standing: Standing) {
        let berth = Berth::new(seat, standing.is_second());
        self.insert(worker, (holder, berth), channel, standing, WIDEST as u8);
        self.inner.state.borrow_mut().resume(worker);
        self.inner.pump();
    }

    /// The worker's process, from which descriptors of its own can be taken.
    pub fn identify(&self, id: WorkerId, process: Arc<OwnedFd>) {
        if let Some(worker) = self.inner.state.borrow_mut().workers.get_mut(&id) {
            worker.process = Some(process);
        }
    }

    /// A cluster message of a worker. It may be handled again by the next daemon.
    pub fn handle(&self, id: WorkerId, message: &ClusterMessage) -> Option<Notice> {
        if let Some(flood) = self.unasked(id) {
            return Some(flood);
        }
        let does_not_read = |QueueFull| Notice::Broken(Breach::DoesNotRead);
        match message.act.as_deref()? {
            "online" => Some(Notice::Online),
            "queryServer" => self.query(id, message).err().map(does_not_read),
            "listening" => {
                self.inner.state.borrow_mut().listens(id);
                self.prune_later();
                Some(Notice::Listening)
            }
            "close" => {
                if let Some(key) = &message.key {
                    self.inner.state.borrow_mut().leave(id, key);
                    self.prune_later();
                }
                None
            }
            "exitedAfterDisconnect" => {
                let mut state = self.inner.state.borrow_mut();
                state.retire(id);
                let seq = state.primary.next_seq();
                let sent = state.send(id, message::acknowledgement(seq, message.seq.unwrap_or(0)));
                Some(sent.map_or_else(does_not_read, |()| Notice::Leaving))
            }
            _ => None,
        }
    }

    /// The worker has sent something that answers to nothing of ours. That it is one thing too many is told.
    pub fn unasked(&self, id: WorkerId) -> Option<Notice> {
        let mut state = self.inner.state.borrow_mut();
        let worker = state.workers.get_mut(&id)?;
        (!worker.allowance.spend(clock::boot_ms())).then_some(Notice::Broken(Breach::Flood))
    }

    /// Gives the worker no more connections.
    pub fn retire(&self, id: WorkerId) {
        self.inner.state.borrow_mut().retire(id);
        self.inner.pump();
    }

    /// Asks the worker to close its servers, finish what is open, and leave. Retire it before. It is asked once,
    /// however many daemons do: asked again, Node leaves without finishing.
    pub fn disconnect(&self, id: WorkerId) {
        let mut state = self.inner.state.borrow_mut();
        let Some(worker) = state.workers.get(&id).filter(|worker| !worker.standing.is_going()) else { return };
        worker.standing.set_going();
        let seq = state.primary.next_seq();
        if state.send(id, message::disconnect(seq)).is_err() {
            tracing::warn!("cluster worker {} doesn't read its channel: it can't be asked to leave", id.0);
        }
    }

    /// Connections handed to the worker that it has not acknowledged.
    pub fn unacknowledged(&self, id: WorkerId) -> usize {
        self.inner.state.borrow().primary.unacknowledged(id)
    }

    /// Whether the worker has taken every connection that it was sent, by whichever daemon.
    pub fn has_taken_all(&self, id: WorkerId) -> bool {
        let state = self.inner.state.borrow();
        let is_read = state.workers.get(&id).is_none_or(|worker| worker.channel.is_read());
        is_read && state.primary.unacknowledged(id) == 0
    }

    /// The worker's channel has ended, and everything in it was handled.
    pub fn gone(&self, id: WorkerId) {
        {
            let mut state = self.inner.state.borrow_mut();
            let returned = state.primary.gone(id, clock::boot());
            if let Some(worker) = state.workers.remove(&id) {
                worker.channel.abandon();
                worker.standing.count_redispatched(returned);
                for server in state.servers.values() {
                    worker.standing.leave(server.tag.number);
                }
            }
            state.close_given();
            state.reseat();
        }
        self.inner.pump();
        try_again_later(&self.inner);
    }

    /// What the app listens on, for people.
    pub fn listens(&self) -> Vec<String> {
        self.inner.state.borrow().servers.values().map(|server| server.listener().describe()).collect()
    }

    /// How what the app listens on is shared, for people: in the order of [`Self::listens`].
    pub fn schedules(&self) -> Vec<String> {
        let state = self.inner.state.borrow();
        state.servers.iter().map(|(key, server)| state.schedule_of(key, server)).collect()
    }

    /// Why its workers cannot listen, if that is what they met last.
    pub fn refused(&self) -> Option<String> {
        self.inner.state.borrow().refused.clone()
    }

    /// A worker's answer to a connection. One that answers to nothing may be to another daemon before this.
    pub fn answered(&self, id: WorkerId, seq: u64, accepted: bool) -> Option<Notice> {
        let known = {
            let mut state = self.inner.state.borrow_mut();
            let known = state.primary.answered(id, seq, accepted, clock::boot());
            if !known && !accepted && state.primary.is_before(seq) {
                self.is_lost(&mut state, id);
            }
            let worker = state.workers.get(&id).filter(|_| known);
            if let Some(worker) = worker.filter(|_| !accepted) {
                worker.standing.count_refused();
                worker.standing.count_redispatched(1);
            }
            worker.map(|worker| Rc::clone(&worker.channel))
        };
        let Some(channel) = known else { return self.unasked(id) };
        channel.descriptor_taken();
        self.inner.pump();
        if !accepted {
            try_again_later(&self.inner);
        }
        None
    }

    /// The same for all that it has taken at once.
    pub fn taken(&self, id: WorkerId, seqs: &[u64]) -> Option<Notice> {
        let (known, channel) = {
            let mut state = self.inner.state.borrow_mut();
            let now = clock::boot();
            let known = seqs.iter().filter(|seq| state.primary.answered(id, **seq, true, now)).count();
            (known, state.workers.get(&id).map(|worker| Rc::clone(&worker.channel)))
        };
        if let Some(channel) = channel.filter(|_| known > 0) {
            (0..known).for_each(|_| channel.descriptor_taken());
            self.inner.pump();
        }
        // Numbers that nobody has given, or no numbers at all, are more than was asked for.
        let unknown = seqs.len() - known;
        (0..unknown.max(usize::from(seqs.is_empty()))).find_map(|_| self.unasked(id))
    }

    /// A refusal of what a daemon has handed over that would have given it to somebody else, and is dead. There can't be
    /// more than that one may have handed over.
    fn is_lost(&self, state: &mut State, id: WorkerId) {
        if let Some(worker) = state.workers.get_mut(&id)
            && worker.old_refusals > 0
        {
            worker.old_refusals -= 1;
            self.inner.in_flight.lost();
        }
    }
}
