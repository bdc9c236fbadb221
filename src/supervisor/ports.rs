//! A port in use: who has it, whether it is one of ours, and the way out.

use super::registry::Entry;
use super::world::World;
use crate::clock;
use crate::cluster::Group;
use crate::domain::lifecycle::Phase;
use crate::domain::port::{Taken, taken};
use crate::domain::{Outcome, ProcessId, UnixMs};
use crate::logs;
use crate::metrics::{Held, Holder};
use crate::process::shown_environment;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of a log file only its end is looked at; a stack and what is printed with it fit.
const READ: usize = 16 << 10;
const LINES: usize = 60;
/// The clock of a file is not ours.
const COARSE: UnixMs = 1000;

/// A process that may have ended for the want of a port, and where that would stand.
struct Suspect {
    id: ProcessId,
    /// What its cluster could not listen on.
    refused: Option<String>,
    /// Its error log, and since when it is this run's.
    log: Option<(PathBuf, UnixMs)>,
    /// The port that it was given.
    given: Option<u16>,
}

impl World {
    /// Of those that a port keeps from running: who has it, and the way out. Looked up beside the actor.
    pub(super) async fn port_words(&self, ids: &[ProcessId]) -> BTreeMap<ProcessId, String> {
        let suspects: Vec<Suspect> = ids.iter().filter_map(|id| self.suspect(*id)).collect();
        if suspects.is_empty() {
            return BTreeMap::new();
        }
        let ports = Arc::clone(&self.ports);
        let look = move || {
            let taken: Vec<_> = suspects.iter().filter_map(|suspect| Some((suspect.id, suspect.taken()?))).collect();
            let wanted: BTreeSet<Taken> = taken.iter().map(|(_, of)| of.clone()).collect();
            let held = ports.lock().map(|mut ports| ports.holders(&wanted, clock::boot())).unwrap_or_default();
            taken.into_iter().map(|(id, of)| (id, held.get(&of).cloned(), of)).collect::<Vec<_>>()
        };
        let found = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        let registry = self.registry.borrow();
        let told =
            |(id, held, of): (ProcessId, Option<Held>, Taken)| Some((id, self.told_of(&of, held, registry.get(id)?)));
        found.into_iter().filter_map(told).collect()
    }

    fn suspect(&self, id: ProcessId) -> Option<Suspect> {
        let registry = self.registry.borrow();
        let entry = registry.get(id)?;
        let seen = entry.handle.observed();
        let state = &seen.state;
        let (fails, runs) = match state.phase {
            Phase::Errored | Phase::WaitingRestart { .. } => (true, false),
            Phase::Online | Phase::Launching { .. } => (state.unstable > 0, true),
            Phase::Stopped => (!entry.spec.restart.autorestart, false),
            Phase::Held | Phase::Stopping { .. } | Phase::Deleted => (false, false),
        };
        let refused = registry.group_of(&entry.spec.name).and_then(Group::refused);
        let refused = refused.filter(|_| !seen.listening && (fails || runs));
        let own =
            || seen.launch_error.clone().filter(|_| state.last_exit == Some(Outcome::NotStarted(libc::EADDRINUSE)));
        let refused = refused.or_else(own);
        let fails = fails && !seen.listening && matches!(state.last_exit, Some(Outcome::Code(1..)));
        let age = clock::boot_ms().saturating_sub(state.started_at) as UnixMs;
        let log = entry.identity.error_log.clone().filter(|_| fails);
        let log = log.map(|path| (path.to_path_buf(), clock::unix_ms() - age - COARSE));
        if refused.is_none() && log.is_none() {
            return None;
        }
        let given = shown_environment(&entry.spec, &entry.identity).get("PORT").and_then(|port| port.parse().ok());
        Some(Suspect { id, refused, log, given })
    }

    pub(super) fn told_of(&self, of: &Taken, held: Option<Held>, entry: &Entry) -> String {
        let what = match of {
            Taken::Port(port) => format!("port {port}"),
            Taken::Path(path) => path.clone(),
            Taken::Something => return "the address it wants is in use".to_owned(),
        };
        match held {
            None => format!("{what} is in use"),
            Some(Held::Free) if matches!(of, Taken::Path(_)) && Path::new(&what).exists() => {
                format!("{what} is what an ended program has left: nobody listens there; remove it: rm {what}")
            }
            Some(Held::Free) => format!("{what} was in use and is free now: rpm restart {}", entry.identity.id),
            Some(Held::Unseen(user)) => {
                let whose = user.map(|user| format!(" of {user}")).unwrap_or_default();
                format!("{what} is held by a process{whose} that only root may look at: sudo ss -lptn")
            }
            Some(Held::By(holders)) => self.told_of_holder(&what, &holders, entry),
        }
    }

