//! The actor: reads what comes in, and keeps what all verbs share.

use super::automatic::{Adoption, Automatic};
use super::handle::{Call, Door, Ending, Handle};
use super::memory::Memory;
use super::persist::Persistence;
use super::registry::{Entry, Registry};
use super::requests::{Requests, Ticket};
use super::turns::Turns;
use crate::api::{ApiError, Code, DaemonInfo, Death, Event, EventKind, Guardian, Request, Response, UpdateReport};
use crate::clock;
use crate::cluster::Holder;
use crate::domain::lifecycle::Report;
use crate::domain::{ProcessId, SpawnId, UnixMs};
use crate::metrics::{HostSampler, Ports, Sampler};
use crate::paths::Home;
use crate::process::Context;
use crate::slots::{InFlight, Table};
use crate::store::Begun;
use crate::watch::Notice;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// What everything in this room shares. One thread, so that borrowing is enough.
pub struct World {
    pub(super) home: Home,
    pub(super) context: Context,
    pub(super) registry: RefCell<Registry>,
    pub(super) sampler: RefCell<Sampler>,
    /// Shared with who looks, beside the actor.
    pub(super) ports: Arc<Mutex<Ports>>,
    pub(super) host: RefCell<HostSampler>,
    pub(super) memory: RefCell<Memory>,
    pub(super) listeners: RefCell<Vec<mpsc::Sender<Result<Event, ApiError>>>>,
    pub(super) closing: Cell<bool>,
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

/// The actor itself. Runs on a `LocalSet`.
pub struct Supervisor {
    pub(super) world: Rc<World>,
    door: Door,
    reports: mpsc::UnboundedReceiver<(ProcessId, Holder, Report)>,
    notices: mpsc::UnboundedReceiver<Notice>,
}

type Answer = Result<Response, ApiError>;

impl Supervisor {
    /// `context` must send its reports to `reports`.
    pub fn new(
        home: Home,
        context: Context,
        reports: mpsc::UnboundedReceiver<(ProcessId, Holder, Report)>,
        persistence: Option<Persistence>,
        facts: Facts,
    ) -> (Handle, Self) {
        let (handle, door) = Handle::new();
        let in_flight = context.slots.as_ref().map_or_else(InFlight::unkept, Table::in_flight);
        let registry = Registry::new(Rc::clone(&context.keep), in_flight, facts.generation);
        let (automatic, notices) = Automatic::new();
        let world = Rc::new(World {
            home,
            context,
            registry: RefCell::new(registry),
            sampler: RefCell::default(),
            ports: Arc::default(),
            host: RefCell::default(),
            memory: RefCell::default(),
            listeners: RefCell::default(),
            closing: Cell::new(false),
            starting: RefCell::default(),
            requests: RefCell::new(Requests::left_by(persistence.as_ref())),
            turns: Turns::default(),
            left_alone: RefCell::default(),
            persistence,
            started_at: clock::unix_ms(),
            facts,
            automatic,
        });
        (handle, Self { world, door, reports, notices })
    }

    /// Takes over what another generation has left.
    pub fn adopt(&self) {
        self.world.restore();
    }

    /// Serves until it was asked to leave and nothing runs any more.
    pub async fn run(mut self) {
        let releasing = tokio::task::spawn_local(Rc::clone(&self.world).release_held());
        let mut samples = tokio::time::interval(SAMPLE_EVERY);
        samples.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let clockwork = tokio::task::spawn_local(Rc::clone(&self.world).keep_time());
        loop {
            let sampling = self.world.context.running.get() > 0;
            tokio::select! {
                biased;
                Some((id, holder, report)) = self.reports.recv() => self.world.reported(id, holder, report),
                Some(notice) = self.notices.recv() => self.world.noticed(notice),
                call = self.door.calls.recv() => match call {
                    Some(call) => self.serve(call),
                    None => break,
                },
                _ = samples.tick(), if sampling => self.world.sample(),
            }
        }
        releasing.abort();
        clockwork.abort();
        self.world.stop_everything(false).await;
        self.door.closed.send_replace(Some(Ending::Closed));
    }

    fn serve(&self, call: Call) {
        let world = Rc::clone(&self.world);
        match call {
            Call::Request { request, key, reply } => self.request(request, key, reply),
            Call::Logs { query, reply } => {
                tokio::task::spawn_local(async move {
                    let _ = reply.send(world.logs(query).await);
                });
            }
            Call::Events { reply } => {
                let _ = reply.send(world.listen());
            }
        }
    }

