//! The plan of [`crate::domain::rollout`] carried out on the processes of an app.

use super::trial::Standby;
use super::world::World;
use crate::api::{ApiError, Code, EventKind, Rollout as Progress, RolloutStep};
use crate::clock;
use crate::domain::rollout::{Effect, Event, Pace, Rollout, Tally};
use crate::domain::{AppSpec, BootMs, ProcessId};
use crate::process::{self, Command};
use crate::sys::fault::{self, Point};
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// A rollout that is wanted.
pub(super) struct Order {
    /// Of one app.
    pub(super) members: Vec<ProcessId>,
    /// The memory it is done for, where nobody has asked for it.
    pub(super) over: Option<u64>,
    pub(super) parallel: Option<u32>,
    /// What they were started with, where that is something else by now.
    pub(super) before: BTreeMap<ProcessId, Rc<AppSpec>>,
}

/// What has come of something that was begun.
pub(super) enum Told {
    Ready(ProcessId, process::Handle),
    Failed(ProcessId, ApiError),
    Gone(ProcessId),
    Lost(ProcessId),
    /// Somebody has asked for something else of a process on trial.
    Overtaken(ProcessId),
    Unwell(ProcessId, ApiError),
    StayedWell,
}

/// One that is under way. Its tasks end with it.
pub(super) struct Conductor {
    pub(super) world: Rc<World>,
    rollout: Rollout,
    order: Order,
    /// Unbounded: each task says a word or two.
    tell: mpsc::UnboundedSender<Told>,
    tasks: JoinSet<()>,
    /// Ready, and about to be swapped.
    ready: BTreeMap<ProcessId, process::Handle>,
    began: BTreeMap<ProcessId, BootMs>,
    window: Option<u64>,
    /// When a trial that was begun by another daemon is over.
    until: Option<BootMs>,
    failure: Option<ApiError>,
}

impl World {
    /// Of an app of which no other reload is under way.
    pub(super) async fn roll_out(self: &Rc<Self>, order: Order) -> Result<(), ApiError> {
        let policy = {
            let registry = self.registry.borrow();
            let first = order.members.first().and_then(|id| registry.get(*id));
            first.map(|entry| entry.spec.rollout.clone()).unwrap_or_default()
        };
        let window = policy.health_window.filter(|window| *window > 0 && order.over.is_none());
        let parallel = order.parallel.unwrap_or(policy.parallel).max(1) as usize;
        let pace = Pace { parallel, on_trial: window.is_some() };
        let rollout = Rollout::new(order.members.iter().copied(), pace);
        let (conductor, told) = Conductor::new(self, rollout, order, window);
        conductor.conduct(told).await
    }

    /// Of processes that a daemon before this one has replaced, and that are on trial.
    pub(super) async fn resume_trial(self: &Rc<Self>, members: Vec<ProcessId>) -> Result<(), ApiError> {
        let (window, until) = {
            let registry = self.registry.borrow();
            let entries: Vec<_> = members.iter().filter_map(|id| registry.get(*id)).collect();
            let window = entries.first().and_then(|entry| entry.spec.rollout.health_window);
            (window, entries.iter().filter_map(|entry| entry.standby.as_ref()?.until).max())
        };
        let rollout = Rollout::on_trial(members.iter().copied());
        let order = Order { members, over: None, parallel: None, before: BTreeMap::new() };
        let (mut conductor, told) = Conductor::new(self, rollout, order, Some(window.unwrap_or(0)));
        conductor.until = until;
        for id in conductor.order.members.clone() {
            conductor.watch_over(id);
        }
        conductor.conduct(told).await
    }
}

impl Conductor {
    fn new(
        world: &Rc<World>,
        rollout: Rollout,
        order: Order,
        window: Option<u64>,
    ) -> (Self, mpsc::UnboundedReceiver<Told>) {
        let (tell, told) = mpsc::unbounded_channel();
        let conductor = Self {
            world: Rc::clone(world),
            rollout,
            order,
            tell,
            tasks: JoinSet::new(),
            ready: BTreeMap::new(),
            began: BTreeMap::new(),
            window,
            until: None,
            failure: None,
        };
        (conductor, told)
    }

    async fn conduct(mut self, mut told: mpsc::UnboundedReceiver<Told>) -> Result<(), ApiError> {
        if let Some(first) = self.order.members.first() {
            self.announce(*first, RolloutStep::Begun, None);
        }
        let mut event = Some(Event::Begin);
        loop {
            if let Some(event) = event {
                for effect in self.rollout.step(event) {
                    if effect == Effect::Finished {
                        return self.finish();
                    }
                    self.carry_out(effect).await;
                }
            }
            // A sender is ours: it never ends.
            let Some(next) = told.recv().await else { return self.finish() };
            event = self.hear(next).await;
        }
    }

