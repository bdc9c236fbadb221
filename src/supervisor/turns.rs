//! Requests about the same app act in the order in which they came, though each may have to write something down
//! before it acts: a stop that comes after a start is the last word.

use super::world::World;
use crate::api::Request;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use tokio::sync::Notify;

/// Whom a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Apps {
    /// Everybody, or somebody who is not there yet.
    All,
    Named(BTreeSet<String>),
}

impl Apps {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(ours), Self::Named(theirs)) => !ours.is_disjoint(theirs),
            (Self::All, _) | (_, Self::All) => true,
        }
    }
}

/// Requests that have not acted yet, in their order. As many as there are callers.
#[derive(Debug, Default, Clone)]
pub(super) struct Turns {
    line: Rc<Line>,
}

#[derive(Debug, Default)]
struct Line {
    queue: RefCell<VecDeque<(u64, Apps)>>,
    next: Cell<u64>,
    moved: Notify,
}

/// A place in the line, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    line: Rc<Line>,
    number: u64,
}

impl Turns {
    pub(super) fn join(&self, apps: Apps) -> Turn {
        let number = self.line.next.replace(self.line.next.get() + 1);
        self.line.queue.borrow_mut().push_back((number, apps));
        Turn { line: Rc::clone(&self.line), number }
    }
}

impl Turn {
    /// Waits until nobody who came before is about the same.
    pub(super) async fn comes(&self) {
        loop {
            let moved = self.line.moved.notified();
            if self.is_now() {
                return;
            }
            moved.await;
        }
    }

    fn is_now(&self) -> bool {
        let queue = self.line.queue.borrow();
        let Some((_, ours)) = queue.iter().find(|(number, _)| *number == self.number) else { return true };
        queue.iter().take_while(|(number, _)| *number != self.number).all(|(_, theirs)| !theirs.meets(ours))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.line.queue.borrow_mut().retain(|(number, _)| *number != self.number);
        self.line.moved.notify_waiters();
    }
}

impl World {
    /// A place in the line for a request that asks something of processes.
    pub(super) fn turn_of(&self, request: &Request) -> Option<Turn> {
        let apps = match request {
            Request::Start(start) => Apps::Named(start.apps.iter().map(|app| app.name.clone()).collect()),
            // Whoever is saved after others have been asked for is saved with them.
            Request::Save { .. } | Request::Resurrect { .. } | Request::ResurrectLast | Request::Wake => Apps::All,
            Request::Rename { name, to } => Apps::Named(BTreeSet::from([name.clone(), to.clone()])),
            Request::Scale { name, .. } => Apps::Named(BTreeSet::from([name.clone()])),
            Request::Stop { selector, .. }
            | Request::Restart { selector, .. }
            | Request::Reload { selector, .. }
            | Request::Delete { selector, .. }
            | Request::Reset { selector }
            | Request::Monitor { selector, .. }
            | Request::Signal { selector, .. } => {
                let registry = self.registry.borrow();
                let ids = registry.find(selector).unwrap_or_default();
                let names = ids.iter().filter_map(|id| Some(registry.get(*id)?.spec.name.clone()));
                let names: BTreeSet<String> = names.collect();
                if names.is_empty() || selector.is_all() { Apps::All } else { Apps::Named(names) }
            }
            _ => return None,
        };
        Some(self.turns.join(apps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(names: &[u8]) -> Apps {
        Apps::Named(names.iter().map(u8::to_string).collect())
    }

    #[test]
    fn only_those_about_the_same_wait() {
        let turns = Turns::default();
        let (one, two) = (turns.join(named(&[1, 2])), turns.join(named(&[2, 3])));
        let (three, other, all) = (turns.join(named(&[3])), turns.join(named(&[4])), turns.join(Apps::All));
        let now = || [&one, &two, &three, &other, &all].map(Turn::is_now);
        assert_eq!(now(), [true, false, false, true, false]);
        drop(one);
        assert_eq!([&two, &three, &other, &all].map(Turn::is_now), [true, false, true, false]);
        drop((two, other));
        assert_eq!([&three, &all].map(Turn::is_now), [true, false]);
        drop(three);
        assert!(all.is_now());
    }

    proptest! {
        /// Whoever comes and acts in whatever order: somebody can always go on, and no two that are about the same
        /// change places.
        #[test]
        fn the_order_is_kept(requests in prop::collection::vec(prop::option::of(prop::collection::vec(0..4u8, 1..3)), 1..30), picks in prop::collection::vec(any::<usize>(), 60)) {
            let turns = Turns::default();
            let apps: Vec<Apps> = requests.iter().map(|names| names.as_deref().map_or(Apps::All, named)).collect();
            let mut waiting: Vec<(usize, Turn)> = apps.iter().enumerate().map(|(number, apps)| (number, turns.join(apps.clone()))).collect();
            let mut acted: Vec<usize> = Vec::new();
            for pick in picks {
                let free: Vec<usize> = (0..waiting.len()).filter(|at| waiting[*at].1.is_now()).collect();
                prop_assert!(waiting.is_empty() || !free.is_empty(), "nobody can go on");
                if let Some(at) = free.get(pick % free.len().max(1)) {
                    let (number, _turn) = waiting.remove(*at);
                    prop_assert!(acted.iter().all(|before| *before < number || !apps[*before].meets(&apps[number])));
                    acted.push(number);
                }
            }
        }
    }
}
