//! Lists that were saved: written, and taken up again.

use super::automatic::Adoption;
use super::check::check;
use super::requests::Ticket;
use super::resume::Share;
use super::start::one_of;
use super::world::World;
use crate::api::{ApiError, Code, EventKind, Response, SaveReport, SavedApp};
use crate::domain::{ProcessId, SpawnId};
use crate::process::Command;
use crate::store::{Begun, ClosedList, DumpFile};
use crate::sys::fault::{self, Point};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

type Answer = Result<Response, ApiError>;

/// An app of a saved list that is on ours now.
struct Raised {
    ids: Vec<ProcessId>,
    /// Those of them that are to run, and were not begun by a daemon before this one.
    share: Share,
}

impl World {
    pub(super) async fn save(&self, force: bool, ticket: &Ticket) -> Answer {
        let elements = self.elements();
        ticket.acts();
        if elements.is_empty() && !force {
            return Ok(Response::Saved(self.save_report(false)));
        }
        let report = self.save_report(true);
        self.write_dump(elements).await?;
        Ok(Response::Saved(report))
    }

    pub(super) async fn clear_saved(&self) -> Answer {
        self.write_dump(Vec::new()).await?;
        Ok(Response::Saved(SaveReport { apps: 0, processes: 0, ..self.save_report(true) }))
    }

    async fn write_dump(&self, elements: Vec<serde_json::Value>) -> Result<(), ApiError> {
        let _alone = self.saving.lock().await;
        let file = self.dump_file();
        let path = file.path().display().to_string();
        let written = tokio::task::spawn_blocking(move || file.write(&elements)).await;
        let failure = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let message = format!("the list is not saved: {path} cannot be written: {failure}");
        Err(ApiError::new(Code::Internal, message)
            .hint("what was saved before is as it was; make room there, or make it writable, and save again"))
    }

    fn dump_file(&self) -> DumpFile {
        DumpFile::new(self.home.dump(), self.home.dump_backup())
    }

    fn save_report(&self, written: bool) -> SaveReport {
        let registry = self.registry.borrow();
        let names: BTreeSet<&str> = registry.iter().map(|entry| entry.spec.name.as_str()).collect();
        let file = self.home.dump();
        SaveReport { file, apps: names.len() as u32, processes: registry.len() as u32, written }
    }

    fn elements(&self) -> Vec<serde_json::Value> {
        self.registry.borrow().iter().map(|entry| self.saved_element(entry)).collect()
    }

