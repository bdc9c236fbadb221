//! The task of one process: waits for commands, facts and deadlines, asks the lifecycle, does what it says.

use super::confine::Confinement;
use super::containment::Containment;
use super::environment::Identity;
use super::exit::{ExitFact, Exits};
use super::health::Condition;
use super::inherited::{Inherited, Left};
use super::kinship::Kinship;
use super::launch::{LaunchError, Run};
use super::leash::Leash;
use super::link::Said;
use super::prepare::Preparing;
use super::secrets::Values;
use super::sockets::Sockets;
use super::unwritten::Unwritten;
use super::vitals::Sign;
use crate::clock;
use crate::cluster::{Group, Holder};
use crate::domain::lifecycle::{Event, Phase, Report, State, Then};
use crate::domain::{AppSpec, BootMs, Budget, ProcessId, SpawnId, UnixMs};
use crate::guardian;
use crate::logs::Logs;
use crate::slots::{Slot, Standing, Table};
use crate::sys::cgroup::Cgroup;
use crate::sys::keep::Keep;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// While a process is being stopped, what it starts is taken note of so often: when it has gone the tree tells less.
const TAKE_NOTE: Duration = Duration::from_millis(200);

/// What all processes share.
#[derive(Clone)]
pub struct Context {
    pub logs: Logs,
    pub keep: Rc<dyn Keep>,
    /// The parent of the apps, where there is one.
    pub guardian: Option<Rc<guardian::Link>>,
    pub exits: Rc<Exits>,
    /// What another generation has left.
    pub inherited: Rc<RefCell<Inherited>>,
    pub ids: Rc<SpawnIds>,
    /// Where reports go. Unbounded: its reader runs on this thread and reads all there is in each turn.
    pub reports: mpsc::UnboundedSender<(ProcessId, Holder, Report)>,
    /// Set where apps end with this program.
    pub parent_death_signal: Option<i32>,
    /// Told of all apps, where what they start has to end with this program too.
    pub leash: Option<Rc<Leash>>,
    /// How what runs have started is found.
    pub kinship: Rc<Kinship>,
    /// The soft limit of open files that apps get.
    pub open_files: u64,
    /// The control groups of the apps.
    pub confinement: Rc<Confinement>,
    /// Where what processes are doing is kept for a generation after this one.
    pub slots: Option<Table>,
    /// Whenever something about a process has changed.
    pub changes: watch::Sender<()>,
    /// The machine's budget of automatic restarts.
    pub budget: Rc<RefCell<Budget>>,
    /// How many processes run.
    pub running: Rc<Cell<usize>>,
    /// What apps listen on, and inherit.
    pub sockets: Rc<Sockets>,
    /// Ended processes whose output is not in its files yet.
    pub unwritten: Unwritten,
    /// Slots of deleted processes, until a list without them is on disk.
    pub buried: Rc<RefCell<Vec<(ProcessId, Holder, Slot)>>>,
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

    fn next_holder(&self) -> u64 {
        self.next_holder.replace(self.next_holder.get() + 1)
    }

    /// Numbers up to this one have been given out.
    pub fn used(&self, id: SpawnId) {
        self.next.set(self.next.get().max(id.0 + 1));
    }
}

/// What is asked of a process. Those with a sender are answered when the process has come to rest.
#[derive(Debug)]
pub enum Command {
    Start(oneshot::Sender<Settled>),
    /// To be started when what it depends on is as it should be: `Start` follows.
    Hold(oneshot::Sender<Settled>),
    Stop(oneshot::Sender<Settled>),
    /// Of the run named, if one is: whoever asks again finds it done where another run has taken its place.
    Restart(Option<SpawnId>, oneshot::Sender<Settled>),
    /// The run uses so many bytes, more than it may.
    Recycle(SpawnId, u64, oneshot::Sender<Settled>),
    /// It takes the place of a run that used so many bytes.
    Succeed(u64),
    Delete(oneshot::Sender<Settled>),
    Retire(oneshot::Sender<Settled>),
    /// Its replacement is on trial: it gets no new connections, and may be wanted again. `false`: it is.
    StandBy(bool),
    /// What is being stopped is killed now.
    Hurry,
    Signal(i32, oneshot::Sender<std::io::Result<()>>),
    /// New settings, from the next start on.
    Respec(Rc<AppSpec>, Box<Identity>),
    /// Restart counters to 0.
    Reset,
    /// It goes on from a process that had so many restarts.
    CountFrom(u32),
}

impl Command {
    const fn starts(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Hold(_) | Self::Restart(..))
    }
}

/// Where a process came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Online,
    /// A command has stopped it.
    Stopped,
    /// It has ended by itself, and its settings say that this is its end.
    Ended,
    Errored,
    WaitingRestart,
    /// It was found unwell before it was online, and is ended.
    Unwell,
    /// It waits for what it depends on, and nothing will change that soon.
    Held,
    Deleted,
}

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
    pub unwell: Option<(SpawnId, String)>,
}

