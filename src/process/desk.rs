//! What the task of a process and the handles to it share: what it is told, and what is seen of it.
//!
//! All of them are on one thread, and most processes have nothing to say for days: so it is one small allocation, where
//! channels would keep room for many messages.

use super::announced::Announced;
use super::handle::Observed;
use super::order::Command;
use crate::cluster::Holder;
use crate::domain::lifecycle::State;
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
                // Its room too: the next one may come in a week.
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
        self.tell();
    }

    /// To be told when it is written down where it outlives this program.
    pub(super) fn set_state(&self, state: State) {
        self.seen.borrow_mut().state = state;
    }

    /// Who waits for something looks whether this is it.
    pub(super) fn tell(&self) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::TryRecvError;
    use tokio::task::{LocalSet, spawn_local};

    fn desk() -> Rc<Desk> {
        Rc::new(Desk::new(Holder(1), Standing::unkept(), Observed::of(State::new(0))))
    }

    /// As a task takes it.
    async fn next(desk: &Rc<Desk>) -> Option<Command> {
        poll_fn(|context| desk.poll_next(context)).await
    }

    #[tokio::test]
    async fn commands_come_in_order_and_wake_who_waits() {
        let tasks = LocalSet::new();
        let work = async {
            let desk = desk();
            let theirs = Rc::clone(&desk);
            let reader = spawn_local(async move {
                let mut seen = Vec::new();
                while let Some(Command::CountFrom(number)) = next(&theirs).await {
                    seen.push(number);
                }
                seen
            });
            for number in 0..5 {
                desk.put(Command::CountFrom(number));
                if number % 2 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            desk.wake();
            tokio::task::yield_now().await;
            // The last one who could give one.
            let handle = desk;
            handle.wake();
            drop(handle);
            assert_eq!(reader.await.unwrap(), [0, 1, 2, 3, 4]);
        };
        tasks.run_until(work).await;
    }

    #[tokio::test]
    async fn what_a_task_does_not_come_to_is_dropped_with_who_waits_for_it() {
        let desk = desk();
        let ((early, mut before), (late, mut after)) = (oneshot::channel(), oneshot::channel());
        desk.put(Command::Start(early));
        assert!(desk.is_told_to_start() && !desk.is_told_to_leave());
        assert_eq!(before.try_recv().unwrap_err(), TryRecvError::Empty);
        desk.close();
        desk.put(Command::Delete(late));
        assert_eq!(before.try_recv().unwrap_err(), TryRecvError::Closed);
        assert_eq!(after.try_recv().unwrap_err(), TryRecvError::Closed);
    }

    #[tokio::test]
    async fn whoever_waits_learns_of_it_or_that_it_never_comes() {
        let tasks = LocalSet::new();
        let work = async {
            let desk = desk();
            let waiting = [7, 8].map(|pid| {
                let desk = Rc::clone(&desk);
                spawn_local(async move { desk.wait_for(|seen| seen.pid == Some(pid)).await })
            });
            tokio::task::yield_now().await;
            desk.update(|seen| seen.pid = Some(7));
            tokio::task::yield_now().await;
            desk.close();
            let [comes, never] = waiting;
            assert_eq!((comes.await.unwrap(), never.await.unwrap()), (Some(()), None));
            assert_eq!(desk.wait_for(|seen| seen.pid == Some(7)).await, Some(()), "what is so is so");
        };
        tasks.run_until(work).await;
    }
}
