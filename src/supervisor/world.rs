//! What all verbs of a supervisor share. One thread, so that borrowing is enough.

use super::automatic::Automatic;
use super::ending::EndedBy;
use super::memory::Memory;
use super::persist::Persistence;
use super::pm2::Nodes;
use super::registry::Registry;
use super::requests::Requests;
use super::turns::Turns;
use crate::api::{API_MAJOR, ApiError, Code, DaemonInfo, Death, Event, Guardian, UpdateReport, pm2};
use crate::clock;
use crate::domain::{ProcessId, SpawnId, UnixMs};
use crate::metrics::{HostSampler, Ports, Sampler};
use crate::paths::Home;
use crate::process::Context;
use crate::slots::{InFlight, Table};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

pub struct World {
    pub(super) home: Home,
    pub(super) context: Rc<Context>,
    pub(super) registry: RefCell<Registry>,
    pub(super) sampler: RefCell<Sampler>,
    pub(super) nodes: RefCell<Nodes>,
    /// Shared with who looks, beside the actor.
    pub(super) ports: Arc<Mutex<Ports>>,
    pub(super) host: RefCell<HostSampler>,
    pub(super) memory: RefCell<Memory>,
    pub(super) listeners: RefCell<Vec<mpsc::Sender<Result<Event, ApiError>>>>,
    /// Of events as PM2's listeners get them.
    pub(super) pm2_order: RefCell<pm2::order::Order>,
    pub(super) closing: Cell<bool>,
    /// Who has asked for the end, and what was to run then.
    pub(super) ran_at_end: RefCell<Option<(EndedBy, BTreeSet<ProcessId>)>>,
    /// One write of the saved list at a time.
    pub(super) saving: tokio::sync::Mutex<()>,
    /// Apps that commands are about to start, each as often as there are such commands.
    pub(super) starting: RefCell<Vec<String>>,
    pub(super) persistence: Option<Persistence>,
    pub(super) requests: RefCell<Requests>,
    pub(super) turns: Turns,
    /// Living runs that are on no list, and are not ended.
    pub(super) left_alone: RefCell<Vec<SpawnId>>,
    pub(super) started_at: UnixMs,
    pub(super) facts: Facts,
    pub(super) automatic: Automatic,
}

/// What there is to tell of the guardian, and of the daemons before this one.
#[derive(Clone, Default)]
pub struct Facts {
    pub generation: u64,
    pub guardian: Option<Guardian>,
    pub last_death: Option<Death>,
    pub last_update: Option<UpdateReport>,
    /// How another program becomes the daemon, where that is possible.
    pub successor: Option<Successor>,
}

/// Has another program go on, once this one has ended: an error where it cannot.
pub type Successor = Rc<dyn Fn(PathBuf) -> Pin<Box<dyn Future<Output = Result<(), ApiError>>>>>;

impl World {
    pub(super) fn new(
        home: Home,
        context: Rc<Context>,
        persistence: Option<Persistence>,
        facts: Facts,
        automatic: Automatic,
    ) -> Self {
        let in_flight = context.slots.as_ref().map_or_else(InFlight::unkept, Table::in_flight);
        let registry = Registry::new(Rc::clone(&context.keep), in_flight, facts.generation);
        Self {
            home,
            context,
            registry: RefCell::new(registry),
            sampler: RefCell::default(),
            nodes: RefCell::default(),
            ports: Arc::default(),
            host: RefCell::default(),
            memory: RefCell::default(),
            listeners: RefCell::default(),
            pm2_order: RefCell::default(),
            closing: Cell::new(false),
            ran_at_end: RefCell::default(),
            saving: tokio::sync::Mutex::default(),
            starting: RefCell::default(),
            requests: RefCell::new(Requests::left_by(persistence.as_ref())),
            turns: Turns::default(),
            left_alone: RefCell::default(),
            persistence,
            started_at: clock::unix_ms(),
            facts,
            automatic,
        }
    }

    pub(super) fn refuse_when_closing(&self) -> Result<(), ApiError> {
        if !self.closing.get() {
            return Ok(());
        }
        let leaving = ApiError::new(Code::Closing, "the daemon is stopping everything and leaves");
        Err(leaving.hint("run the command again in a moment: it starts a new daemon"))
    }

    pub(super) fn info(&self) -> DaemonInfo {
        DaemonInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api: API_MAJOR,
            pid: std::process::id() as i32,
            home: self.home.root().to_owned(),
            started_at: self.started_at,
            processes: self.registry.borrow().len() as u32,
            generation: self.facts.generation,
            guardian: self.facts.guardian.clone(),
            last_death: self.facts.last_death.clone(),
            last_update: self.facts.last_update.clone(),
            lost_connections: self.context.slots.as_ref().map_or(0, Table::lost_connections),
        }
    }
}
