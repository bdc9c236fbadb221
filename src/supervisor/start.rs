//! `start`: new apps, and what is there already.

use super::automatic::Adoption;
use super::check::check;
use super::plan::{Changes, Plan};
use super::requests::Ticket;
use super::resume::Share;
use super::world::World;
use crate::api::request::{Existing, Start};
use crate::api::{ApiError, Code, Response};
use crate::process::Command;
use crate::store::Begun;
use std::rc::Rc;

/// One for each app, in their order.
type Plans = Vec<Result<Plan, ApiError>>;

impl World {
    /// All that is new is on disk before the first process runs: a daemon that is killed in between leaves none that
    /// is on no list.
    pub(super) async fn start(self: &Rc<Self>, start: Start, ticket: &Ticket) -> Result<Response, ApiError> {
        let autostart: Vec<bool> =
            start.apps.iter().map(|spec| spec.autostart && spec.schedule.job.is_none()).collect();
        if ticket.begun.is_none() {
            self.let_go_first(&start).await;
        }
        let force = start.force;
        let plans = self.begin_start(start, ticket).await?;
        self.carry_out_starts(plans, &autostart, force, ticket).await
    }

    /// All that comes before the first process is touched.
    pub(super) async fn begin_start(self: &Rc<Self>, start: Start, ticket: &Ticket) -> Result<Plans, ApiError> {
        for spec in &start.apps {
            check(spec)?;
        }
        self.check_dependencies(&start.apps)?;
        let begun = match &ticket.begun {
            Some(Begun::Start(apps)) => apps.as_slice(),
            _ => &[],
        };
        let (nothing, mut changes) = (Vec::new(), Changes::default());
        let begun_of = |index: usize| begun.get(index).unwrap_or(&nothing);
        for (index, spec) in start.apps.iter().enumerate() {
            if start.existing == Existing::Refuse && begun_of(index).is_empty() {
                self.refuse_running(spec)?;
            }
        }
        let plans: Plans = start
            .apps
            .into_iter()
            .enumerate()
            .map(|(index, spec)| {
                let left = self.left_of(begun_of(index));
                // New settings and the number of what rests can be given twice.
                if left == Share::default() || start.existing == Existing::Keep {
                    return self.plan_start(spec, (start.existing, start.parallel), &mut changes);
                }
                let never_ran = begun_of(index).iter().all(|(_, run)| run.0 == 0);
                Ok(Self::go_on(left, never_ran, start.existing, start.parallel))
            })
            .collect();
        if begun.is_empty() {
            let runs =
                plans.iter().map(|plan| plan.as_ref().map_or_else(|_| Vec::new(), |plan| self.runs(&plan.ids())));
            let runs = runs.collect();
            if !self.begin(ticket, Begun::Start(runs)).await {
                // Nobody can ask again, but what is new belongs on the list all the same.
                self.note().await;
            }
        } else if !changes.new.is_empty() {
            self.note().await;
        }
        self.confirm(changes).await?;
        // What changes while they start belongs to them already.
        self.follow_list(Adoption::No);
        Ok(plans)
    }

    /// All or nothing: where what is new cannot be listed, nothing has changed.
    async fn confirm(&self, changes: Changes) -> Result<(), ApiError> {
        if changes.new.is_empty() {
            return Ok(());
        }
        let Err(error) = self.refuse_unlisted() else { return Ok(()) };
        self.forget(&changes.new, Command::Delete).await;
        for (id, old) in changes.before {
            self.respec(&[id], &old);
        }
        Err(error)
    }

    /// All apps at once: each waits for its own processes only. They are begun in the order of the list.
    async fn carry_out_starts(
        self: &Rc<Self>,
        plans: Plans,
        autostart: &[bool],
        force: bool,
        ticket: &Ticket,
    ) -> Result<Response, ApiError> {
        let mut under_way = Vec::new();
        let names: Vec<Option<String>> = plans.iter().map(|plan| self.name_of(plan.as_ref().ok()?)).collect();
        self.starting.borrow_mut().extend(names.iter().flatten().cloned());
        for ((plan, autostart), name) in plans.into_iter().zip(autostart.iter().copied()).zip(names) {
            let world = Rc::clone(self);
            under_way.push(tokio::task::spawn_local(async move {
                let carried_out = match plan {
                    Ok(plan) => world.carry_out_start(plan, autostart, force).await,
                    Err(error) => Err(error),
                };
                world.starts_no_more(name.as_deref());
                carried_out
            }));
        }
        // What was spawned is next to run, and tells its processes at once.
        ticket.acts();
        let count = under_way.len();
        let (mut touched, mut failures) = (Vec::new(), Vec::new());
        for app in under_way {
            match app.await.unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string()))) {
                Ok(ids) => touched.extend(ids),
                Err(error) => failures.push(error),
            }
        }
        match one_of(failures, count) {
            None => Ok(Response::Processes(self.views_of_started(&touched).await)),
            Some(error) => Err(error),
        }
    }

    fn name_of(&self, plan: &Plan) -> Option<String> {
        let registry = self.registry.borrow();
        plan.ids().first().and_then(|id| registry.get(*id)).map(|entry| entry.spec.name.clone())
    }

    /// Who waits for it looks again at what it is.
    pub(super) fn starts_no_more(&self, name: Option<&str>) {
        let mut starting = self.starting.borrow_mut();
        if let Some(at) = starting.iter().position(|known| Some(known.as_str()) == name) {
            starting.swap_remove(at);
        }
        self.context.changes.send_replace(());
    }
}

/// One error for all of them. Those of the other apps are told, and that the rest was started.
pub(super) fn one_of(failures: Vec<ApiError>, count: usize) -> Option<ApiError> {
    let failed = failures.len();
    let mut failures = failures.into_iter();
    let mut first = failures.next()?;
    for other in failures {
        first.message = format!("{}\n{}", first.message, other.message);
    }
    if count > failed {
        first.message = format!("{}\n{} of {count} apps were started", first.message, count - failed);
    }
    Some(first)
}
