//! Which workers of a cluster get connections while others are ready: those that have shown what their settings ask for.

use super::task::Task;
use crate::domain::lifecycle::Phase;

impl Task {
    /// Its cluster learns whether it is ready. Until it is online it has to have shown everything; after that, as its time
    /// for it may be over, no more than its ready probe says.
    pub(super) fn rotate(&self) {
        let ready = &self.spec.ready;
        let held_back = match self.state().phase {
            Phase::Launching { .. } => ready.asks() && self.missing().is_some(),
            Phase::Online => ready.probes.ready.is_some() && !self.desk.standing.serves(),
            // It is asked no more, and gets nothing anyway.
            _ => return,
        };
        if let Some(link) = self.run.as_ref().and_then(|run| run.link.as_ref()) {
            link.hold_back(held_back);
        }
    }
}
