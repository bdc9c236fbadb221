//! The plan of [`crate::domain::rollout`] carried out on the processes of an app.

use super::tally::with_tally;
use super::world::World;
use crate::api::{ApiError, EventKind, Rollout as Progress, RolloutStep};
use crate::clock;
use crate::domain::rollout::{Effect, Event, Pace, Rollout, Tally};
use crate::domain::{AppSpec, BootMs, ProcessId};
use crate::process;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A rollout that is wanted.
pub(super) struct Order {
    /// Of one app.
    pub(super) members: Vec<ProcessId>,
    /// The memory it is done for, where nobody has asked for it.
    pub(super) over: Option<u64>,
    pub(super) parallel: Option<u32>,
    /// What they were started with, where that is something else by now.
    pub(super) before: BTreeMap<ProcessId, Arc<AppSpec>>,
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
    pub(super) order: Order,
    /// Unbounded: each task says a word or two.
    tell: mpsc::UnboundedSender<Told>,
    tasks: JoinSet<()>,
    /// Ready, and about to be swapped.
    pub(super) ready: BTreeMap<ProcessId, process::Handle>,
    began: BTreeMap<ProcessId, BootMs>,
    pub(super) window: Option<u64>,
    /// When a trial that was begun by another daemon is over.
    pub(super) until: Option<BootMs>,
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
            Told::Ready(id, handle) if self.rollout.awaits(id) && self.world.counts_on(id, &handle).await => {
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
    pub(super) fn begin(&mut self, task: impl Future<Output = Told> + 'static) {
        let tell = self.tell.clone();
        self.tasks.spawn_local(async move {
            let _ = tell.send(task.await);
        });
    }

    pub(super) fn announce(&self, id: ProcessId, step: RolloutStep, before: Option<i32>) {
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
