//! The port that an app is given and somebody else has: told by the command that starts it, which doesn't wait until the
//! app has found out.

use super::view::add_port;
use super::world::World;
use crate::api::Process;
use crate::clock;
use crate::domain::port::Taken;
use crate::domain::spec::Mode;
use crate::domain::{BootMs, ProcessId};
use crate::metrics::{Held, holders_now};
use crate::process::shown_environment;
use std::collections::{BTreeMap, BTreeSet};

/// A run that is older has tried to listen, and says itself what became of that.
const YOUNG: BootMs = 2_000;

impl World {
    /// As `views`, for whoever has just started them: with the port that keeps one from running, or is going to.
    pub(super) async fn views_of_started(&self, ids: &[ProcessId]) -> Vec<Process> {
        let failed = self.port_words(ids).await;
        let given = self.given_words(ids).await;
        let mut views = self.views(ids);
        for view in &mut views {
            let words = given.get(&view.id).filter(|_| view.pid.is_some());
            view.warnings.extend(words.map(|words| format!("its PORT is not free: {words}")));
            add_port(view, failed.get(&view.id));
        }
        views
    }

    /// Of processes that have just begun: who else has the port in their variable `PORT`. Workers of a cluster don't bind
    /// it themselves, and what is waited for tells by its failure.
    async fn given_words(&self, ids: &[ProcessId]) -> BTreeMap<ProcessId, String> {
        let wanted: Vec<(ProcessId, Taken)> = ids.iter().filter_map(|id| Some((*id, self.given_port(*id)?))).collect();
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let of: BTreeSet<Taken> = wanted.iter().map(|(_, port)| port.clone()).collect();
        let held = tokio::task::spawn_blocking(move || holders_now(&of)).await.unwrap_or_default();
        wanted
            .into_iter()
            .filter_map(|(id, port)| Some((id, self.told_of_given(id, &port, held.get(&port)?)?)))
            .collect()
    }

    fn given_port(&self, id: ProcessId) -> Option<Taken> {
        let registry = self.registry.borrow();
        let entry = registry.get(id)?;
        let seen = entry.handle.observed();
        let age = clock::boot_ms().saturating_sub(seen.state.started_at);
        if seen.pid.is_none() || age > YOUNG || entry.spec.mode != Mode::Fork || entry.spec.ready.asks() {
            return None;
        }
        let port = shown_environment(&entry.spec, &entry.identity).get("PORT")?.parse().ok()?;
        (port != 0).then_some(Taken::Port(port))
    }

    fn told_of_given(&self, id: ProcessId, port: &Taken, held: &Held) -> Option<String> {
        match held {
            Held::Free => return None,
            // It has been quick.
            Held::By(holders) if holders.iter().any(|holder| self.is_of(holder, id)) => return None,
            Held::By(_) | Held::Unseen(_) => {}
        }
        let registry = self.registry.borrow();
        Some(self.told_of(port, Some(held.clone()), registry.get(id)?))
    }
}
