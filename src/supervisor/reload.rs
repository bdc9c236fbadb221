//! `reload`, and all that goes its way: who is replaced and who restarted, and one reload of an app at a time.

use super::requests::Ticket;
use super::resume::Share;
use super::rollout::Order;
use super::world::World;
use crate::api::{ApiError, Code, Response};
use crate::clock;
use crate::domain::{AppSpec, ProcessId, Selector, Status};
use crate::store::{mark_reload, unmark_reload};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What a reload is asked for beside its processes.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    /// How many of an app at a time, instead of its `reload_parallel`.
    pub(super) parallel: Option<u32>,
    /// What processes were started with, where that is something else by now.
    pub(super) before: BTreeMap<ProcessId, Arc<AppSpec>>,
}

impl World {
    pub(super) async fn reload(
        self: &Rc<Self>,
        selector: &Selector,
        parallel: Option<u32>,
        ticket: &Ticket,
    ) -> Result<Response, ApiError> {
        let share = self.share(selector, ticket).await?;
        Self::refuse_none(&share, "reload")?;
        self.reload_all(&share, &Wishes { parallel, ..Wishes::default() }).await?;
        Ok(Response::Processes(self.views(&share.ids())))
    }

    /// Online processes that can overlap are replaced, so many of each app at a time, all apps at once; others are
    /// restarted.
    pub(super) async fn reload_all(self: &Rc<Self>, share: &Share, wishes: &Wishes) -> Result<(), ApiError> {
        let share = &self.after_trials(share).await?;
        let (apps, others) = self.apart(share, wishes);
        for name in apps.keys() {
            self.refuse_second_reload(name)?;
        }
        let mut rollouts = Vec::new();
        for (name, members) in apps {
            self.registry.borrow_mut().reloading.insert(name.clone());
            self.show_reload();
            let (world, before) = (Rc::clone(self), wishes.before.clone());
            let order = Order { members, over: None, parallel: wishes.parallel, before };
            rollouts.push(tokio::task::spawn_local(async move {
                let result = world.roll_out(order).await;
                world.reload_is_over(&name);
                result
            }));
        }
        if !others.is_empty() || !share.done.is_empty() {
            self.restart_all(&share.only(others)).await?;
        }
        let mut result = Ok(());
        for rollout in rollouts {
            let ended = rollout.await.unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string())));
            result = result.and(ended);
        }
        result
    }

    /// Those that are replaced, by app, and those that are restarted.
    fn apart(&self, share: &Share, wishes: &Wishes) -> (BTreeMap<String, Vec<ProcessId>>, Vec<ProcessId>) {
        let mut apps: BTreeMap<String, Vec<ProcessId>> = BTreeMap::new();
        let mut others = Vec::new();
        let registry = self.registry.borrow();
        for id in &share.due {
            let Some(entry) = registry.get(*id) else { continue };
            let online = entry.handle.observed().state.status() == Status::Online;
            // A run that was started without inherited sockets has bound its own, which its replacement could not.
            let overlapped = wishes.before.get(id).is_none_or(|before| before.overlaps());
            if online && overlapped && entry.spec.overlaps() {
                apps.entry(entry.spec.name.clone()).or_default().push(*id);
            } else {
                others.push(*id);
            }
        }
        (apps, others)
    }

    pub(super) fn reload_is_over(&self, name: &str) {
        self.registry.borrow_mut().reloading.remove(name);
        self.show_reload();
        self.automatic.reloaded.notify_waiters();
    }

    /// What PM2's scripts look at. An embedded supervisor shows nobody.
    pub(super) fn show_reload(&self) {
        if self.persistence.is_none() {
            return;
        }
        let path = self.home.reload_lock();
        let shown = if self.registry.borrow().reloading.is_empty() {
            unmark_reload(&path)
        } else {
            mark_reload(&path, clock::unix_ms())
        };
        if let Err(error) = shown {
            tracing::warn!("{} cannot be written: {error}", path.display());
        }
    }

    pub(super) fn refuse_second_reload(&self, name: &str) -> Result<(), ApiError> {
        if !self.registry.borrow().reloading.contains(name) {
            return Ok(());
        }
        let message = format!("Reload in progress: a reload of {name} is under way");
        Err(ApiError::new(Code::ReloadInProgress, message).hint("wait until it is through"))
    }

    /// The same for one process that uses so many bytes, more than it may. Nothing happens where a reload is under way:
    /// it replaces it anyway.
    pub(super) async fn replace_one(self: &Rc<Self>, id: ProcessId, bytes: u64) -> Result<(), ApiError> {
        let Some(name) = self.registry.borrow().get(id).map(|entry| entry.spec.name.clone()) else { return Ok(()) };
        if !self.registry.borrow_mut().reloading.insert(name.clone()) {
            return Ok(());
        }
        let order = Order { members: vec![id], over: Some(bytes), parallel: None, before: BTreeMap::new() };
        let result = self.roll_out(order).await;
        self.reload_is_over(&name);
        result
    }
}