    fn finish(mut self) -> Result<(), ApiError> {
        let result = match self.failure.take() {
            Some(error) => Err(with_tally(error, self.rollout.tally(), self.window.is_some())),
            None => Ok(()),
        };
        let step = if result.is_ok() { RolloutStep::Finished } else { RolloutStep::Failed };
        if let Some(first) = self.order.members.first() {
            self.announce(*first, step, None);
        }
        self.world.persist();
        result
    }

    async fn hear(&mut self, told: Told) -> Option<Event> {
        match told {
            // Nothing may come between this answer and the swap.
            Told::Ready(id, handle) if self.world.counts_on(id, &handle).await => {
                self.ready.insert(id, handle);
                Some(Event::Ready(id))
            }
            Told::Ready(id, handle) => {
                let world = Rc::clone(&self.world);
                self.begin(async move { Told::Failed(id, world.abandon(id, &handle).await) });
                None
            }
            Told::Failed(id, error) => {
                self.fails(error);
                Some(Event::Failed(id))
            }
            Told::Gone(id) => Some(Event::Gone(id)),
            // Of one that is not on trial any more it is no news.
            Told::Lost(id) | Told::Overtaken(id) | Told::Unwell(id, _) if !self.world.is_on_trial(id) => None,
            Told::Lost(id) => {
                self.world.end_standby(id);
                Some(Event::Lost(id))
            }
            Told::Overtaken(id) => {
                self.fails(self.world.overtaken_trial(id));
                self.world.end_standby(id);
                Some(Event::Lost(id))
            }
            Told::Unwell(_, error) => {
                self.fails(error);
                Some(Event::Unwell)
            }
            Told::StayedWell => Some(Event::StayedWell),
        }
    }

    /// What came first is what it failed for.
    fn fails(&mut self, error: ApiError) {
        self.failure.get_or_insert(error);
    }

    async fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::StartReplacement(id) => {
                self.began.insert(id, clock::boot_ms());
                let (world, over) = (Rc::clone(&self.world), self.order.over);
                self.begin(async move {
                    match world.start_replacement(id, over).await {
                        Ok(handle) => Told::Ready(id, handle),
                        Err(error) => Told::Failed(id, error),
                    }
                });
            }
            Effect::Abandon(id) => self.world.end_passing(id),
            Effect::Swap(id) => self.swap(id).await,
            Effect::Retire(id) => self.retire(id),
            Effect::Return(id) => self.give_back(id).await,
            Effect::Watch => self.watch().await,
            Effect::Finished => {}
        }
    }

    /// The task's last word is told; a conductor that has gone doesn't hear it.
    fn begin(&mut self, task: impl Future<Output = Told> + 'static) {
        let tell = self.tell.clone();
        self.tasks.spawn_local(async move {
            let _ = tell.send(task.await);
        });
    }

    /// The replacement is the process from now on.
    async fn swap(&mut self, id: ProcessId) {
        let Some(handle) = self.ready.remove(&id) else { return };
        let by = handle.observed().state.run;
        let old_pid = {
            let mut registry = self.world.registry.borrow_mut();
            // Deleted meanwhile: whoever deleted it has ended the replacement too.
            let Some(entry) = registry.get_mut(id) else { return };
            let old = std::mem::replace(&mut entry.handle, handle);
            entry.created_at = clock::unix_ms();
            let (run, pid) = (old.observed().state.run, old.observed().pid);
            entry.passing = Some(old);
            let spec = self.order.before.get(&id).unwrap_or(&entry.spec);
            entry.standby = self.window.map(|_| Standby { run, by, spec: Rc::clone(spec), until: None });
            pid
        };
        self.announce(id, RolloutStep::Replaced, old_pid);
        if self.window.is_none() {
            return self.world.persist();
        }
        // A daemon after this one has to know which of the two is which, before the old one is set aside.
        fault::point(Point::TrialSwapped);
        self.world.note().await;
        fault::point(Point::TrialNoted);
        self.world.set_aside(id);
        self.watch_over(id);
    }

    /// The other process, whichever that is, finishes what it has.
    fn retire(&mut self, id: ProcessId) {
        let (reply, retired) = oneshot::channel();
        let passing = self.world.registry.borrow_mut().get_mut(id).and_then(|entry| {
            entry.standby = None;
            entry.passing.clone()
        });
        if let Some(passing) = &passing {
            passing.send(Command::Retire(reply));
        }
        let world = Rc::clone(&self.world);
        self.begin(async move {
            if let Some(passing) = passing {
                let _ = retired.await;
                world.has_passed(id, &passing);
            }
            Told::Gone(id)
        });
    }

    async fn give_back(&mut self, id: ProcessId) {
        let new_pid = self.world.registry.borrow().get(id).and_then(|entry| entry.handle.observed().pid);
        self.world.put_back(id);
        self.announce(id, RolloutStep::Returned, new_pid);
        self.world.note().await;
        fault::point(Point::TrialReturned);
        self.retire(id);
    }

    async fn watch(&mut self) {
        let now = clock::boot_ms();
        let until = self.until.unwrap_or_else(|| now + self.window.unwrap_or(0));
        for id in &self.order.members {
            if let Some(entry) = self.world.registry.borrow_mut().get_mut(*id)
                && let Some(standby) = &mut entry.standby
            {
                standby.until = Some(until);
            }
        }
        if let Some(first) = self.order.members.first() {
            self.announce(*first, RolloutStep::Watching, None);
        }
        self.world.note().await;
        self.begin(async move {
            let left = until.saturating_sub(clock::boot_ms());
            tokio::time::sleep(std::time::Duration::from_millis(left)).await;
            Told::StayedWell
        });
    }

    /// Tells when the new run of a process is not well, or the old one has ended.
    fn watch_over(&mut self, id: ProcessId) {
        let world = Rc::clone(&self.world);
        self.begin(async move { world.new_run_fails(id).await });
        let world = Rc::clone(&self.world);
        self.begin(async move { world.old_run_ends(id).await });
    }

    fn announce(&self, id: ProcessId, step: RolloutStep, before: Option<i32>) {
        let Tally { total, replaced, returned } = self.rollout.tally();
        let progress = Progress {
            step,
            total: total as u32,
            replaced: replaced as u32,
            returned: returned as u32,
            before,
            elapsed: self.began.get(&id).map(|began| clock::boot_ms().saturating_sub(*began)),
            health_window: self.window,
        };
        let manually = self.order.over.is_none();
        let kind = match step {
            RolloutStep::Replaced | RolloutStep::Returned => EventKind::Reload,
            RolloutStep::Begun | RolloutStep::Watching | RolloutStep::Finished | RolloutStep::Failed => {
                EventKind::Rollout
            }
        };
        self.world.announce_step(id, kind, manually, Some(progress));
    }
}

