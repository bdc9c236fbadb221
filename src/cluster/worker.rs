//! What the primary knows of one worker: its place, what it holds, and whether it may have more. Pure.

use super::window::Window;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// A worker, by its `NODE_UNIQUE_ID`. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

/// The place of a worker in its app, its instance number: whoever replaces the worker has it too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(pub u32);

/// Where a worker accepts, if each does so at a listener of its own. A seat has two: while a worker is replaced, the old
/// one and the new one are told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Berth {
    pub(super) seat: Seat,
    pub(super) is_second: bool,
}

impl Berth {
    pub(super) const fn new(seat: Seat, is_second: bool) -> Self {
        Self { seat, is_second }
    }
}

/// How long a worker that refused a connection gets no other one: twice as long with each in a row.
pub(super) const REFUSAL_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_REFUSAL_PAUSE: Duration = Duration::from_millis(160);

/// A connection that was handed over.
#[derive(Debug)]
pub(super) struct Outstanding<C> {
    pub(super) seq: u64,
    pub(super) key: Rc<str>,
    pub(super) since: Duration,
    pub(super) connection: C,
}

#[derive(Debug)]
pub(super) struct Worker<C> {
    pub(super) seat: Seat,
    pub(super) berth: Berth,
    /// Oldest first.
    pub(super) unacknowledged: VecDeque<Outstanding<C>>,
    pub(super) window: Window,
    /// Gets nothing any more.
    pub(super) retired: bool,
    /// It isn't ready: it gets connections only where nobody is.
    pub(super) held_back: bool,
    pub(super) refused_until: Duration,
    /// In a row.
    refusals: u32,
    /// When it last got one, as a count: the tie-breaker that makes turns.
    pub(super) last_turn: u64,
}

impl<C> Worker<C> {
    pub(super) fn new(seat: Seat) -> Self {
        Self {
            seat,
            berth: Berth::new(seat, false),
            unacknowledged: VecDeque::new(),
            window: Window::new(),
            retired: false,
            held_back: false,
            refused_until: Duration::ZERO,
            refusals: 0,
            last_turn: 0,
        }
    }

    /// Whether it stays, and is as it should be.
    pub(super) const fn is_ready(&self) -> bool {
        !self.retired && !self.held_back
    }

    pub(super) fn has_room(&self, now: Duration) -> bool {
        let oldest = self.unacknowledged.front().map(|oldest| oldest.since);
        !self.retired && self.refused_until <= now && self.window.has_room(self.unacknowledged.len(), oldest, now)
    }

    /// What it holds under that number, which it has answered for.
    pub(super) fn remove(&mut self, seq: u64) -> Option<Outstanding<C>> {
        let index = self.unacknowledged.iter().position(|sent| sent.seq == seq)?;
        self.unacknowledged.remove(index)
    }

    /// It has taken what it was given at `since`.
    pub(super) fn took(&mut self, since: Duration, now: Duration) {
        self.refusals = 0;
        self.window.taken(since, now);
    }

    pub(super) fn refused(&mut self, now: Duration) {
        let pause = REFUSAL_PAUSE * (1 << self.refusals.min(8));
        self.refused_until = now + pause.min(LONGEST_REFUSAL_PAUSE);
        self.refusals += 1;
    }
}
