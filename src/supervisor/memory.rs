//! `max_memory_restart`: looked at with each sample, decided by [`crate::domain::memory`], carried out by the way of a
//! reload, one process of an app at a time.

use super::registry::Entry;
use super::world::World;
use crate::api::EventKind;
use crate::clock;
use crate::domain::lifecycle::State;
use crate::domain::memory::{Allowance, Recycler, Sample, Verdict};
use crate::domain::spec::Mode;
use crate::domain::{AppSpec, BootMs, ProcessId, SpawnId, Status};
use crate::metrics::{Footprint, Root, Trees};
use crate::process::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use tokio::sync::oneshot;

/// What is remembered of apps that have a limit. A daemon that follows a killed one looks anew.
#[derive(Debug, Default)]
pub(super) struct Memory {
    trees: Trees,
    recyclers: BTreeMap<ProcessId, Recycler>,
    /// Those that are above their limit, and are left alone until then.
    held: BTreeMap<ProcessId, (u64, BootMs)>,
    /// Apps of which a process is being replaced.
    busy: BTreeSet<String>,
}

/// A process that is to be replaced.
#[derive(Debug)]
struct Due {
    id: ProcessId,
    run: SpawnId,
    name: String,
    bytes: u64,
}

impl Memory {
    /// Another sample begins, of these.
    fn begin(&mut self, ids: &BTreeSet<ProcessId>) {
        // Also of those that do not run at the moment: how the next run begins depends on the last.
        self.recyclers.retain(|id, _| ids.contains(id));
        self.held.clear();
        self.trees.begin(ids);
    }

    /// Whether it is to be replaced now. One that `waits` has its turn when no other process of its app is on its way.
    fn look_at(&mut self, entry: &Entry, waits: bool) -> Option<Due> {
        let (id, name) = (entry.identity.id, &entry.spec.name);
        let State { run, started_at, .. } = entry.handle.observed().state;
        if entry.handle.observed().state.status() != Status::Online {
            return None;
        }
        let allowance = Allowance { limit: limit_of(entry)?, min_uptime: entry.spec.restart.min_uptime };
        let now = clock::boot_ms();
        let mut recycler = self.recyclers.get(&id).copied().unwrap_or_default();
        let fresh = !recycler.is_holding(run, now);
        let Footprint { bytes, .. } = footprint(&mut self.trees, entry, allowance.limit, fresh)?;
        match recycler.judge(Sample { run, started_at, now, bytes }, allowance) {
            Verdict::Replace if waits || self.busy.contains(name) => {
                self.held.insert(id, (bytes, now));
                return None;
            }
            Verdict::Over { until } => {
                self.held.insert(id, (bytes, until));
            }
            Verdict::Replace => {
                self.recyclers.insert(id, recycler);
                return Some(Due { id, run, name: name.clone(), bytes });
            }
            Verdict::Within => {}
        }
        self.recyclers.insert(id, recycler);
        None
    }
}

impl World {
    /// Looks at all that have a limit, and begins to replace those that are above it.
    pub(super) fn watch_memory(self: &Rc<Self>) {
        for due in self.over_memory() {
            let Due { id, run, name, bytes } = due;
            if self.closing.get() || !self.memory.borrow_mut().busy.insert(name.clone()) {
                continue;
            }
            let world = Rc::clone(self);
            tokio::task::spawn_local(async move {
                world.recycle(id, run, bytes).await;
                world.memory.borrow_mut().busy.remove(&name);
            });
        }
    }

    fn over_memory(&self) -> Vec<Due> {
        let registry = self.registry.borrow();
        let limited: Vec<&Entry> = registry.iter().filter(|entry| limit_of(entry).is_some()).collect();
        let mut memory = self.memory.borrow_mut();
        memory.begin(&limited.iter().map(|entry| entry.identity.id).collect());
        let mut due: Vec<Due> = Vec::new();
        for entry in limited {
            let name = &entry.spec.name;
            let waits = registry.is_changing(name) || due.iter().any(|other| other.name == *name);
            due.extend(memory.look_at(entry, waits));
        }
        due
    }

    async fn recycle(self: &Rc<Self>, id: ProcessId, run: SpawnId, bytes: u64) {
        let Some(entry) = self.registry.borrow().get(id).cloned() else { return };
        let limit = entry.spec.limits.max_memory_restart.unwrap_or_default();
        let name = &entry.spec.name;
        tracing::warn!("{name} ({id}) uses {}: it is replaced", compared(bytes, limit));
        self.announce(id, EventKind::MemoryLimit, false);
        if entry.spec.mode == Mode::Cluster {
            if let Err(error) = self.replace_one(id, bytes).await {
                tracing::warn!("{name} ({id}) stays above its max_memory_restart for now: {}", error.message);
            }
        } else {
            let (reply, settled) = oneshot::channel();
            entry.handle.send(Command::Recycle(run, bytes, reply));
            // A task that has ended has nothing to replace.
            let _ = settled.await;
        }
    }

    /// Why a process above its limit still runs.
    pub(super) fn held_by_memory(&self, entry: &Entry) -> Option<String> {
        let limit = entry.spec.limits.max_memory_restart?;
        let (bytes, until) = *self.memory.borrow().held.get(&entry.identity.id)?;
        let used = compared(bytes, limit);
        let left = until.saturating_sub(clock::boot_ms()).div_ceil(1000);
        Some(match left {
            0 => format!("uses {used} that it may (max_memory_restart); it is replaced if it goes on so"),
            left => format!(
                "uses {used} that it may (max_memory_restart); it is left alone for another {left} s: the less time a run \
                 takes to get there, the longer it stays"
            ),
        })
    }
}

/// What a process and all it has started use, as exactly as the system knows. Many are asked about with the same `trees`.
pub(super) fn tree_of(entry: &Entry, trees: &mut Trees) -> Option<Footprint> {
    footprint(trees, entry, 0, true)
}

fn limit_of(entry: &Entry) -> Option<u64> {
    entry.spec.limits.max_memory_restart
}

fn footprint(trees: &mut Trees, entry: &Entry, limit: u64, fresh: bool) -> Option<Footprint> {
    let seen = entry.handle.observed();
    let root = Root { id: entry.identity.id, pid: seen.pid?, cgroup: seen.cgroup.as_ref() };
    Some(trees.footprint(root, limit, clock::boot(), fresh))
}

/// What the run before this one used of what it may, where this one took its place for that.
pub(super) fn replaced(spec: &AppSpec, state: &State) -> Option<String> {
    let bytes = Some(state.recycled).filter(|bytes| *bytes > 0 && state.status().is_alive())?;
    // The limit may have been taken away since.
    Some(spec.limits.max_memory_restart.map_or_else(|| size(bytes), |limit| compared(bytes, limit)))
}

/// `812 MB of 800 MB`.
fn compared(bytes: u64, limit: u64) -> String {
    format!("{} of {}", size(bytes), size(limit))
}

fn size(bytes: u64) -> String {
    const MEGABYTE: f64 = 1024.0 * 1024.0;
    let megabytes = bytes as f64 / MEGABYTE;
    if megabytes >= 100.0 { format!("{megabytes:.0} MB") } else { format!("{megabytes:.1} MB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_so_that_they_differ() {
        assert_eq!(compared(851_443_712, 838_860_800), "812 MB of 800 MB");
        assert_eq!(compared(52_639_744, 52_428_800), "50.2 MB of 50.0 MB");
    }
}
