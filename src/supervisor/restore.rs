//! Going on where another generation was cut off, or where the machine was: the only way a supervisor begins.

use super::automatic::Adoption;
use super::persist::Persistence;
use super::registry::{Entry, identity};
use super::world::World;
use crate::cluster::app_of;
use crate::domain::lifecycle::{Phase, Then};
use crate::domain::{ProcessId, SpawnId};
use crate::process::{self, Command, Left, Settled};
use crate::store::{SavedProcess, Snapshot};
use crate::sys::keep::Kept;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

impl World {
    /// What lives is taken over, what was under way goes on, the rest of what should run is started; what is nobody's
    /// is ended and forgotten.
    pub(super) fn restore(self: &Rc<Self>) {
        let Some(persistence) = &self.persistence else { return };
        // That of a daemon which was killed in a reload.
        self.show_reload();
        let mut records = persistence.records.take();
        let rebuilt = self.context.inherited.borrow().rebuild(&records, self.context.slots.as_ref());
        for Left { record, .. } in &rebuilt {
            tracing::error!("what process {} was doing is lost: it runs, and is taken over as it is", record.id);
        }
        records.extend(rebuilt);
        process::find_unrecorded(&self.context, &mut records);
        let snapshot = persistence.loaded.take();
        let known = snapshot.is_some();
        let is_same_boot = snapshot.as_ref().is_some_and(|snapshot| snapshot.boot == persistence.boot);
        let spared = snapshot.as_ref().map(|snapshot| snapshot.left_alone.clone()).unwrap_or_default();
        let (mut strays, mut records): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|left| spared.contains(&left.record.state.run));
        if let Some(snapshot) = snapshot {
            self.restore_list(snapshot, persistence, &mut records);
        }
        strays.append(&mut records);
        self.put_away(strays, &spared);
        self.audit(&spared);
        self.remove_old_groups();
        self.follow_list(if is_same_boot { Adoption::Yes } else { Adoption::No });
        if known {
            self.persist();
        }
    }

    /// Those of runs that have ended while nobody was there.
    fn remove_old_groups(&self) {
        let registry = self.registry.borrow();
        let runs = registry.iter().flat_map(|entry| {
            let handles = [Some(&entry.handle), entry.passing.as_ref()];
            let alive = handles
                .into_iter()
                .flatten()
                .map(|handle| handle.observed().state)
                .filter(|state| state.status().is_alive());
            alive.map(|state| (entry.identity.id, state.run))
        });
        self.context.confinement.keep_only(&runs.collect::<Vec<_>>());
    }

    fn restore_list(self: &Rc<Self>, snapshot: Snapshot, persistence: &Persistence, records: &mut Vec<Left>) {
        let same_boot = snapshot.boot == persistence.boot;
        // What is on an older list, and of which nothing is recorded, has been deleted since.
        let is_complete = persistence.is_last || records.is_empty();
        if !same_boot && !snapshot.processes.is_empty() {
            let count = snapshot.processes.len();
            tracing::warn!("the machine was started anew: {count} processes are listed, and do not run");
        }
        self.registry.borrow_mut().skip_to(snapshot.next_id);
        self.restore_listeners(&snapshot.processes);
        let sockets = self.context.inherited.borrow_mut().kept.take_all(process::Sockets::PREFIX);
        self.context.sockets.restore(sockets, self.context.keep.as_ref());
        for saved in snapshot.processes {
            let record = take_current(records, saved.id);
            // It was deleted; only the list had not been written yet.
            if record.as_ref().is_none_or(|left| left.record.state.phase != Phase::Deleted) {
                let other = take_current(records, saved.id);
                let (id, ran) = (saved.id, saved.ran_before_boot || !same_boot && saved.wanted);
                self.restore_process(&saved, record, other, same_boot && is_complete);
                if let Some(entry) = self.registry.borrow_mut().get_mut(id) {
                    entry.ran_before_boot = ran;
                }
            }
        }
        for group in self.registry.borrow().groups() {
            group.settle_after_adoption();
        }
        self.context.sockets.prune(self.context.keep.as_ref());
        self.resume_trials();
    }

    /// Each app's listeners go back to its cluster, before there are workers to give connections to.
    fn restore_listeners(&self, processes: &[SavedProcess]) {
        let mut listeners: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
        for kept in self.context.inherited.borrow_mut().kept.take_all("listen/") {
            match app_of(&kept) {
                Some(app) => listeners.entry(app).or_default().push(kept),
                None => self.context.keep.forget(&kept.name),
            }
        }
        for saved in processes {
            let group = self.registry.borrow_mut().group(&saved.spec);
            if let (Some(group), Some(kept)) = (group, listeners.remove(&saved.spec.name)) {
                group.restore(kept);
            }
        }
        let nobodys = &mut self.context.inherited.borrow_mut().kept;
        listeners.into_values().flatten().for_each(|kept| nobodys.add(kept));
    }

    /// `other` is the second half of a reload that was cut off: an old process on its way out, or a replacement that
    /// was not in place yet. It goes.
    fn restore_process(
        self: &Rc<Self>,
        saved: &SavedProcess,
        record: Option<Left>,
        other: Option<Left>,
        to_start: bool,
    ) {
        let (id, known) = (saved.id, record.is_some());
        let is_unwanted = !saved.wanted && record.as_ref().is_some_and(|left| left.is_rebuilt);
        self.finish_earlier_runs(saved, [record.as_ref(), other.as_ref()]);
        let cut_off = record.as_ref().is_some_and(|found| self.has_lost_its_channel(found));
        let mut entry = self.restored_entry(saved, record);
        let (reply, _) = oneshot::channel();
        let seen = entry.handle.observed();
        if cut_off
            && self.registry.borrow_mut().group(&entry.spec).is_some()
            && seen.pid.is_some()
            && seen.state.is_wanted()
        {
            // A worker without its channel cannot be given connections; it leaves by itself, and is replaced.
            entry.handle.send(Command::Restart(None, reply));
        } else if is_unwanted {
            // Its stop was under way.
            entry.handle.send(Command::Stop(reply));
        } else if !known && saved.wanted && to_start {
            // After a start of the machine nobody has said that it shall run again.
            // Others may be missing still: who depends on any is looked at once all are there.
            let holds = !entry.spec.depends_on.is_empty();
            entry.handle.send(if holds { Command::Hold(reply) } else { Command::Start(reply) });
        }
        drop(seen);
        if saved.returns && to_start {
            self.bring_back(&mut entry);
        }
        if let Some(other) = other {
            let passing = self.restored_entry(saved, Some(other)).handle;
            entry.passing = Some(passing);
        }
        self.take_up_trial(&mut entry, saved.standby.as_ref());
        if let Some(passing) = entry.passing.as_ref().filter(|_| entry.standby.is_none()) {
            let (reply, gone) = oneshot::channel();
            let passing = passing.clone();
            passing.send(Command::Delete(reply));
            let world = Rc::clone(self);
            tokio::task::spawn_local(async move {
                let _ = gone.await;
                world.has_passed(id, &passing);
            });
        }
        self.registry.borrow_mut().insert(entry);
    }

    /// The command that has stopped it did not come to its start.
    fn bring_back(self: &Rc<Self>, entry: &mut Entry) {
        let (reply, settled) = oneshot::channel();
        entry.returns = true;
        let holds = !entry.spec.depends_on.is_empty();
        entry.handle.send(if holds { Command::Hold(reply) } else { Command::Start(reply) });
        let (world, id) = (Rc::clone(self), entry.identity.id);
        tokio::task::spawn_local(async move {
            let settled = settled.await.unwrap_or(Settled::Deleted);
            // Who has stopped it meanwhile says what becomes of it.
            if !matches!(settled, Settled::Stopped | Settled::Deleted) {
                world.have_returned(&[id]);
            }
        });
    }

    /// One that was not born yet is begun anew, with a channel.
    fn has_lost_its_channel(&self, Left { record, .. }: &Left) -> bool {
        let name = format!("ipc/{}/{}", record.id, record.state.run);
        record.run.is_some() && self.context.inherited.borrow().kept.names().all(|kept| kept != name)
    }

    fn restored_entry(&self, saved: &SavedProcess, mut left: Option<Left>) -> Entry {
        if let Some(rebuilt) = left.as_mut().filter(|left| left.is_rebuilt) {
            rebuilt.record.state.restarts = saved.restarts;
        }
        let spec = Arc::clone(&saved.spec);
        let identity = identity(&spec, saved.id, saved.instance, &saved.unique_id, &self.home);
        let group = self.registry.borrow_mut().group(&spec);
        let handle = process::Handle::begin(
            Rc::clone(&self.context),
            Arc::clone(&spec),
            Rc::clone(&identity),
            group,
            saved.restarts,
            left,
        );
        let (created_at, monitored) = (saved.created_at, saved.monitored);
        Entry {
            spec,
            identity,
            created_at,
            handle,
            passing: None,
            standby: None,
            monitored,
            ran_before_boot: false,
            returns: false,
        }
    }

    /// What runs before those that may live have left in their pipes comes before what these print.
    fn finish_earlier_runs(&self, saved: &SavedProcess, current: [Option<&Left>; 2]) {
        let runs = current.map(|found| found.map(|left| left.record.state.run));
        let mut earlier = Vec::new();
        for stream in ["out", "err"] {
            let inherited = &mut self.context.inherited.borrow_mut().kept;
            for kept in inherited.take_all(&format!("{stream}/{}/", saved.id)) {
                let run = kept.name.rsplit('/').next().and_then(|run| run.parse().ok()).map(SpawnId);
                if run.is_some() && runs.contains(&run) {
                    inherited.add(kept);
                } else {
                    earlier.push(kept);
                }
            }
        }
        let name = (saved.spec.name.clone(), saved.spec.namespace.clone());
        process::finish_outputs(&self.context, earlier, |_| Some(name.clone()));
    }
}

/// The record of the process as it is on the list: during a reload there are two, of which one is on its way out, or
/// not in place yet.
fn take_current(records: &mut Vec<Left>, id: ProcessId) -> Option<Left> {
    let leaving =
        |left: &Left| matches!(left.record.state.phase, Phase::Deleted | Phase::Stopping { then: Then::Delete, .. });
    let (index, _) = records
        .iter()
        .enumerate()
        .filter(|(_, left)| left.record.id == id)
        .min_by_key(|(_, left)| (leaving(left), left.record.state.run))?;
    Some(records.swap_remove(index))
}
