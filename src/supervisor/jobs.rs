//! Jobs: programs that run and end. A run is begun by the clock or by hand, and by nothing else.

use super::automatic::{is_at_rest, unix};
use super::registry::Entry;
use super::requests::Ticket;
use super::world::World;
use crate::api::{ApiError, Code, Job, Response};
use crate::clock;
use crate::domain::job::{End, Seen, Trigger};
use crate::domain::spec::Overlap;
use crate::domain::{Outcome, ProcessId, Selector, SpawnId, UnixMs};
use crate::process::{Command, Observed, Settled};
use crate::store::Pending;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What became of the wish for a run.
enum Wish {
    Begun(oneshot::Receiver<Settled>),
    /// It follows the run that is under way.
    Queued,
    /// There is one under way.
    Skipped,
}

impl World {
    /// `run`: jobs, now.
    pub(super) async fn run(self: &Rc<Self>, selector: &Selector, ticket: &Ticket) -> Result<Response, ApiError> {
        let share = self.share(selector, ticket).await?;
        Self::refuse_none(&share, "run")?;
        let mut begun = Vec::new();
        for id in &share.due {
            let name = self.job_name(*id)?;
            match self.wish(&name, Trigger::Manual) {
                Some(Wish::Begun(answer)) => begun.push((*id, answer)),
                Some(Wish::Queued) | None => {}
                Some(Wish::Skipped) => {
                    let message = format!("{} is under way", self.label(*id));
                    let hint = format!("wait for it, or end it: rpm stop {id}; see: rpm jobs {id}");
                    return Err(ApiError::new(Code::AlreadyRunning, message).hint(hint));
                }
            }
        }
        let mut settled = Vec::new();
        for (id, answer) in begun {
            settled.push((id, answer.await.unwrap_or(Settled::Deleted)));
            self.look_at_job(id);
        }
        self.not_started(&settled).await?;
        Ok(Response::Processes(self.views(&share.ids())))
    }

    fn job_name(&self, id: ProcessId) -> Result<String, ApiError> {
        let registry = self.registry.borrow();
        let spec = registry.get(id).map(|entry| &entry.spec);
        match spec {
            Some(spec) if spec.schedule.job.is_some() => Ok(spec.name.clone()),
            _ => {
                let message = format!("{} is no job", spec.map_or("it", |spec| &spec.name));
                let hint = format!("restart it: rpm restart {id}; a job has job: true in its application file");
                Err(ApiError::new(Code::Invalid, message).hint(hint))
            }
        }
    }

    pub(super) fn jobs(&self, selector: &Selector) -> Result<Response, ApiError> {
        let registry = self.registry.borrow();
        let ids = if selector.is_all() { registry.find(selector)? } else { registry.select(selector)? };
        let schedules = self.automatic.schedules.borrow();
        let job = |entry: &Entry| {
            let (job, armed) = (entry.spec.schedule.job.as_ref()?, schedules.get(&entry.spec.name)?);
            Some(Job {
                id: entry.identity.id,
                name: entry.spec.name.clone(),
                status: entry.handle.observed().state.status(),
                cron: job.cron.clone(),
                time_zone: entry.spec.schedule.time_zone.clone(),
                next_run: armed.next,
                queued: armed.diary.queued,
                history: armed.diary.history.clone(),
            })
        };
        Ok(Response::Jobs(ids.iter().filter_map(|id| job(registry.get(*id)?)).collect()))
    }

    /// Its time has come.
    pub(super) fn run_when_due(self: &Rc<Self>, name: &str, trigger: Trigger) {
        match self.wish(name, trigger) {
            Some(Wish::Begun(answer)) => self.note_when_begun(name, answer),
            Some(Wish::Queued) => tracing::info!("{name}: due while a run is under way, which it follows"),
            Some(Wish::Skipped) => tracing::warn!("{name}: due while a run is under way, and skipped"),
            None => {}
        }
    }