    /// What cannot run stays on the list: it was saved, and somebody may mend it.
    pub(super) async fn resurrect(self: &Rc<Self>, apps: Vec<SavedApp>, ticket: &Ticket) -> Answer {
        let mut failures = Vec::new();
        let raised = self.raise(&apps, ticket, &mut failures).await?;
        let (mut starting, mut ids) = (Vec::new(), Vec::new());
        for (app, raised) in apps.into_iter().zip(raised) {
            let Some(Raised { ids: own, share }) = raised else { continue };
            ids.extend(own);
            let (world, name) = (Rc::clone(self), app.spec.name);
            self.starting.borrow_mut().push(name.clone());
            starting.push(tokio::task::spawn_local(async move {
                let started = world.start_raised(&share).await;
                world.starts_no_more(Some(&name));
                started
            }));
        }
        ticket.acts();
        let count = starting.len() + failures.len();
        for app in starting {
            let started = app.await.unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string())));
            failures.extend(started.err());
        }
        match one_of(failures, count) {
            None => Ok(Response::Processes(self.views_of_started(&ids).await)),
            Some(error) => Err(error),
        }
    }

    /// Puts on the list what is not on it by name: one for each app, in their order.
    async fn raise(
        self: &Rc<Self>,
        apps: &[SavedApp],
        ticket: &Ticket,
        failures: &mut Vec<ApiError>,
    ) -> Result<Vec<Option<Raised>>, ApiError> {
        self.refuse_when_closing()?;
        if let Some(Begun::Start(begun)) = &ticket.begun {
            let went_on = apps.iter().zip(begun).map(|(app, runs)| self.raised_before(app, runs));
            return Ok(went_on.collect());
        }
        let known: BTreeSet<String> = self.registry.borrow().iter().map(|entry| entry.spec.name.clone()).collect();
        let mut raised = Vec::new();
        for app in apps {
            if known.contains(&app.spec.name) {
                raised.push(None);
            } else if let Err(error) = check(&app.spec) {
                failures.push(error);
                raised.push(None);
            } else {
                let spec = Arc::new(app.spec.clone());
                let ids: Vec<_> = app.ran.iter().map(|_| self.add(&spec)).collect();
                let share = Share::all_due(to_run(app, ids.iter().copied()));
                raised.push(Some(Raised { ids, share }));
            }
        }
        let runs = raised.iter().map(|app| app.as_ref().map_or_else(Vec::new, |app| self.runs(&app.ids))).collect();
        if !self.begin(ticket, Begun::Start(runs)).await {
            self.note().await;
        }
        fault::point(Point::Resurrected);
        if let Err(error) = self.refuse_unlisted() {
            let new: Vec<_> = raised.iter().flatten().flat_map(|app| app.ids.iter().copied()).collect();
            if !new.is_empty() {
                self.forget(&new, Command::Delete).await;
                return Err(error);
            }
        }
        self.follow_list(Adoption::No);
        Ok(raised)
    }

    /// What a daemon before this one has put on the list, and may have started in part.
    fn raised_before(&self, app: &SavedApp, runs: &[(ProcessId, SpawnId)]) -> Option<Raised> {
        let ids: Vec<_> = runs.iter().map(|(id, _)| *id).collect();
        let wanted = to_run(app, ids.iter().copied());
        let left = self.left_of(runs);
        let due = left.due.iter().copied().filter(|id| wanted.contains(id)).collect();
        (!ids.is_empty()).then(|| Raised { share: left.only(due), ids })
    }

    async fn start_raised(self: &Rc<Self>, share: &Share) -> Result<(), ApiError> {
        let settled = self.start_share(share, |_, reply| Command::Start(reply)).await;
        for (id, _) in &settled {
            self.announce(*id, EventKind::Start, true);
        }
        self.not_started(&settled).await?;
        self.overtaken_start(&settled, "start")
    }

    /// The list as the last orderly end has closed it.
    pub(super) async fn resurrect_last(self: &Rc<Self>, ticket: &Ticket) -> Answer {
        let path = self.home.closed_list();
        let processes = ClosedList::new(path.clone()).load().map_err(|error| {
            ApiError::new(Code::Internal, format!("{} cannot be read: {error}", path.display()))
                .hint("what was saved by hand is another list: rpm resurrect")
        })?;
        let apps = processes
            .into_iter()
            .map(|process| (Arc::unwrap_or_clone(process.spec), process.wanted || process.ran_before_boot));
        self.resurrect(SavedApp::group(apps), ticket).await
    }

    /// A list that was emptied by a command is not to come back by itself.
    pub(super) fn forget_last(&self) {
        if self.persistence.is_some() && self.registry.borrow().len() == 0 {
            ClosedList::new(self.home.closed_list()).remove();
        }
    }

    /// What waits since the machine was started anew.
    pub(super) async fn wake(self: &Rc<Self>, ticket: &Ticket) -> Answer {
        let share = if let Some(Begun::Processes(runs)) = &ticket.begun {
            self.left_of(runs)
        } else {
            let ids = self.waiting();
            self.begin(ticket, Begun::Processes(self.runs(&ids))).await;
            Share::all_due(ids)
        };
        ticket.acts();
        self.start_raised(&share).await?;
        Ok(Response::Processes(self.views_of_started(&share.ids()).await))
    }

    fn waiting(&self) -> Vec<ProcessId> {
        let registry = self.registry.borrow();
        registry.iter().filter(|entry| entry.waits_since_boot()).map(|entry| entry.identity.id).collect()
    }

    /// They were told to stop: nothing starts them because they ran before.
    pub(super) fn stay_down(&self, ids: &[ProcessId]) {
        let mut registry = self.registry.borrow_mut();
        for id in ids {
            if let Some(entry) = registry.get_mut(*id) {
                entry.ran_before_boot = false;
                entry.returns = false;
            }
        }
    }
}

/// Those of an app's processes that ran. A job runs when it is due.
fn to_run(app: &SavedApp, ids: impl Iterator<Item = ProcessId>) -> Vec<ProcessId> {
    let is_job = app.spec.schedule.job.is_some();
    ids.zip(&app.ran).filter(|(_, ran)| **ran && !is_job).map(|(id, _)| id).collect()
}
