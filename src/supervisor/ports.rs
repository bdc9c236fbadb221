//! A port in use: who has it, whether it is one of ours, and the way out.

use super::actor::World;
use super::registry::Entry;
use crate::clock;
use crate::cluster::Group;
use crate::domain::lifecycle::Phase;
use crate::domain::port::{Taken, taken};
use crate::domain::{Outcome, UnixMs};
use crate::logs;
use crate::metrics::{Held, Holder};
use crate::process::{Observed, compose};
use std::path::Path;

/// Of its last words; a stack and what is printed with it fit.
const READ: u64 = 16 * 1024;
const LINES: usize = 60;
/// The clock of a file is not ours.
const LEEWAY: UnixMs = 1000;

impl World {
    /// `reason`, with what is known of the port where that is what ended it.
    pub(super) fn with_port(&self, entry: &Entry, seen: &Observed, reason: Option<String>) -> Option<String> {
        let Some(of) = self.taken(entry, seen) else { return reason };
        let told = self.told_of(&of, entry);
        Some(reason.map_or_else(|| told.clone(), |reason| format!("{reason}; {told}")))
    }

    /// What it wanted to listen on and somebody else has, if that is what ails it.
    fn taken(&self, entry: &Entry, seen: &Observed) -> Option<Taken> {
        let state = &seen.state;
        let fails = match state.phase {
            Phase::Errored | Phase::WaitingRestart { .. } => true,
            Phase::Online | Phase::Launching { .. } => state.unstable > 0 && !seen.listening,
            Phase::Stopped => !entry.spec.restart.autorestart,
            Phase::Stopping { .. } | Phase::Deleted => false,
        };
        let refused = || {
            let refused = self.registry.borrow().group_of(&entry.spec.name).and_then(Group::refused)?;
            taken([refused.as_str()].into_iter())
        };
        if !seen.listening
            && matches!(state.phase, Phase::Online | Phase::Launching { .. } | Phase::Errored)
            && let Some(of) = refused()
        {
            return Some(of);
        }
        if !fails || !matches!(state.last_exit, Some(Outcome::Code(1..))) {
            return None;
        }
        let began = clock::unix_ms() - clock::boot_ms().saturating_sub(state.started_at) as UnixMs;
        let text = last_words(entry.identity.error_log.as_deref()?, began)?;
        let last = text.lines().rev().take(LINES).collect::<Vec<_>>();
        match taken(last.into_iter().rev())? {
            Taken::Something => {
                let port = compose(&entry.spec, &entry.identity).get("PORT").and_then(|port| port.parse().ok());
                Some(port.map_or(Taken::Something, Taken::Port))
            }
            named => Some(named),
        }
    }

    fn told_of(&self, of: &Taken, entry: &Entry) -> String {
        let what = match of {
            Taken::Port(port) => format!("port {port}"),
            Taken::Path(path) => path.clone(),
            Taken::Something => return "the address it listens on is in use".to_owned(),
        };
        match self.ports.borrow_mut().holder(of, clock::boot()) {
            None => format!("{what} is in use"),
            Some(Held::Free) if matches!(of, Taken::Path(_)) => {
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

    /// Listeners of clusters are ours, whoever of us holds them.
    fn listening_app(&self, what: &str) -> Option<Owner> {
        let port = format!(":{}", what.strip_prefix("port ")?);
        let registry = self.registry.borrow();
        let name = registry.iter().map(|entry| entry.spec.name.clone()).find(|name| {
            registry.group_of(name).is_some_and(|group| group.listens().iter().any(|at| at.ends_with(&port)))
        })?;
        Some(Owner { name, id: None, lives: true })
    }
}

struct Owner {
    name: String,
    id: Option<crate::domain::ProcessId>,
    lives: bool,
}

/// What was written last, if anything was since the run began.
fn last_words(log: &Path, began: UnixMs) -> Option<String> {
    let (bytes, written) = logs::ending(log, READ).ok()?;
    (written + LEEWAY >= began).then(|| String::from_utf8_lossy(&bytes).into_owned())
}
