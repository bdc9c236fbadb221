//! A run whose replacement is on trial: it lives, and serves what it has, until it is wanted again or told to go.

use super::link::Membership;
use super::task::Task;

impl Task {
    pub(super) fn stand_by(&mut self, on: bool) {
        self.stands_by = on;
        let membership = self.run.as_ref().and_then(|run| run.link.as_ref()).and_then(|link| link.membership());
        let Some(Membership { group, worker, .. }) = membership else { return };
        if on {
            group.retire(*worker);
        } else {
            group.recall(*worker);
        }
    }
}