/// The one way to a process.
#[derive(Debug, Clone)]
pub struct Handle {
    holder: Holder,
    commands: mpsc::UnboundedSender<Command>,
    observed: watch::Receiver<Observed>,
    standing: Standing,
    leaving: Rc<Cell<bool>>,
    /// Commands to start that are on their way.
    starting: Rc<Cell<usize>>,
}

impl Handle {
    /// Begins the task of a process that doesn't run yet, or of one that another generation has left running.
    pub fn begin(
        context: Context,
        spec: Rc<AppSpec>,
        identity: Identity,
        group: Option<Group>,
        restarts: u32,
        previous: Option<Left>,
    ) -> Self {
        let mut state = State::new(clock::boot_ms());
        state.restarts = restarts;
        let (seen, observed) = watch::channel(Observed {
            state,
            pid: None,
            started_at: None,
            listening: false,
            said_ready: false,
            reading_secrets: false,
            launch_error: None,
            last_exit: None,
            version: None,
            warnings: Vec::new(),
            cgroup: None,
            condition: Condition::default(),
            unwell: None,
        });
        // Unbounded: a person or program waits for each answer, and the task reads at once.
        let (commands, receiver) = mpsc::unbounded_channel();
        let holder = Holder(context.ids.next_holder());
        let (slot, previous) = match previous {
            Some(left) => (left.slot, Some((left.record, left.is_rebuilt))),
            None => (context.slots.as_ref().and_then(Table::slot), None),
        };
        let starting: Rc<Cell<usize>> = Rc::default();
        let standing = slot.as_ref().map_or_else(Standing::unkept, Slot::standing);
        let mut task = Task {
            context,
            spec,
            identity,
            holder,
            group,
            state,
            run: None,
            containment: None,
            is_swept: false,
            preparing: None,
            standing: standing.clone(),
            slot,
            starting: Rc::clone(&starting),
            abandoned: false,
            seen,
            tickets: Vec::new(),
            stands_by: false,
        };
        if let Some((previous, is_rebuilt)) = previous {
            if is_rebuilt {
                standing.assume_serving();
                standing.line_mark(previous.state.run).set();
            }
            task.resume(&previous);
        }
        tokio::task::spawn_local(task.live(receiver));
        Self { holder, commands, observed, standing, leaving: Rc::default(), starting }
    }

    /// Which task this is: the reports of a process that is being replaced come from two.
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// Whether it was told to go for good: no command after that brings it back.
    pub fn is_leaving(&self) -> bool {
        let leaves = |phase| matches!(phase, Phase::Deleted | Phase::Stopping { then: Then::Delete, .. });
        self.leaving.get() || leaves(self.observed.borrow().state.phase)
    }

    /// Whether somebody has told it to go for good.
    pub fn is_told_to_leave(&self) -> bool {
        self.leaving.get()
    }

    pub fn send(&self, command: Command) {
        if command.starts() {
            self.starting.set(self.starting.get() + 1);
        }
        if matches!(command, Command::Delete(_) | Command::Retire(_)) {
            self.leaving.set(true);
        }
        // A task that has ended drops the command, and with it the sender that waits for an answer.
        let _ = self.commands.send(command);
    }

    /// Whether it was told to start and doesn't know yet.
    pub fn is_told_to_start(&self) -> bool {
        self.starting.get() > 0
    }

    /// How many signals its run was sent because somebody asked for it.
    pub fn signals(&self) -> u16 {
        self.standing.signals()
    }

    pub fn observed(&self) -> watch::Ref<'_, Observed> {
        self.observed.borrow()
    }

    /// Waits until `wanted` is seen; `None` when the process is deleted before.
    pub async fn wait_for(&self, wanted: impl FnMut(&Observed) -> bool) -> Option<()> {
        self.observed.clone().wait_for(wanted).await.map(|_| ()).ok()
    }
}

pub(super) struct Task {
    pub(super) context: Context,
    pub(super) spec: Rc<AppSpec>,
    pub(super) identity: Identity,
    pub(super) holder: Holder,
    pub(super) group: Option<Group>,
    pub(super) state: State,
    pub(super) run: Option<Run>,
    /// What has to be there before a run is executed.
    pub(super) preparing: Option<Preparing>,
    /// What the run has started, or the last one.
    pub(super) containment: Option<Containment>,
    /// All of that which was to end has ended, as far as the step goes that the stop is at.
    pub(super) is_swept: bool,
    pub(super) slot: Option<Slot>,
    /// Commands to start that are on their way.
    pub(super) starting: Rc<Cell<usize>>,
    /// What the run has said of itself, beside the slot.
    pub(super) standing: Standing,
    /// Nobody holds a handle any more: a replaced process, on its way out.
    pub(super) abandoned: bool,
    pub(super) seen: watch::Sender<Observed>,
    pub(super) tickets: Vec<oneshot::Sender<Settled>>,
    /// A replacement of it is on trial.
    pub(super) stands_by: bool,
}

