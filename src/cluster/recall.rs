//! A worker that gets no connections for a while: as long as it isn't ready, or until its replacement has failed.

use super::group::Group;
use super::worker::WorkerId;

impl Group {
    /// While other workers are ready this one gets no connections, if it is on.
    pub fn hold_back(&self, id: WorkerId, on: bool) {
        let mut state = self.inner.state.borrow_mut();
        if !state.primary.hold_back(id, on) {
            return;
        }
        if let Some(worker) = state.workers.get(&id) {
            worker.standing.set_held_back(on);
        }
        state.reseat();
        drop(state);
        self.inner.pump();
    }

    /// A worker that was retired, and not asked to close, gets connections again.
    pub fn recall(&self, id: WorkerId) {
        let mut state = self.inner.state.borrow_mut();
        state.primary.recall(id);
        if let Some(worker) = state.workers.get(&id) {
            worker.standing.set_recalled();
        }
        state.reseat();
        drop(state);
        self.inner.pump();
    }
}
