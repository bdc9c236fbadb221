//! Scaling: more of the same, or fewer.

use super::requests::Ticket;
use super::resume::Share;
use super::world::World;
use crate::api::{ApiError, Code, Response};
use crate::domain::ProcessId;
use crate::process::Command;
use crate::store::Begun;
use std::rc::Rc;
use std::sync::Arc;

/// More of one app are a mistake.
pub(super) const MOST_INSTANCES: u32 = 10_000;

/// How many there are to be, and those of them that are new: on the list, not started.
pub(super) struct Plan {
    target: u32,
    new: Vec<ProcessId>,
}

impl World {
    pub(super) async fn scale(
        self: &Rc<Self>,
        name: &str,
        count: i32,
        relative: bool,
        ticket: &Ticket,
    ) -> Result<Response, ApiError> {
        let plan = self.begin_scale(name, count, relative, ticket).await?;
        let share = Share::all_due(plan.new);
        ticket.acts();
        let settled = self.start_share(&share, |_, reply| Command::Start(reply)).await;
        self.not_started(&settled).await?;
        self.overtaken_start(&settled, "scale")?;
        let ids = self.registry.borrow().staying(name);
        let surplus = ids.len().saturating_sub(plan.target as usize);
        if surplus > 0 {
            self.forget(&ids[..surplus], Command::Retire).await;
        }
        self.overtaken_scale(name, plan.target)?;
        let left = self.registry.borrow().staying(name);
        Ok(Response::Processes(self.views(&left)))
    }

    /// All that comes before the first process is touched.
    pub(super) async fn begin_scale(
        self: &Rc<Self>,
        name: &str,
        count: i32,
        relative: bool,
        ticket: &Ticket,
    ) -> Result<Plan, ApiError> {
        if let Some(Begun::Scale { target, new }) = &ticket.begun {
            // Those that have been started have a run.
            let never_ran = self.runs(new).into_iter().filter(|(_, run)| run.0 == 0);
            return Ok(Plan { target: *target, new: never_ran.map(|(id, _)| id).collect() });
        }
        let plan = self.plan_scale(name, count, relative)?;
        let noted = self.begin(ticket, Begun::Scale { target: plan.target, new: plan.new.clone() }).await;
        if plan.new.is_empty() {
            return Ok(plan);
        }
        if !noted {
            self.note().await;
        }
        if let Err(error) = self.refuse_unlisted() {
            self.forget(&plan.new, Command::Delete).await;
            return Err(error);
        }
        Ok(plan)
    }

    /// What is to be done, with the new ones on the list.
    fn plan_scale(self: &Rc<Self>, name: &str, count: i32, relative: bool) -> Result<Plan, ApiError> {
        let (ids, spec) = {
            let registry = self.registry.borrow();
            let ids = registry.staying(name);
            let spec = ids.first().and_then(|id| registry.get(*id)).map(|entry| Arc::clone(&entry.spec));
            (ids, spec)
        };
        let Some(spec) = spec else {
            return Err(ApiError::new(Code::NotFound, format!("no app is called {name}")).hint("see: rpm ls"));
        };
        let now = ids.len() as u32;
        let wanted = if relative { i64::from(now) + i64::from(count) } else { i64::from(count) };
        if wanted > i64::from(MOST_INSTANCES) {
            let message = format!("{wanted} processes of {name} are more than {MOST_INSTANCES}");
            return Err(ApiError::new(Code::Invalid, message));
        }
        let Ok(target) = u32::try_from(wanted) else {
            return Err(ApiError::new(Code::Invalid, format!("{name} has {now} processes: it cannot have {wanted}")));
        };
        if target == now {
            return Err(ApiError::new(Code::SameSize, format!("{name} has {now} processes already")));
        }
        Ok(Plan { target, new: (now..target).map(|_| self.add(&spec)).collect() })
    }
}