enum Happened {
    Command(Command),
    Exit(ExitFact),
    Said(Said),
    Signed(Sign),
    Prepared(Result<Values, LaunchError>),
    Deadline,
    Gone,
    Look,
    Abandoned,
}

impl Task {
    async fn live(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        while self.state.phase != Phase::Deleted {
            let happened = self.next(&mut commands).await;
            self.handle(happened);
            self.settle();
        }
        if let Some(slot) = self.slot.take() {
            self.context.buried.borrow_mut().push((self.identity.id, self.holder, slot));
        }
        self.settle();
    }

    async fn next(&mut self, commands: &mut mpsc::UnboundedReceiver<Command>) -> Happened {
        let deadline = if self.waits_for_secrets() { None } else { self.state.deadline() };
        let (sweeping, noting, abandoned) = (self.is_sweeping(), self.is_noting(), self.abandoned);
        let gone = async {
            if let Some(containment) = &mut self.containment {
                containment.gone(&self.standing).await;
            }
        };
        let preparing = &mut self.preparing;
        let prepared = async {
            match preparing {
                Some(preparing) => preparing.wait().await,
                None => std::future::pending().await,
            }
        };
        let (exits, link, vitals) = match &mut self.run {
            Some(run) => (Some(&mut run.exits), run.link.as_mut(), Some(&mut run.vitals)),
            None => (None, None, None),
        };
        let exit = async {
            match exits {
                Some(exits) => exits.wait().await,
                None => std::future::pending().await,
            }
        };
        let said = async {
            match link {
                Some(link) => link.next().await,
                None => std::future::pending().await,
            }
        };
        let signed = async {
            match vitals {
                Some(vitals) => vitals.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            fact = exit => Happened::Exit(fact),
            command = commands.recv(), if !abandoned => command.map_or(Happened::Abandoned, Happened::Command),
            read = prepared => Happened::Prepared(read),
            () = until(deadline) => Happened::Deadline,
            () = gone, if sweeping => Happened::Gone,
            () = tokio::time::sleep(TAKE_NOTE), if noting => Happened::Look,
            sign = signed => Happened::Signed(sign),
            // Last, so that an app that talks without end cannot keep anybody from stopping it.
            said = said => Happened::Said(said),
        }
    }

    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Command(command) => self.command(command),
            Happened::Exit(fact) => self.exited(fact),
            Happened::Said(said) => self.said(&said),
            Happened::Signed(sign) => self.signed(sign),
            Happened::Prepared(read) => self.prepared(read),
            Happened::Deadline => {
                self.note_late_startup();
                self.apply(Event::Timer);
            }
            Happened::Gone => {
                self.is_swept = true;
                self.apply(if self.has_found_some() { Event::GroupGone } else { Event::Alone }(self.state.run));
            }
            Happened::Look => self.take_note(),
            Happened::Abandoned => {
                self.abandoned = true;
                self.apply(Event::Delete);
            }
        }
    }

    fn command(&mut self, command: Command) {
        if command.starts() {
            self.starting.set(self.starting.get() - 1);
        }
        let (event, ticket) = match command {
            Command::Start(ticket) => (Event::Start, ticket),
            Command::Hold(ticket) => (Event::Hold, ticket),
            Command::Stop(ticket) => (Event::Stop, ticket),
            Command::Restart(Some(run), ticket) if run != self.state.run => return self.tickets.push(ticket),
            Command::Restart(_, ticket) => (Event::Restart, ticket),
            Command::Recycle(run, bytes, ticket) => (Event::Recycle(run, bytes), ticket),
            Command::Succeed(bytes) => return self.apply(Event::Succeed(bytes)),
            Command::Delete(ticket) => (Event::Delete, ticket),
            Command::Retire(ticket) => (Event::Retire, ticket),
            Command::Hurry => return self.apply(Event::Hurry),
            Command::StandBy(on) => return self.stand_by(on),
            Command::Signal(signal, answer) => {
                let gone = || Err(std::io::Error::from_raw_os_error(libc::ESRCH));
                let deliver = |run: &Run| {
                    // First: whoever finds it counted does not send it again.
                    self.standing.count_signal();
                    run.exits.signal(signal)
                };
                let sent = self.run.as_ref().map_or_else(gone, deliver);
                let _ = answer.send(sent);
                return;
            }
            Command::Respec(spec, identity) => {
                self.spec = spec;
                self.identity = *identity;
                return;
            }
            Command::CountFrom(restarts) => {
                self.state.restarts = self.state.restarts.max(restarts);
                self.publish();
                return;
            }
            Command::Reset => {
                self.state.restarts = 0;
                self.state.unstable = 0;
                self.state.window_exits = 0;
                self.publish();
                return;
            }
        };
        self.tickets.push(ticket);
        self.apply(event);
    }
}

async fn until(deadline: Option<BootMs>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(Duration::from_millis(deadline.saturating_sub(clock::boot_ms()))).await,
        None => std::future::pending().await,
    }
}
