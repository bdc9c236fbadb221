//! Old runs for new ones, and back: what a rollout does to processes that are ready.

use super::rollout::{Conductor, Told};
use super::trial::Standby;
use crate::api::RolloutStep;
use crate::clock;
use crate::domain::ProcessId;
use crate::process::Command;
use crate::sys::fault::{self, Point};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

impl Conductor {
    /// The replacement is the process from now on.
    pub(super) async fn swap(&mut self, id: ProcessId) {
        let Some(handle) = self.ready.remove(&id) else { return };
        let by = handle.observed().state.run;
        let old_pid = {
            let mut registry = self.world.registry.borrow_mut();
            // Deleted meanwhile: whoever deleted it has ended the replacement too.
            let Some(entry) = registry.get_mut(id) else { return };
            let old = std::mem::replace(&mut entry.handle, handle);
            entry.created_at = clock::unix_ms();
            let (run, pid) = (old.observed().state.run, old.observed().pid);
            entry.passing = Some(old);
            let spec = self.order.before.get(&id).unwrap_or(&entry.spec);
            entry.standby = self.window.map(|_| Box::new(Standby { run, by, spec: Arc::clone(spec), until: None }));
            pid
        };
        self.announce(id, RolloutStep::Replaced, old_pid);
        if self.window.is_none() {
            return self.world.persist();
        }
        // A daemon after this one has to know which of the two is which, before the old one is set aside.
        fault::point(Point::TrialSwapped);
        self.world.note().await;
        fault::point(Point::TrialNoted);
        self.world.set_aside(id);
        self.watch_over(id);
    }

    /// The other process, whichever that is, finishes what it has.
    pub(super) fn retire(&mut self, id: ProcessId) {
        let (reply, retired) = oneshot::channel();
        let passing = self.world.registry.borrow_mut().get_mut(id).and_then(|entry| {
            entry.standby = None;
            entry.passing.clone()
        });
        if let Some(passing) = &passing {
            passing.send(Command::Retire(reply));
        }
        let world = Rc::clone(&self.world);
        self.begin(async move {
            if let Some(passing) = passing {
                let _ = retired.await;
                world.has_passed(id, &passing);
            }
            Told::Gone(id)
        });
    }

    pub(super) async fn give_back(&mut self, id: ProcessId) {
        let new_pid = self.world.registry.borrow().get(id).and_then(|entry| entry.handle.observed().pid);
        self.world.put_back(id);
        self.announce(id, RolloutStep::Returned, new_pid);
        self.world.note().await;
        fault::point(Point::TrialReturned);
        self.retire(id);
    }

    pub(super) async fn watch(&mut self) {
        let now = clock::boot_ms();
        let until = self.until.unwrap_or_else(|| now + self.window.unwrap_or(0));
        for id in &self.order.members {
            if let Some(entry) = self.world.registry.borrow_mut().get_mut(*id)
                && let Some(standby) = &mut entry.standby
            {
                standby.until = Some(until);
            }
        }
        if let Some(first) = self.order.members.first() {
            self.announce(*first, RolloutStep::Watching, None);
        }
        self.world.note().await;
        self.begin(async move {
            let left = until.saturating_sub(clock::boot_ms());
            tokio::time::sleep(Duration::from_millis(left)).await;
            Told::StayedWell
        });
    }

    /// Tells when the new run of a process is not well, or the old one has ended.
    pub(super) fn watch_over(&mut self, id: ProcessId) {
        let world = Rc::clone(&self.world);
        self.begin(async move { world.new_run_fails(id).await });
        let world = Rc::clone(&self.world);
        self.begin(async move { world.old_run_ends(id).await });
    }
}
