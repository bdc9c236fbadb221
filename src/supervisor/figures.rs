//! What a cluster's primary has counted of a process.

use super::registry::Entry;
use super::world::World;
use crate::api::Connections;

impl World {
    /// `None` for what is no worker of a cluster, or has never been one.
    pub(super) fn connections(&self, entry: &Entry) -> Option<Connections> {
        let tally = entry.handle.tally();
        let load = {
            let registry = self.registry.borrow();
            registry.group_of(&entry.spec.name)?.load(entry.handle.holder()).unwrap_or_default()
        };
        Some(Connections {
            dispatched: tally.dispatched,
            outstanding: load.outstanding,
            refused: tally.refused,
            redispatched: tally.redispatched,
            window: load.window,
            draining: load.draining,
            since: tally.since?,
        })
    }
}
