//! An app gets another name. What a process is told of itself changes with it, so that all that runs is started again.

use super::automatic::Adoption;
use super::check::check;
use super::registry::identity;
use super::requests::Ticket;
use super::resume::Share;
use super::world::World;
use crate::api::{ApiError, Code, Response};
use crate::clock;
use crate::domain::{AppSpec, ProcessId};
use crate::process::{self, Command};
use crate::store::Begun;
use crate::sys::fault::{self, Point};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

impl World {
    /// Holds its place in the line to its end: nobody else is to see half of it.
    ///
    /// A daemon that is killed on the way leaves the app under one of its names, and a list that holds all of it; the
    /// request is asked again, and goes on from there.
    pub(super) async fn rename(self: &Rc<Self>, name: &str, to: &str, ticket: &Ticket) -> Result<Response, ApiError> {
        let ids = self.registry.borrow().named(name);
        let ids = match &ticket.begun {
            // A daemon before this one has come so far.
            Some(Begun::Processes(runs)) if ids.is_empty() => {
                let registry = self.registry.borrow();
                runs.iter()
                    .map(|(id, _)| *id)
                    .filter(|id| registry.get(*id).is_some_and(|entry| entry.spec.name == to))
                    .collect()
            }
            _ => {
                self.refuse_rename(name, to, &ids)?;
                // From here on they come back, also when nobody is left who could ask again.
                self.shall_return(&ids);
                if !self.begin(ticket, Begun::Processes(self.runs(&ids))).await {
                    self.note().await;
                }
                self.end(&ids, Command::Stop).await;
                fault::point(Point::RenameStopped);
                self.exchange_handles(name, to, &ids).await;
                self.note().await;
                fault::point(Point::RenameExchanged);
                self.follow_list(Adoption::No);
                ids
            }
        };
        let due = Share::all_due(self.without_idle_jobs(&ids));
        let settled = self.start_share(&due, |_, reply| Command::Start(reply)).await;
        self.have_returned(&ids);
        self.not_started(&settled).await?;
        self.overtaken_start(&settled, "restart")?;
        Ok(Response::Processes(self.views_of_started(&ids).await))
    }

    /// Of a job only the name changes, unless it runs.
    fn shall_return(&self, ids: &[ProcessId]) {
        for id in self.without_idle_jobs(ids) {
            if let Some(entry) = self.registry.borrow_mut().get_mut(id) {
                entry.returns = true;
            }
        }
    }

    /// What becomes of them is between them and who asks from now on.
    pub(super) fn have_returned(self: &Rc<Self>, ids: &[ProcessId]) {
        for id in ids {
            if let Some(entry) = self.registry.borrow_mut().get_mut(*id) {
                entry.returns = false;
            }
        }
        self.persist();
    }

    fn refuse_rename(&self, name: &str, to: &str, ids: &[ProcessId]) -> Result<(), ApiError> {
        let registry = self.registry.borrow();
        let invalid = |message: String| Err(ApiError::new(Code::Invalid, message));
        let Some(entry) = ids.first().and_then(|id| registry.get(*id)) else {
            return Err(ApiError::new(Code::NotFound, format!("no app is called {name}")).hint("see: rpm ls"));
        };
        check(&AppSpec { name: to.to_owned(), ..(*entry.spec).clone() })?;
        if !registry.named(to).is_empty() {
            return invalid(format!("another app is called {to} already"));
        }
        if registry.is_changing(name) {
            let message = format!("a reload of {name} is under way");
            return Err(ApiError::new(Code::ReloadInProgress, message).hint("wait until it is through"));
        }
        let waits = |spec: &AppSpec| spec.depends_on.iter().any(|dependency| dependency.app == name);
        match registry.iter().find(|entry| waits(&entry.spec)) {
            Some(other) => invalid(format!("{} depends on {name}: it would wait for nobody", other.spec.name)),
            None => Ok(()),
        }
    }

    /// The same processes under their new name. They are on the list at any moment, and all of them change at once.
    async fn exchange_handles(&self, name: &str, to: &str, ids: &[ProcessId]) {
        let mut passing = Vec::new();
        {
            let mut registry = self.registry.borrow_mut();
            for id in ids {
                let Some(entry) = registry.get(*id) else { continue };
                let spec = Arc::new(AppSpec { name: to.to_owned(), ..(*entry.spec).clone() });
                let known = &entry.identity;
                let identity = identity(&spec, *id, known.instance, &known.unique_id, &self.home);
                let restarts = entry.handle.observed().state.restarts + 1;
                let group = registry.group(&spec);
                let context = Rc::clone(&self.context);
                let handle =
                    process::Handle::begin(context, Arc::clone(&spec), Rc::clone(&identity), group, restarts, None);
                let Some(entry) = registry.get_mut(*id) else { continue };
                (entry.spec, entry.identity, entry.created_at) = (spec, identity, clock::unix_ms());
                let old = std::mem::replace(&mut entry.handle, handle);
                entry.passing = Some(old.clone());
                passing.push((*id, old));
            }
            registry.forget_group(name);
        }
        for (id, old) in passing {
            let (reply, deleted) = oneshot::channel();
            old.send(Command::Delete(reply));
            // A task that ended without an answer is deleted.
            let _ = deleted.await;
            self.has_passed(id, &old);
        }
    }
}