    fn request(&self, request: Request, key: Option<String>, reply: oneshot::Sender<Answer>) {
        let Some((mut ticket, reply)) = self.world.requests.borrow_mut().recall(key, reply) else { return };
        ticket.stand_in_line(self.world.turn_of(&request));
        let world = Rc::clone(&self.world);
        // One that a daemon before this one has carried out ends nothing more.
        let ends = matches!(request, Request::Kill { .. });
        let closed = self.door.closed.clone();
        tokio::task::spawn_local(async move {
            let changes = request.changes_something();
            let answer = Rc::clone(&world).carry_out(request, &ticket).await;
            ticket.acts();
            let waiting = world.requests.borrow_mut().finish(&ticket, &answer);
            if changes {
                world.follow_list(Adoption::No);
                world.persist();
                world.persisted().await;
            }
            let ending = match &answer {
                Ok(_) if ends => Some(Ending::Closed),
                // One that a daemon before this one has made room for ends nothing more.
                Ok(Response::Updating { generation }) if *generation == world.facts.generation => {
                    Some(Ending::Replaced)
                }
                _ => None,
            };
            // Answered before the end: else the answer would never leave.
            for reply in waiting.into_iter().chain([reply]) {
                let _ = reply.send(answer.clone());
            }
            if ending.is_some() {
                closed.send_replace(ending);
            }
        });
    }
}

impl World {
    async fn carry_out(self: Rc<Self>, request: Request, ticket: &Ticket) -> Answer {
        // A second end waits for the first.
        if request.changes_something() && !matches!(request, Request::Kill { .. } | Request::Hurry { .. }) {
            self.refuse_when_closing()?;
        }
        ticket.turn().await;
        match request {
            Request::Ping => Ok(Response::Daemon(self.info())),
            Request::List { selector } => self.list(&selector).await,
            Request::Pm2List => Ok(self.pm2_list()),
            Request::Describe { selector } => self.describe(&selector).await,
            Request::Specs { selector } => self.specs(&selector),
            Request::Start(start) => self.start(start, ticket).await,
            Request::Stop { selector, force } => self.stop(&selector, force, ticket).await,
            Request::Restart { selector, force } => self.restart(&selector, force, ticket).await,
            Request::Reload { selector, parallel } => self.reload(&selector, parallel, ticket).await,
            Request::Delete { selector, force } => self.delete(&selector, force, ticket).await,
            Request::Hurry { selector } => self.hurry(&selector),
            Request::Reset { selector } => self.reset(&selector),
            Request::Scale { name, count, relative } => self.scale(&name, count, relative, ticket).await,
            Request::Signal { selector, signal } => self.signal(&selector, signal, ticket).await,
            Request::Flush { selector } => self.flush(selector.as_ref()).await,
            Request::ReopenLogs => self.reopen_logs().await,
            Request::Run { selector } => self.run(&selector, ticket).await,
            Request::Jobs { selector } => self.jobs(&selector),
            Request::Host => self.host_figures(),
            Request::Update { program } => {
                let reported = self.facts.last_update.as_ref().map(|report| report.at);
                if let Some(Begun::Update { generation, reported: before }) = ticket.begun
                    && before != reported
                {
                    // Carried out by a daemon before this one, whatever has come of it.
                    return Ok(Response::Updating { generation });
                }
                let Some(successor) = &self.facts.successor else {
                    let message = format!("{} cannot take over: this supervisor has no guardian", program.display());
                    return Err(ApiError::new(Code::UpdateFailed, message));
                };
                self.begin(ticket, Begun::Update { generation: self.facts.generation, reported }).await;
                successor(program).await?;
                Ok(Response::Updating { generation: self.facts.generation })
            }
            Request::Kill { force } => {
                self.closing.set(true);
                self.stop_everything(force).await;
                self.close_state().await;
                Ok(Response::Done)
            }
        }
    }

    pub(super) fn refuse_when_closing(&self) -> Result<(), ApiError> {
        if !self.closing.get() {
            return Ok(());
        }
        let leaving = ApiError::new(Code::Closing, "the daemon is stopping everything and leaves");
        Err(leaving.hint("run the command again in a moment: it starts a new daemon"))
    }

    fn info(&self) -> DaemonInfo {
        DaemonInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api: crate::api::API_MAJOR,
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

    pub(super) fn reported(self: &Rc<Self>, id: ProcessId, holder: Holder, report: Report) {
        let current = self.registry.borrow().get(id).is_some_and(|entry| entry.handle.holder() == holder);
        // A replacement that isn't in place yet, or one that was replaced: the reload speaks for both.
        if !current {
            return;
        }
        let kind = match report {
            Report::Online => EventKind::Online,
            Report::Exit => EventKind::Exit,
            Report::Restart => EventKind::Restart,
            Report::Stop => EventKind::Stop,
            Report::Overlimit => EventKind::RestartOverlimit,
            Report::Delete => EventKind::Delete,
            Report::Ready => EventKind::Ready,
            Report::Unhealthy => EventKind::Unhealthy,
        };
        self.announce(id, kind, matches!(report, Report::Stop | Report::Delete));
        self.look_at_job(id);
        // Runs that come and go are in the slots; the list changes when one is not to run any more.
        let wanted = |entry: &Entry| entry.handle.observed().state.is_wanted();
        if !self.registry.borrow().get(id).is_some_and(wanted) {
            self.persist();
        }
        if report == Report::Delete {
            self.registry.borrow_mut().remove(id);
            self.note_removal();
        }
    }

    fn sample(self: &Rc<Self>) {
        self.persist_again();
        let alive: BTreeMap<ProcessId, i32> = self
            .registry
            .borrow()
            .iter()
            .filter_map(|entry| Some((entry.identity.id, entry.handle.observed().pid?)))
            .collect();
        self.sampler.borrow_mut().sample(&alive, clock::boot());
        self.watch_memory();
        self.context.confinement.tidy();
    }
}