/// How many were replaced and how many were not, after why.
fn with_tally(mut error: ApiError, tally: Tally, on_trial: bool) -> ApiError {
    let Tally { total, replaced, returned } = tally;
    if error.code == Code::ReloadFailed && (total > 1 || on_trial) {
        let (first, rest) =
            error.message.split_once('\n').map_or((error.message.as_str(), None), |(a, b)| (a, Some(b)));
        let mut message = format!("{first}; {}", tally_words(total, replaced, returned));
        if let Some(rest) = rest {
            message.push('\n');
            message.push_str(rest);
        }
        error.message = message;
    }
    error
}

fn tally_words(total: usize, replaced: usize, returned: usize) -> String {
    let were = |count: usize| if count == 1 { "was" } else { "were" };
    let left = total - replaced - returned;
    let mut words = match replaced {
        0 => format!("none of {total} was replaced"),
        _ => format!("{replaced} of {total} {} replaced and stay so, {left} {} not", were(replaced), were(left)),
    };
    if returned > 0 {
        let what = if replaced == 0 { "the version before runs in all" } else { "the version before is back in" };
        words = match replaced {
            0 => format!("{what} {total}"),
            _ => format!("{words}; {what} {returned}"),
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_how_many() {
        for (tally, expected) in [
            ((4, 0, 0), "none of 4 was replaced"),
            ((4, 1, 0), "1 of 4 was replaced and stay so, 3 were not"),
            ((4, 3, 0), "3 of 4 were replaced and stay so, 1 was not"),
            ((4, 0, 2), "the version before runs in all 4"),
            ((4, 1, 3), "1 of 4 was replaced and stay so, 0 were not; the version before is back in 3"),
        ] {
            assert_eq!(tally_words(tally.0, tally.1, tally.2), expected);
        }
        let error = ApiError::new(Code::ReloadFailed, "it broke\nits last lines:\n  x");
        let told = with_tally(error, Tally { total: 2, replaced: 0, returned: 0 }, false);
        assert_eq!(told.message, "it broke; none of 2 was replaced\nits last lines:\n  x");
    }
}