    fn note_when_begun(self: &Rc<Self>, name: &str, answer: oneshot::Receiver<Settled>) {
        let (world, id) = (Rc::clone(self), self.id_of(name));
        tokio::task::spawn_local(async move {
            let settled = answer.await.unwrap_or(Settled::Deleted);
            let Some(id) = id else { return };
            world.look_at_job(id);
            if let Err(error) = world.not_started(&[(id, settled)]).await {
                tracing::error!("{error}");
            }
        });
    }

    /// A job has one process.
    fn id_of(&self, name: &str) -> Option<ProcessId> {
        self.registry.borrow().named(name).first().copied()
    }

    /// Begins a run, or does what the job's overlap rule says while there is one. It is written down first.
    fn wish(self: &Rc<Self>, name: &str, trigger: Trigger) -> Option<Wish> {
        let id = self.id_of(name)?;
        let state = self.registry.borrow().get(id)?.handle.observed().state;
        let mut schedules = self.automatic.schedules.borrow_mut();
        let armed = schedules.get_mut(name)?;
        let overlap = armed.schedule.job.as_ref()?.overlap;
        let (reply, answer) = oneshot::channel();
        let command = match overlap {
            _ if is_at_rest(&state) => Command::Start(reply),
            Overlap::Replace => Command::Restart(Some(state.run), reply),
            Overlap::Skip => {
                armed.diary.history.skipped += u64::from(trigger != Trigger::Manual);
                armed.save();
                return Some(Wish::Skipped);
            }
            Overlap::Queue => {
                let is_first = !std::mem::replace(&mut armed.diary.queued, true);
                armed.save();
                drop(schedules);
                if is_first {
                    self.run_after_the_next_end(name);
                }
                return Some(Wish::Queued);
            }
        };
        armed.diary.pending = Some(Pending::Run { trigger, after: state.run });
        armed.save();
        self.registry.borrow().get(id)?.handle.send(command);
        Some(Wish::Begun(answer))
    }

    fn run_after_the_next_end(self: &Rc<Self>, name: &str) {
        let Some(handle) =
            self.id_of(name).and_then(|id| self.registry.borrow().get(id).map(|entry| entry.handle.clone()))
        else {
            return;
        };
        let (world, name) = (Rc::clone(self), name.to_owned());
        tokio::task::spawn_local(async move {
            if handle.wait_for(|seen| is_at_rest(&seen.state)).await.is_none() {
                return;
            }
            let mut schedules = world.automatic.schedules.borrow_mut();
            let is_queued =
                schedules.get_mut(&name).is_some_and(|armed| std::mem::replace(&mut armed.diary.queued, false));
            drop(schedules);
            if is_queued && !world.closing.get() {
                world.run_when_due(&name, Trigger::Queue);
            }
        });
    }

    /// Somebody stops it: what waits for its end is off.
    pub(super) fn forget_queued(&self, ids: &[ProcessId]) {
        for id in ids {
            let name = self.registry.borrow().get(*id).map(|entry| entry.spec.name.clone());
            let mut schedules = self.automatic.schedules.borrow_mut();
            if let Some(armed) = name.and_then(|name| schedules.get_mut(&name)).filter(|armed| armed.diary.queued) {
                armed.diary.queued = false;
                armed.save();
            }
        }
    }

    /// What another daemon has left of it, or the settings before these.
    pub(super) fn go_on_with_job(self: &Rc<Self>, name: &str) {
        let Some(id) = self.id_of(name) else { return };
        let Some(state) = self.registry.borrow().get(id).map(|entry| entry.handle.observed().state) else { return };
        let (pending, is_queued) = {
            let schedules = self.automatic.schedules.borrow();
            let Some(armed) = schedules.get(name) else { return };
            (armed.diary.pending.clone(), armed.diary.queued)
        };
        match pending {
            // It was about to begin, and didn't.
            Some(Pending::Run { trigger, after }) if after == state.run && is_at_rest(&state) => {
                self.run_when_due(name, trigger);
            }
            _ => self.look_at_job(id),
        }
        if is_queued {
            self.run_after_the_next_end(name);
        }
    }

