//! What the workers have to do, for people.

use super::group::{Group, Holder};

/// Of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Connections that this daemon has handed over, and that are not acknowledged.
    pub outstanding: u32,
    /// How many there may be.
    pub window: u32,
    /// It gets no more of them.
    pub draining: bool,
}

impl Group {
    /// Of the worker that a holder has running.
    pub fn load(&self, holder: Holder) -> Option<Load> {
        let state = self.inner.state.borrow();
        let (id, worker) = state.workers.iter().find(|(_, worker)| worker.holder == holder)?;
        Some(Load {
            outstanding: state.primary.unacknowledged(*id) as u32,
            window: state.primary.window(*id) as u32,
            draining: worker.standing.is_retired(),
        })
    }
}
