//! Who waits for whom: apps that depend on others are held until those are as they should be, and stopped before them.

use super::registry::{Entry, Registry};
use super::resume::Share;
use super::world::World;
use crate::api::{ApiError, Code};
use crate::domain::dependency::{Seen, Standing, standing};
use crate::domain::health::Kind;
use crate::domain::lifecycle::Phase;
use crate::domain::order::{self, Graph};
use crate::domain::spec::Dependency;
use crate::domain::{AppSpec, ProcessId, Status};
use crate::process::{Command, Settled};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a command waits for what its apps depend on. They themselves wait on.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longer chains are none that anybody has written.
const LONGEST_CHAIN: u32 = 64;

/// The first dependency that isn't as it should be.
pub(super) struct Unmet {
    dependency: Dependency,
    is_stuck: bool,
    /// What its processes are; `None` where there are none.
    status: Option<Status>,
}

impl Unmet {
    pub(super) fn words(&self) -> String {
        let Dependency { app, condition } = &self.dependency;
        let what = format!("{app} ({})", condition.as_str());
        match self.status {
            None => format!("{what}, which is not on the list"),
            Some(status) if self.is_stuck => format!("{what}, which is {status}"),
            Some(_) => what,
        }
    }
}

impl World {
    /// Before anything is changed: whatever an app depends on is there, or comes with it, and nobody waits for itself.
    pub(super) fn check_dependencies(&self, apps: &[AppSpec]) -> Result<(), ApiError> {
        let registry = self.registry.borrow();
        let mut graph = order::graph(registry.iter().map(|entry| &*entry.spec));
        graph.extend(order::graph(apps));
        for spec in apps {
            if let Some(missing) = spec.depends_on.iter().find(|other| !graph.contains_key(&other.app)) {
                let message =
                    format!("{} depends on {}, which is neither in its file nor on the list", spec.name, missing.app);
                let hint = format!("start {} first, or take it out of depends_on", missing.app);
                return Err(ApiError::new(Code::Invalid, message).hint(hint));
            }
        }
        // A circle among others is no news.
        let is_ours = |circle: &Vec<String>| circle.iter().any(|name| apps.iter().any(|spec| spec.name == *name));
        match order::cycle(&graph).filter(is_ours) {
            None => Ok(()),
            Some(circle) => {
                let message = format!("apps depend on each other in a circle: {}", circle.join(" → "));
                Err(ApiError::new(Code::Invalid, message).hint("take one of these out of a depends_on"))
            }
        }
    }