    /// Takes note of what is seen of a job's run, and sees to it that it doesn't take too long.
    pub(super) fn look_at_job(self: &Rc<Self>, id: ProcessId) {
        let registry = self.registry.borrow();
        let Some(entry) = registry.get(id) else { return };
        let mut schedules = self.automatic.schedules.borrow_mut();
        let Some(armed) = schedules.get_mut(&entry.spec.name).filter(|armed| armed.schedule.job.is_some()) else {
            return;
        };
        let (seen, earlier) = what_is_seen(&entry.handle.observed());
        let trigger = match armed.diary.pending {
            Some(Pending::Run { trigger, after }) if after != seen.run => trigger,
            _ => Trigger::Unknown,
        };
        let mut is_new = armed.diary.history.note(seen, trigger);
        if let Some((run, end)) = earlier {
            is_new |= armed.diary.history.end(run, end);
        }
        if matches!(armed.diary.pending, Some(Pending::Run { after, .. }) if after != seen.run) {
            armed.diary.pending = None;
            is_new = true;
        }
        if is_new {
            armed.save();
        }
        let timeout = armed.schedule.job.as_ref().and_then(|job| job.timeout);
        if let Some(timeout) = timeout.filter(|_| seen.end.is_none() && armed.guarded != Some(seen.run)) {
            armed.guarded = Some(seen.run);
            let world = Rc::clone(self);
            let (name, due) = (entry.spec.name.clone(), seen.started_at.saturating_add(timeout as i64));
            tokio::task::spawn_local(async move { world.end_when_late(&name, id, seen.run, due).await });
        }
    }

    async fn end_when_late(self: Rc<Self>, name: &str, id: ProcessId, run: SpawnId, due: UnixMs) {
        let left = u64::try_from(due - clock::unix_ms()).unwrap_or(0);
        let Some(handle) = self.registry.borrow().get(id).map(|entry| entry.handle.clone()) else { return };
        let ended = |seen: &Observed| seen.state.run != run || is_at_rest(&seen.state);
        if tokio::time::timeout(Duration::from_millis(left), handle.wait_for(ended)).await.is_ok() {
            return;
        }
        tracing::warn!("{name} ({id}): its run takes longer than its job_timeout, and is ended");
        if let Some(armed) = self.automatic.schedules.borrow_mut().get_mut(name) {
            armed.diary.history.timed_out(run);
            armed.save();
        }
        let (reply, _stopped) = oneshot::channel();
        handle.send(Command::Stop(reply));
    }

    /// Those of them that a restart is about: jobs that don't run are begun by their clock, or by `run`.
    pub(super) fn without_idle_jobs(&self, ids: &[ProcessId]) -> Vec<ProcessId> {
        let registry = self.registry.borrow();
        let is_idle_job =
            |entry: &Entry| entry.spec.schedule.job.is_some() && is_at_rest(&entry.handle.observed().state);
        ids.iter().copied().filter(|id| !registry.get(*id).is_some_and(is_idle_job)).collect()
    }
}

/// The last run, and the end of the run before it where only that is known.
fn what_is_seen(seen: &Observed) -> (Seen, Option<(SpawnId, End)>) {
    let state = &seen.state;
    let told = seen.last_exit.map(|fact| (fact.run, End { at: unix(fact.at), outcome: Some(fact.outcome) }));
    let end = match told {
        Some((run, end)) if run == state.run => Some(end),
        _ if !is_at_rest(state) => None,
        _ => Some(match state.last_exit {
            Some(Outcome::NotStarted(_)) => End { at: clock::unix_ms(), outcome: state.last_exit },
            outcome => End { at: unix(state.ended_at), outcome },
        }),
    };
    let started_at = seen.started_at.unwrap_or_else(|| unix(state.started_at));
    (Seen { run: state.run, started_at, end }, told.filter(|(run, _)| *run != state.run))
}
