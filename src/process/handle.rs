//! The one way to a process: its task is told what to do, and seen from outside.

use super::context::Context;
use super::desk::Desk;
use super::environment::Identity;
use super::exit::ExitFact;
use super::health::Condition;
use super::inherited::Left;
use super::order::Command;
use super::task::Task;
use crate::clock;
use crate::cluster::{Group, Holder};
use crate::domain::lifecycle::{Phase, State, Then};
use crate::domain::panel::Panel;
use crate::domain::{AppSpec, SpawnId, UnixMs};
use crate::slots::{Slot, Standing, Table, Tally};
use crate::sys::cgroup::Cgroup;
use std::cell::Ref;
use std::rc::Rc;
use std::sync::Arc;

/// What is seen of a process.
#[derive(Debug, Clone)]
pub struct Observed {
    pub state: State,
    pub pid: Option<i32>,
    pub started_at: Option<UnixMs>,
    /// This run listens (cluster).
    pub listening: bool,
    /// This run has said that it is ready.
    pub said_ready: bool,
    /// Connections that are open in it, as it drains and tells.
    pub open: Option<u32>,
    /// Its secrets are being read; it is executed when they are there.
    pub reading_secrets: bool,
    /// Why it could not be executed.
    pub launch_error: Option<String>,
    pub last_exit: Option<ExitFact>,
    /// Of the nearest package.json above the script, at the last start.
    pub version: Option<String>,
    /// Limits of this run that are not in force, and why.
    pub warnings: Vec<String>,
    /// What it and all it has started are in.
    pub cgroup: Option<Cgroup>,
    /// Of this run.
    pub condition: Condition,
    /// Why a run was ended though nobody asked for that.
    pub unwell: Option<Box<(SpawnId, String)>>,
}

impl Observed {
    /// Nothing has happened yet.
    pub(super) fn of(state: State) -> Self {
        Self {
            state,
            pid: None,
            started_at: None,
            listening: false,
            said_ready: false,
            open: None,
            reading_secrets: false,
            launch_error: None,
            last_exit: None,
            version: None,
            warnings: Vec::new(),
            cgroup: None,
            condition: Condition::default(),
            unwell: None,
        }
    }
}

/// The one way to a process.
#[derive(Debug, Clone)]
pub struct Handle {
    desk: Rc<Desk>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // This one and the task's: nobody will tell it anything any more.
        if Rc::strong_count(&self.desk) == 2 {
            self.desk.wake();
        }
    }
}

impl Handle {
    /// Begins the task of a process that doesn't run yet, or of one that another generation has left running.
    pub fn begin(
        context: Rc<Context>,
        spec: Arc<AppSpec>,
        identity: Rc<Identity>,
        group: Option<Group>,
        restarts: u32,
        previous: Option<Left>,
    ) -> Self {
        let state = State { restarts, ..State::new(clock::boot_ms()) };
        let holder = Holder(context.ids.next_holder());
        let (slot, previous) = match previous {
            Some(left) => (left.slot, Some((left.record, left.is_rebuilt))),
            None => (context.slots.as_ref().and_then(Table::slot), None),
        };
        let standing = slot.as_ref().map_or_else(Standing::unkept, Slot::standing);
        let desk = Rc::new(Desk::new(holder, standing.clone(), Observed::of(state)));
        // Boxed, as a future keeps what it is called with twice.
        let mut task = Box::new(Task {
            context,
            spec,
            identity,
            group,
            run: None,
            containment: None,
            is_swept: false,
            preparing: None,
            slot,
            desk: Rc::clone(&desk),
            abandoned: false,
            unwell: None,
            tickets: Vec::new(),
            stands_by: false,
        });
        if let Some((previous, is_rebuilt)) = previous {
            if is_rebuilt {
                standing.assume_serving();
                standing.line_mark(previous.state.run).set();
            }
            task.resume(&previous);
        }
        tokio::task::spawn_local(task.live());
        Self { desk }
    }

    /// Which task this is: the reports of a process that is being replaced come from two.
    pub fn holder(&self) -> Holder {
        self.desk.holder
    }

    /// Whether it was told to go for good: no command after that brings it back.
    pub fn is_leaving(&self) -> bool {
        let leaves = |phase| matches!(phase, Phase::Deleted | Phase::Stopping { then: Then::Delete, .. });
        self.is_told_to_leave() || leaves(self.observed().state.phase)
    }

    /// Whether somebody has told it to go for good.
    pub fn is_told_to_leave(&self) -> bool {
        self.desk.is_told_to_leave()
    }

    pub fn send(&self, command: Command) {
        self.desk.put(command);
    }

    /// Whether it was told to start and doesn't know yet.
    pub fn is_told_to_start(&self) -> bool {
        self.desk.is_told_to_start()
    }

    /// How many signals its run was sent because somebody asked for it.
    pub fn signals(&self) -> u16 {
        self.desk.standing.signals()
    }

    /// What its workers were handed.
    pub fn tally(&self) -> Tally {
        self.desk.standing.tally()
    }

    /// What its run has announced.
    pub fn panel(&self) -> Ref<'_, Panel> {
        self.desk.announced.panel()
    }

    pub fn observed(&self) -> Ref<'_, Observed> {
        self.desk.seen()
    }

    /// Waits until `wanted` is seen; `None` when the process is deleted before.
    pub async fn wait_for(&self, wanted: impl FnMut(&Observed) -> bool) -> Option<()> {
        self.desk.wait_for(wanted).await
    }
}
