//! Taking back that a worker gets no connections: its replacement has failed.

use super::group::Group;
use super::primary::WorkerId;

impl Group {
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
