//! What all processes of a supervisor share, and the numbers that tell their runs apart.

use super::agent::Agent;
use super::confine::Confinement;
use super::exit::Exits;
use super::inherited::Inherited;
use super::kinship::Kinship;
use super::leash::Leash;
use super::sockets::Sockets;
use super::unwritten::Unwritten;
use crate::bus::Bus;
use crate::cluster::Holder;
use crate::domain::lifecycle::Report;
use crate::domain::{Budget, ProcessId, SpawnId};
use crate::guardian;
use crate::logs::Logs;
use crate::slots::{Slot, Table};
use crate::sys::keep::Keep;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::{mpsc, watch};

/// What all processes share.
pub struct Context {
    pub logs: Logs,
    /// Who listens to what apps say.
    pub bus: Rc<Bus>,
    pub keep: Rc<dyn Keep>,
    /// The parent of the apps, where there is one.
    pub guardian: Option<Rc<guardian::Link>>,
    pub exits: Rc<Exits>,
    /// What another generation has left.
    pub inherited: RefCell<Inherited>,
    pub ids: SpawnIds,
    /// Where reports go. Unbounded: its reader runs on this thread and reads all there is in each turn.
    pub reports: mpsc::UnboundedSender<(ProcessId, Holder, Report)>,
    /// Set where apps end with this program.
    pub parent_death_signal: Option<i32>,
    /// Told of all apps, where what they start has to end with this program too.
    pub leash: Option<Rc<Leash>>,
    /// How what runs have started is found.
    pub kinship: Rc<Kinship>,
    /// What Node runs before a worker.
    pub agent: Agent,
    /// The soft limit of open files that apps get.
    pub open_files: u64,
    /// The control groups of the apps.
    pub confinement: Confinement,
    /// Where what processes are doing is kept for a generation after this one.
    pub slots: Option<Table>,
    /// Whenever something about a process has changed.
    pub changes: watch::Sender<()>,
    /// The machine's budget of automatic restarts.
    pub budget: RefCell<Budget>,
    /// How many processes run.
    pub running: Cell<usize>,
    /// What apps listen on, and inherit.
    pub sockets: Sockets,
    /// Ended processes whose output is not in its files yet.
    pub unwritten: Unwritten,
    /// Slots of deleted processes, until a list without them is on disk.
    pub buried: RefCell<Vec<(ProcessId, Holder, Slot)>>,
}

/// Numbers that no two runs, and no two workers, ever share.
#[derive(Debug)]
pub struct SpawnIds {
    next: Cell<u64>,
    next_holder: Cell<u64>,
}

impl Context {
    /// A run's end is recorded where it outlives this program.
    pub fn acknowledge(&self, run: SpawnId) {
        if let Some(guardian) = &self.guardian {
            guardian.acknowledge(run.0);
        }
    }
}

impl SpawnIds {
    pub fn new(first: u64) -> Self {
        Self { next: Cell::new(first), next_holder: Cell::new(0) }
    }

    /// The id that is given out next.
    pub fn peek_id(&self) -> SpawnId {
        SpawnId(self.next.get())
    }

    pub(super) fn next_holder(&self) -> u64 {
        self.next_holder.replace(self.next_holder.get() + 1)
    }

    /// Numbers up to this one have been given out.
    pub fn used(&self, id: SpawnId) {
        self.next.set(self.next.get().max(id.0 + 1));
    }
}
