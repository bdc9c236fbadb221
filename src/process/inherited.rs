//! What another generation of this program has left with the guardian, until it is taken up.

use super::alive::began;
use super::context::Context;
use super::exit::ExitFact;
use super::wires::{ERR, IPC, NOTIFY, OUT, PANEL, PID, name_of, owner_of};
use crate::clock;
use crate::domain::lifecycle::{Phase, State};
use crate::domain::{Outcome, OutputStream, ProcessId, SpawnId};
use crate::guardian::Legacy;
use crate::guardian::message::{End, ExitRecord};
use crate::logs::{Destination, Label};
use crate::slots::{Record, Slot, Table};
use crate::sys::keep::Inheritance;
use std::collections::{BTreeMap, BTreeSet};

/// Each part is taken out when somebody goes on with it; what is left in the end is nobody's.
#[derive(Debug, Default)]
pub struct Inherited {
    pub kept: Inheritance,
    /// The guardian's living children, by run.
    pub children: BTreeMap<SpawnId, i32>,
    /// Ends that nobody has taken note of, each with the process's number of then.
    pub exits: BTreeMap<SpawnId, (i32, ExitFact)>,
}

impl Inherited {
    pub fn of(legacy: Legacy) -> Self {
        Self {
            kept: legacy.kept,
            children: legacy.children.iter().map(|child| (SpawnId(child.run), child.pid)).collect(),
            exits: legacy.exits.iter().map(|exit| (SpawnId(exit.run), (exit.pid, fact(exit)))).collect(),
        }
    }

    /// A number that no run before has had is above this one.
    pub fn last_run(&self) -> Option<SpawnId> {
        let named = self.kept.names().filter_map(|name| Some(owner_of(name)?.1)).max();
        let born = self.children.keys().chain(self.exits.keys()).copied().max();
        named.max(born)
    }

    /// Living processes of which nothing is recorded, as the names say of what is kept for them.
    pub fn rebuild(&self, recorded: &[Left], slots: Option<&Table>) -> Vec<Left> {
        let recorded: BTreeSet<SpawnId> = recorded.iter().map(|left| left.record.state.run).collect();
        let owners: BTreeSet<(ProcessId, SpawnId)> = self.kept.names().filter_map(owner_of).collect();
        let lost = owners.into_iter().filter(|(_, run)| !recorded.contains(run));
        let living = lost.filter_map(|(id, run)| Some((id, run, *self.children.get(&run)?)));
        living.map(|(id, run, pid)| Left::rebuilt(id, run, pid, slots.and_then(Table::slot))).collect()
    }
}

/// A process as another generation has left it.
#[derive(Debug)]
pub struct Left {
    /// Absent where there was none to be had.
    pub slot: Option<Slot>,
    pub record: Record,
    /// It is what must be true of a process that lives; what it was doing is lost.
    pub is_rebuilt: bool,
}

impl Left {
    pub fn recorded((slot, record): (Slot, Record)) -> Self {
        Self { slot: Some(slot), record, is_rebuilt: false }
    }

    fn rebuilt(id: ProcessId, run: SpawnId, pid: i32, slot: Option<Slot>) -> Self {
        let now = clock::boot_ms();
        let state = State { phase: Phase::Online, run, started_at: now, ..State::new(now) };
        let run = began(pid).map(|began| (pid, began));
        Self { slot, record: Record { id, state, run, started_at: clock::unix_ms(), unwell: None }, is_rebuilt: true }
    }
}

/// Runs that are recorded as about to start, and whose keeper has died too: whether they were born only their marks can
/// tell. One that was is taken over as any other.
pub fn find_unrecorded(context: &Context, left: &mut [Left]) {
    let inherited = context.inherited.borrow();
    for record in left.iter_mut().map(|left| &mut left.record) {
        let run = record.state.run;
        let is_there = matches!(record.state.phase, Phase::Launching { .. } | Phase::Online | Phase::Stopping { .. });
        if record.run.is_some()
            || !is_there
            || inherited.children.contains_key(&run)
            || inherited.exits.contains_key(&run)
        {
            continue;
        }
        if let Some((pid, began)) = context.kinship.find_main(record.id, run) {
            tracing::warn!(
                "process {pid} is run {run} of process {}, which nobody could note: it is taken over",
                record.id
            );
            record.run = Some((pid, began));
            record.started_at = clock::unix_ms();
        }
    }
}

/// What ended runs of a process have left alive.
pub fn left_by(context: &Context, id: ProcessId, current: Option<SpawnId>) -> Vec<i32> {
    context.kinship.left_by(id, current)
}

/// A living run that is on no list, and perhaps ought to be: its output is copied on, what is kept for it stays.
pub fn leave_alone(context: &Context, id: ProcessId, run: SpawnId) {
    let mut inherited = context.inherited.borrow_mut();
    inherited.children.remove(&run);
    for (what, stream) in [(OUT, OutputStream::Out), (ERR, OutputStream::Err)] {
        if let Some(kept) = inherited.kept.take(&name_of(what, id, run)) {
            let label = Label { id, spawn: run, name: "".into(), namespace: "".into(), stream };
            context.logs.capture(label, kept.fd, Destination::of_tag(&kept.tag));
        }
    }
    for what in [IPC, NOTIFY, PANEL, PID] {
        inherited.kept.take(&name_of(what, id, run));
    }
}

/// An end that the guardian tells.
pub fn fact(exit: &ExitRecord) -> ExitFact {
    let outcome = match exit.end {
        End::Code(code) => Outcome::Code(code),
        End::Signal(signal) => Outcome::Signal(signal),
        End::Unknown => Outcome::Unknown,
    };
    ExitFact { run: SpawnId(exit.run), outcome, cpu_us: exit.cpu_us, max_rss: exit.max_rss, at: exit.at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardian::message::Child;
    use crate::sys::keep::Kept;
    use std::sync::Arc;

    fn legacy(names: &[&str], children: &[(u64, i32)]) -> Legacy {
        let mut legacy = Legacy::default();
        let fd = Arc::new(std::fs::File::open("/dev/null").unwrap().into());
        for name in names {
            legacy.kept.add(Kept { name: (*name).to_owned(), tag: Vec::new(), fd: Arc::clone(&fd) });
        }
        legacy.children = children.iter().map(|(run, pid)| Child { run: *run, pid: *pid }).collect();
        legacy.exits.push(ExitRecord { run: 9, pid: 77, end: End::Code(3), cpu_us: 0, max_rss: 0, at: 0 });
        legacy
    }

    #[test]
    fn what_lives_without_a_record_is_found_by_the_names_of_its_pipes() {
        let us = std::process::id() as i32;
        let names = ["err/1/4", "ipc/1/4", "listen/70", "out/1/4", "out/2/5", "out/3/6", "slots"];
        let inherited = Inherited::of(legacy(&names, &[(4, us), (5, us), (8, us)]));
        let known = Left::rebuilt(ProcessId(2), SpawnId(5), us, None);
        let found = inherited.rebuild(&[known], None);
        let told: Vec<_> = found.iter().map(|left| (left.record.id.0, left.record.state.run.0)).collect();
        assert_eq!(told, [(1, 4)], "run 5 is recorded, 6 has ended, and 8 is nobody's");
        assert_eq!(found[0].record.run, began(us).map(|began| (us, began)));
        assert_eq!(inherited.last_run(), Some(SpawnId(9)));
        assert_eq!(inherited.exits[&SpawnId(9)].0, 77, "whoever was not told the number learns it here");
    }
}
