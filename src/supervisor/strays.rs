//! What another generation has left, and nobody has gone on with: ended and forgotten, unless nobody knows that it is
//! not to run.

use super::world::World;
use crate::domain::{ProcessId, SpawnId};
use crate::process::{self, Left};
use std::rc::Rc;

impl World {
    /// Processes that are on no list. `spared` are those that a generation before has left alone.
    pub(super) fn put_away(&self, strays: Vec<Left>, spared: &[SpawnId]) {
        for Left { slot, record, .. } in strays {
            let run = record.state.run;
            if let Some((pid, _)) = record.run.filter(|(pid, began)| process::lives(*pid, *began)) {
                if self.is_spared(run, spared) {
                    self.registry.borrow_mut().skip_to(record.id.0 + 1);
                    process::leave_alone(&self.context, record.id, run);
                    self.spare(run, pid, spared);
                    // Its slot stays too: should its list be found again, it is taken over.
                    continue;
                }
                tracing::error!("process {pid} runs, and is on no list: it is ended");
                process::end_stray(&self.context, run, pid);
            }
            if let Some(slot) = slot {
                slot.release();
            }
        }
    }

    /// What nobody has gone on with belongs to nobody.
    pub(super) fn audit(self: &Rc<Self>, spared: &[SpawnId]) {
        let mut inherited = self.context.inherited.take();
        for (run, pid) in std::mem::take(&mut inherited.children) {
            if self.is_spared(run, spared) {
                self.spare(run, pid, spared);
                continue;
            }
            tracing::error!("process {pid} (run {run}) is on no list: it is ended");
            process::end_stray(&self.context, run, pid);
            self.context.acknowledge(run);
        }
        for run in inherited.exits.keys() {
            self.context.acknowledge(*run);
        }
        let mut outputs = inherited.kept.take_all("out/");
        outputs.extend(inherited.kept.take_all("err/"));
        process::finish_outputs(&self.context, outputs, |id| self.called(id));
        let in_use = |name: &str| name.starts_with("listen/") && !self.left_alone.borrow().is_empty();
        for name in inherited.kept.names().filter(|name| !in_use(name)) {
            self.context.keep.forget(name);
        }
    }

    /// Without the last list nobody knows what has been started since the one before.
    fn is_spared(&self, run: SpawnId, spared: &[SpawnId]) -> bool {
        self.persistence.as_ref().is_some_and(|persistence| !persistence.is_last) || spared.contains(&run)
    }

    fn spare(&self, run: SpawnId, pid: i32, spared: &[SpawnId]) {
        if !spared.contains(&run) {
            tracing::error!(
                "process {pid} runs, and is on no list that is left: it goes on, and nobody looks after it; \
                 to have it looked after, end it (kill {pid}) and start it with rpm start"
            );
        }
        self.left_alone.borrow_mut().push(run);
    }

    fn called(&self, id: ProcessId) -> Option<(String, String)> {
        let registry = self.registry.borrow();
        registry.get(id).map(|entry| (entry.spec.name.clone(), entry.spec.namespace.clone()))
    }
}
