//! What the task of a process and the handles to it share: what it is told, and what is seen of it.
//!
//! All of them are on one thread, and most processes have nothing to say for days: so it is one small allocation, where
//! channels would keep room for many messages.

use super::announced::Announced;
use super::handle::Observed;
use super::order::Command;
use crate::cluster::Holder;
use crate::slots::Standing;
use std::cell::{Cell, Ref, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) holder: Holder,
    pub(super) standing: Standing,
    pub(super) announced: Announced,
    /// Not bounded: a person or program waits for each answer, and the task reads at once.
    commands: RefCell<VecDeque<Command>>,
    /// The task, while it waits.
    reader: RefCell<Option<Waker>>,
    /// Commands to start that are on their way.
    starting: Cell<usize>,
    /// Somebody has told it to go for good.
    leaving: Cell<bool>,
    seen: RefCell<Observed>,
    changed: Notify,
    /// There is no task any more.
    ended: Cell<bool>,
}

impl Desk {
    pub(super) fn new(holder: Holder, standing: Standing, seen: Observed) -> Self {
        Self {
            holder,
            standing,
            announced: Announced::default(),
            commands: RefCell::default(),
            reader: RefCell::default(),
            starting: Cell::new(0),
            leaving: Cell::new(false),
            seen: RefCell::new(seen),
            changed: Notify::new(),
            ended: Cell::new(false),
        }
    }

    /// A task that has ended drops the command, and with it the sender that waits for an answer.
    pub(super) fn put(&self, command: Command) {
        if self.ended.get() {
            return;
        }
        if command.starts() {
            self.starting.set(self.starting.get() + 1);
        }
        if matches!(command, Command::Delete(_) | Command::Retire(_)) {
            self.leaving.set(true);
        }
        self.commands.borrow_mut().push_back(command);
        self.wake();
    }

    /// The next command, in order; `None` when there is none and nobody is left to give one.
    pub(super) fn poll_next(self: &Rc<Self>, context: &mut Context<'_>) -> Poll<Option<Command>> {
        let mut commands = self.commands.borrow_mut();
        if let Some(command) = commands.pop_front() {
            if commands.is_empty() {
                *commands = VecDeque::new();
            }
            if command.starts() {
                self.starting.set(self.starting.get() - 1);
            }
            return Poll::Ready(Some(command));
        }
        if Rc::strong_count(self) == 1 {
            return Poll::Ready(None);
        }
        self.reader.replace(Some(context.waker().clone()));
        Poll::Pending
    }

    /// Has the task look again.
    pub(super) fn wake(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Whether it was told to start and doesn't know yet.
    pub(super) fn is_told_to_start(&self) -> bool {
        self.starting.get() > 0
    }

    pub(super) fn is_told_to_leave(&self) -> bool {
        self.leaving.get()
    }

    pub(super) fn seen(&self) -> Ref<'_, Observed> {
        self.seen.borrow()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Observed)) {
        change(&mut self.seen.borrow_mut());
        self.changed.notify_waiters();
    }

    /// Waits until `wanted` is seen; `None` when the task ends before.
    pub(super) async fn wait_for(&self, mut wanted: impl FnMut(&Observed) -> bool) -> Option<()> {
        loop {
            let changed = self.changed.notified();
            if wanted(&self.seen.borrow()) {
                return Some(());
            }
            if self.ended.get() {
                return None;
            }
            changed.await;
        }
    }

    /// The task is no more: who waits for an answer, or for a change, learns that.
    pub(super) fn close(&self) {
        self.ended.set(true);
        // They are dropped when nothing is borrowed.
        drop(self.commands.take());
        self.changed.notify_waiters();
    }
}
