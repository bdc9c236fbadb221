//! Stops that do not take their time: `--force`, and whoever loses patience with one that is under way.

use super::world::World;
use crate::api::{ApiError, Response};
use crate::domain::{ProcessId, Selector};
use crate::process::Command;

impl World {
    /// Kills what is being stopped, whoever waits for it; what isn't goes on.
    pub(super) fn hurry(&self, selector: &Selector) -> Result<Response, ApiError> {
        let ids = self.registry.borrow().find(selector)?;
        self.kill_now(&ids);
        Ok(Response::Processes(self.views(&ids)))
    }

    /// Does `work`, which begins to stop these processes before it waits for anything; with `force` they are killed
    /// then.
    pub(super) async fn hurried<T>(&self, force: bool, ids: &[ProcessId], work: impl Future<Output = T>) -> T {
        let hurry = async {
            if force {
                self.kill_now(ids);
            }
        };
        // In this order.
        tokio::join!(biased; work, hurry).0
    }

    fn kill_now(&self, ids: &[ProcessId]) {
        let registry = self.registry.borrow();
        for entry in ids.iter().filter_map(|id| registry.get(*id)) {
            entry.handle.send(Command::Hurry);
            if let Some(passing) = &entry.passing {
                passing.send(Command::Hurry);
            }
        }
    }
}
