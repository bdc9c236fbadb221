//! The number of processes of an app of which nothing runs: it can change without a start and without an end.

use super::world::World;
use crate::domain::lifecycle::Phase;
use crate::domain::{AppSpec, ProcessId};
use std::rc::Rc;
use std::sync::Arc;

/// What a new number comes to.
#[derive(Default)]
pub(super) struct Renumbered {
    /// On the list, stopped.
    pub(super) new: Vec<ProcessId>,
    /// To be taken off it.
    pub(super) surplus: Vec<ProcessId>,
}

impl World {
    /// Gives an app the number that its spec says, unless something of it runs, or is about to.
    pub(super) fn renumber_resting(self: &Rc<Self>, known: &[ProcessId], spec: &Arc<AppSpec>) -> Renumbered {
        if !known.iter().all(|id| self.rests(*id)) {
            return Renumbered::default();
        }
        for id in known {
            if let Some(entry) = self.registry.borrow_mut().get_mut(*id) {
                entry.spec = Arc::new(AppSpec { instances: spec.instances, ..(*entry.spec).clone() });
            }
        }
        let wanted = spec.instances.max(1) as usize;
        // As `scale` does it: the oldest go.
        let surplus = known[..known.len().saturating_sub(wanted)].to_vec();
        Renumbered { new: (known.len()..wanted).map(|_| self.add(spec)).collect(), surplus }
    }

    fn rests(&self, id: ProcessId) -> bool {
        let registry = self.registry.borrow();
        let Some(entry) = registry.get(id) else { return true };
        let phase = entry.handle.observed().state.phase;
        matches!(phase, Phase::Stopped | Phase::Errored) && !entry.handle.is_told_to_start() && entry.passing.is_none()
    }
}
