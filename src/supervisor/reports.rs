//! What processes report, and what is measured of them.

use super::registry::Entry;
use super::world::World;
use crate::api::EventKind;
use crate::clock;
use crate::cluster::Holder;
use crate::domain::ProcessId;
use crate::domain::lifecycle::Report;
use crate::slots::Table;
use crate::sys::{program, rest};
use std::collections::BTreeMap;
use std::rc::Rc;

/// To look at so many takes far longer than to give back, each time, what that has needed.
const MANY: usize = 100;

impl World {
    pub(super) fn reported(self: &Rc<Self>, id: ProcessId, holder: Holder, report: Report) {
        let current = self.registry.borrow().get(id).is_some_and(|entry| entry.handle.holder() == holder);
        // A replacement that isn't in place yet, or one that was replaced: the reload speaks for both.
        if !current {
            return;
        }
        let kind = match report {
            Report::Online => EventKind::Online,
            Report::Exit => EventKind::Exit,
            Report::Restart | Report::Again => EventKind::Restart,
            Report::Stop => EventKind::Stop,
            Report::Overlimit => EventKind::RestartOverlimit,
            Report::Delete => EventKind::Delete,
            Report::Ready => EventKind::Ready,
            Report::Unhealthy => EventKind::Unhealthy,
        };
        self.announce(id, kind, matches!(report, Report::Stop | Report::Delete | Report::Restart));
        self.look_at_job(id);
        // Runs that come and go are in the slots; the list changes when one is not to run any more.
        let wanted = |entry: &Entry| entry.handle.observed().state.is_wanted();
        if !self.registry.borrow().get(id).is_some_and(wanted) {
            self.persist_soon();
        }
        if report == Report::Delete {
            self.registry.borrow_mut().remove(id);
            self.note_removal();
        }
    }

    pub(super) fn sample(self: &Rc<Self>) {
        self.persist_again();
        let alive: BTreeMap<ProcessId, i32> = self
            .registry
            .borrow()
            .iter()
            .filter_map(|entry| Some((entry.identity.id, entry.handle.observed().pid?)))
            .collect();
        self.sampler.borrow_mut().sample(&alive, clock::boot());
        self.watch_memory();
        self.context.confinement.tidy();
        // A program that has its supervisor within itself minds its memory itself.
        if alive.len() >= MANY && self.context.guardian.is_some() {
            self.give_back();
        }
    }

    /// What the look has brought into memory, and is not needed until the next one.
    fn give_back(&self) {
        let slots = self.context.slots.clone();
        rest::last_before_waiting(move || {
            slots.iter().for_each(Table::release);
            program::release();
        });
    }
}