    fn told_of_holder(&self, what: &str, holders: &[Holder], entry: &Entry) -> String {
        let owner = holders.iter().find_map(|holder| Some((holder, self.owner(holder)?)));
        let (holder, owner) = match owner {
            Some((holder, owner)) => (holder, Some(owner)),
            None => (&holders[0], self.listening_app(what)),
        };
        let user = holder.user.as_ref().map(|user| format!(", user {user}")).unwrap_or_default();
        let whose = format!("{what} is held by {} (pid {}{user})", holder.command, holder.pid);
        let id = entry.identity.id;
        match owner {
            Some(Owner { name, id: other, lives: true }) if name == entry.spec.name && other != Some(id) => format!(
                "{whose}, another instance of {name}: instances share a port in cluster mode (exec_mode: \"cluster\"), or take one each (increment_var: \"PORT\")"
            ),
            Some(Owner { lives: true, id: other, .. }) if other == Some(id) => {
                format!("{whose}, which {} itself has started", entry.spec.name)
            }
            Some(Owner { name, id: Some(other), lives: true }) => format!(
                "{whose}, which is {name} ({other}): stop it with rpm stop {other}, or give one of them another port"
            ),
            Some(Owner { name, lives: true, id: None }) => {
                format!(
                    "{whose} for {name}, an app of this list: stop it with rpm stop {name}, or give one of them another port"
                )
            }
            Some(Owner { name, .. }) => {
                format!("{whose}, which an earlier run of {name} has left: end it with kill {}", holder.pid)
            }
            None => {
                format!("{whose}, none of ours: end it with kill {}, or start this app on another port", holder.pid)
            }
        }
    }

    /// Whose process of the list it is: by its ancestors, else by what it was told when it was started.
    fn owner(&self, holder: &Holder) -> Option<Owner> {
        let registry = self.registry.borrow();
        let owner = |entry: &Entry, lives| Owner { name: entry.spec.name.clone(), id: Some(entry.identity.id), lives };
        let is_of = |entry: &&Entry| {
            entry.handle.observed().pid.is_some_and(|pid| pid == holder.pid || holder.ancestors.contains(&pid))
        };
        if let Some(entry) = registry.iter().find(is_of) {
            return Some(owner(entry, true));
        }
        let unique_id = holder.unique_id.as_ref()?;
        registry.iter().find(|entry| entry.identity.unique_id == *unique_id).map(|entry| owner(entry, false))
    }

    /// Whether it belongs to the run of a process.
    pub(super) fn is_of(&self, holder: &Holder, id: ProcessId) -> bool {
        self.owner(holder).is_some_and(|owner| owner.lives && owner.id == Some(id))
    }

    /// Listeners of clusters are ours, whoever of us holds them.
    fn listening_app(&self, what: &str) -> Option<Owner> {
        let port = format!(":{}", what.strip_prefix("port ")?);
        let registry = self.registry.borrow();
        let name = registry.iter().map(|entry| entry.spec.name.clone()).find(|name| {
            let of_group = registry.group_of(name).map(Group::listens).unwrap_or_default();
            of_group.iter().chain(&self.context.sockets.listens(name)).any(|at| at.ends_with(&port))
        })?;
        Some(Owner { name, id: None, lives: true })
    }
}

struct Owner {
    name: String,
    id: Option<ProcessId>,
    lives: bool,
}

impl Suspect {
    fn taken(&self) -> Option<Taken> {
        let refused = self.refused.as_ref().and_then(|refused| taken([refused.as_str()].into_iter()));
        let of = refused.or_else(|| {
            let (path, since) = self.log.as_ref()?;
            let end = logs::end_of(path, READ).ok().filter(|end| end.modified >= *since)?;
            let text = String::from_utf8_lossy(&end.bytes);
            let last: Vec<&str> = text.lines().rev().take(LINES).collect();
            taken(last.into_iter().rev())
        })?;
        Some(match (of, self.given) {
            (Taken::Something, Some(port)) => Taken::Port(port),
            (of, _) => of,
        })
    }
}
