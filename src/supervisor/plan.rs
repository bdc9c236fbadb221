//! What is done to the processes of each app that is started: planned all at once, then carried out.

use super::reload::Wishes;
use super::resting::Renumbered;
use super::resume::Share;
use super::world::World;
use crate::api::request::Existing;
use crate::api::{ApiError, EventKind};
use crate::domain::{Alike, AppSpec, Outcome, ProcessId};
use crate::process::Command;
use std::rc::Rc;
use std::sync::Arc;

/// What planning has changed on the list, should it have to be taken back.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) new: Vec<ProcessId>,
    /// What those that were there were to run with before.
    pub(super) before: Vec<(ProcessId, Arc<AppSpec>)>,
}

/// What is done to the processes of one app.
pub(super) enum Plan {
    /// They are on the list, and were never started.
    Start(Share),
    Restart(Share),
    Reload {
        share: Share,
        /// What they run with until the reload is through.
        before: Vec<(ProcessId, Arc<AppSpec>)>,
        parallel: Option<u32>,
    },
    /// They have their new settings already.
    Keep {
        share: Share,
        /// More than there are to be, of an app that doesn't run.
        surplus: Vec<ProcessId>,
    },
}

impl World {
    /// Puts on the list what is new, and gives what is there its new settings.
    pub(super) fn plan_start(
        self: &Rc<Self>,
        mut spec: AppSpec,
        (existing, parallel): (Existing, Option<u32>),
        changes: &mut Changes,
    ) -> Result<Plan, ApiError> {
        self.refuse_when_closing()?;
        let known = match existing {
            Existing::Duplicate => Vec::new(),
            Existing::Refuse => self.same_script(&spec),
            Existing::Restart | Existing::Reload | Existing::Keep => self.registry.borrow().named(&spec.name),
        };
        // Neighbours on the list are often much the same.
        if let Some(neighbour) = self.registry.borrow().iter().last() {
            spec.share_with(&neighbour.spec);
        }
        let spec = Arc::new(spec);
        if known.is_empty() {
            let new: Vec<_> = (0..spec.instances.max(1)).map(|_| self.add(&spec)).collect();
            changes.new.extend(&new);
            return Ok(Plan::Start(Share::all_due(new)));
        }
        let before = self.specs_of(&known);
        if existing == Existing::Reload {
            self.refuse_second_reload(&spec.name)?;
            changes.before.extend(before.iter().cloned());
            self.respec(&known, &spec);
            return Ok(Plan::Reload { share: Share::all_due(known), before, parallel });
        }
        changes.before.extend(before);
        if existing == Existing::Keep {
            let Renumbered { new, surplus } = self.renumber_resting(&known, &spec);
            self.respec(&known, &spec);
            changes.new.extend(&new);
            let stay = known.into_iter().filter(|id| !surplus.contains(id)).chain(new).collect();
            return Ok(Plan::Keep { share: Share::all_due(stay), surplus });
        }
        self.respec(&known, &spec);
        Ok(Plan::Restart(Share::all_due(known)))
    }

    /// What a daemon before this one has begun. New processes and new settings are on the list since then.
    pub(super) fn go_on(left: Share, never_ran: bool, existing: Existing, parallel: Option<u32>) -> Plan {
        match existing {
            Existing::Keep => Plan::Keep { share: left, surplus: Vec::new() },
            _ if never_ran => Plan::Start(left),
            // What they ran with before is forgotten: a failure leaves the old processes, with the new settings.
            Existing::Reload => Plan::Reload { before: Vec::new(), share: left, parallel },
            Existing::Refuse | Existing::Duplicate | Existing::Restart => Plan::Restart(left),
        }
    }

    pub(super) async fn carry_out_start(
        self: &Rc<Self>,
        plan: Plan,
        autostart: bool,
        force: bool,
    ) -> Result<Vec<ProcessId>, ApiError> {
        let ids = plan.ids();
        match plan {
            Plan::Start(_) if !autostart => {}
            Plan::Start(share) => self.launch_new(&share).await?,
            Plan::Keep { surplus, .. } if surplus.is_empty() => {}
            Plan::Keep { surplus, .. } => self.forget(&surplus, Command::Delete).await,
            Plan::Restart(share) => self.hurried(force, &share.due, self.restart_all(&share)).await?,
            Plan::Reload { share, before, parallel } => {
                let runs = self.runs(&share.ids());
                let wishes = Wishes { parallel, before: before.iter().cloned().collect() };
                if let Err(error) = self.reload_all(&share, &wishes).await {
                    // The old processes go on, and so do the settings they run with.
                    let unchanged = self.left_of(&runs).due;
                    for (id, old) in before.into_iter().filter(|(id, _)| unchanged.contains(id)) {
                        self.respec(&[id], &old);
                    }
                    self.persist();
                    return Err(error);
                }
            }
        }
        Ok(ids)
    }

    /// All instances, started together. What cannot be executed at all leaves nothing on the list.
    async fn launch_new(self: &Rc<Self>, share: &Share) -> Result<(), ApiError> {
        let ids = share.ids();
        let settled = self.start_share(share, |_, reply| Command::Start(reply)).await;
        if let Err(error) = self.not_started(&settled).await {
            if !self.never_ran(&ids) {
                return Err(error);
            }
            self.forget(&ids, Command::Delete).await;
            return Err(error.hint("correct it and start it again; nothing of it was left on the list"));
        }
        self.overtaken_start(&settled, "start")?;
        for id in &ids {
            self.announce(*id, EventKind::Start, true);
        }
        Ok(())
    }

    /// Whether none of them could even be executed.
    fn never_ran(&self, ids: &[ProcessId]) -> bool {
        let registry = self.registry.borrow();
        let mut entries = ids.iter().filter_map(|id| registry.get(*id));
        entries.all(|entry| matches!(entry.handle.observed().state.last_exit, Some(Outcome::NotStarted(_))))
    }
}

impl Plan {
    pub(super) fn ids(&self) -> Vec<ProcessId> {
        match self {
            Self::Start(share) | Self::Restart(share) | Self::Keep { share, .. } | Self::Reload { share, .. } => {
                share.ids()
            }
        }
    }
}