    /// Starts each app that is held when all that it depends on is so. Runs as long as the supervisor.
    pub(super) async fn release_held(self: Rc<Self>) {
        let mut changes = self.context.changes.subscribe();
        loop {
            if !self.closing.get() {
                let registry = self.registry.borrow();
                let held = registry.iter().filter(|entry| entry.handle.observed().state.phase == Phase::Held);
                for entry in held.filter(|entry| unmet(&registry, &entry.spec).is_none()) {
                    tracing::info!("{} ({}) starts: what it depends on is so", entry.spec.name, entry.identity.id);
                    let (reply, _) = oneshot::channel();
                    entry.handle.send(Command::Start(reply));
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether it would have to wait, were it started.
    pub(super) fn must_wait(&self, id: ProcessId) -> bool {
        self.unmet(id).is_some()
    }

    /// What a process that doesn't run yet waits for.
    pub(super) fn unmet(&self, id: ProcessId) -> Option<Unmet> {
        let registry = self.registry.borrow();
        let entry = registry.get(id)?;
        let phase = entry.handle.observed().state.phase;
        let is_down = matches!(phase, Phase::Stopped | Phase::Errored | Phase::Held | Phase::WaitingRestart { .. });
        is_down.then(|| unmet(&registry, &entry.spec)).flatten()
    }

    /// Commands processes to start, each when what it depends on is so, and awaits that they come to rest; or that
    /// nothing will change by itself any more.
    pub(super) async fn start_share(
        &self,
        share: &Share,
        verb: impl Fn(ProcessId, oneshot::Sender<Settled>) -> Command,
    ) -> Vec<(ProcessId, Settled)> {
        let command = |id, reply| if self.must_wait(id) { Command::Hold(reply) } else { verb(id, reply) };
        tokio::select! {
            biased;
            settled = self.command_share(share, command) => settled,
            stuck = self.stuck(&share.due) => stuck,
        }
    }

    /// Waits until some of these can wait no more: what they depend on needs somebody, or takes too long.
    async fn stuck(&self, ids: &[ProcessId]) -> Vec<(ProcessId, Settled)> {
        let held = |ids: Vec<ProcessId>| ids.into_iter().map(|id| (id, Settled::Held)).collect();
        let mut changes = self.context.changes.subscribe();
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            let stuck = |id: &ProcessId| {
                let is_told = self.registry.borrow().get(*id).is_some_and(|entry| entry.handle.is_told_to_start());
                !is_told && self.unmet(*id).is_some_and(|unmet| unmet.is_stuck && !self.comes(&unmet))
            };
            let found: Vec<ProcessId> = ids.iter().copied().filter(stuck).collect();
            if !found.is_empty() {
                return held(found);
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    return std::future::pending().await;
                },
                () = &mut patience => {
                    let waiting: Vec<ProcessId> = ids.iter().copied().filter(|id| self.must_wait(*id)).collect();
                    return if waiting.is_empty() { std::future::pending().await } else { held(waiting) };
                }
            }
        }
    }

    /// A command is about to start what is waited for.
    fn comes(&self, unmet: &Unmet) -> bool {
        self.starting.borrow().contains(&unmet.dependency.app)
    }

    /// Processes in the order in which they are stopped: who depends on others goes before them.
    pub(super) fn stop_order(&self, ids: &[ProcessId]) -> Vec<Vec<ProcessId>> {
        let registry = self.registry.borrow();
        let mut apps: BTreeMap<String, Vec<ProcessId>> = BTreeMap::new();
        let mut graph = Graph::new();
        for entry in ids.iter().filter_map(|id| registry.get(*id)) {
            apps.entry(entry.spec.name.clone()).or_default().push(entry.identity.id);
            graph.extend(order::graph([&*entry.spec]));
        }
        let of = |names: Vec<String>| names.iter().filter_map(|name| apps.get(name)).flatten().copied().collect();
        order::groups(&graph).into_iter().rev().map(of).collect()
    }
}

fn unmet(registry: &Registry, spec: &AppSpec) -> Option<Unmet> {
    first_unmet(registry, spec, LONGEST_CHAIN)
}

fn first_unmet(registry: &Registry, spec: &AppSpec, depth: u32) -> Option<Unmet> {
    let found = spec.depends_on.iter().map(|dependency| {
        let mut status = None;
        let processes = registry.iter().filter(|entry| entry.spec.name == dependency.app).map(|entry| {
            let seen = seen(registry, entry, depth);
            status = Some(entry.handle.observed().state.status());
            seen
        });
        let standing = standing(dependency.condition, processes);
        (standing, Unmet { dependency: dependency.clone(), is_stuck: standing == Standing::Stuck, status })
    });
    // What needs somebody is told first.
    found
        .filter(|(standing, _)| *standing != Standing::Met)
        .max_by_key(|(standing, _)| *standing)
        .map(|(_, unmet)| unmet)
}

fn seen(registry: &Registry, entry: &Entry, depth: u32) -> Seen {
    let seen = entry.handle.observed();
    let state = &seen.state;
    // Who waits for somebody that is stuck is stuck too.
    let is_told = matches!(state.phase, Phase::Stopped | Phase::Errored) && entry.handle.is_told_to_start();
    let is_stuck = state.phase == Phase::Held
        && (depth == 0 || first_unmet(registry, &entry.spec, depth - 1).is_some_and(|unmet| unmet.is_stuck));
    let probes = &entry.spec.ready.probes;
    Seen {
        status: match state.status() {
            _ if is_stuck => Status::Stopped,
            _ if is_told => Status::Launching,
            status => status,
        },
        runs: seen.pid.is_some(),
        ready: entry.spec.ready.asks().then_some(seen.condition.missing.is_none() && seen.pid.is_some()),
        well: probes
            .live
            .is_some()
            .then(|| seen.condition.board.row(Kind::Live).is_some_and(|row| row.passes == Some(true))),
        last_exit: state.last_exit,
    }
}
