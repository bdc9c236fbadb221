//! Composition: supervisor, processes, cluster, logs, metrics.

use super::guarded::{Guarded, beat, facts, listen};
use super::staging::staging;
use crate::bus::{self, Bus};
use crate::clock;
use crate::domain::{Budget, SpawnId};
use crate::guardian::{Legacy, Link};
use crate::logs::Logs;
use crate::paths::Home;
use crate::process::{
    Agent, Confinement, Context, Exits, Inherited, Kinship, Leash, Realm, Sockets, SpawnIds, Unwritten,
};
use crate::slots::{Journal, Table};
use crate::supervisor::{Facts, Handle, Persistence, Supervisor};
use crate::sys;
use crate::sys::cgroup::{self, Cgroups};
use crate::sys::fault::{self, Point};
use crate::sys::keep::{Keep, Kept, LocalKeep};
use crate::sys::memory::{self, SharedWords};
use crate::sys::socket::raise_open_files;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// The name under which the slots are kept.
const SLOTS: &str = "slots";

/// How an engine is used.
pub struct EngineOptions {
    pub home: Home,
    /// The soft limit of open files that apps get, where ours is raised already.
    pub open_files: Option<u64>,
    /// The signal apps get when the thread that runs the engine ends; `None` where they shall live on.
    pub parent_death_signal: Option<i32>,
    /// Ends what apps have started when this program ends.
    pub leash: Option<Rc<Leash>>,
    /// Whether the list outlives this program.
    pub persistent: bool,
    /// The parent of the apps, where there is one.
    pub guarded: Option<Guarded>,
    /// Lines of this program's own log, for those who listen to them.
    pub own_log: Option<mpsc::Receiver<String>>,
}

/// Everything that supervises. Made and run on a `LocalSet` of a current-thread runtime.
pub struct Engine {
    supervisor: Supervisor,
    own_log: Option<(mpsc::Receiver<String>, Rc<Bus>)>,
    guard: Option<Guard>,
}

impl Engine {
    /// Begins; the handle works once [`Self::run`] is polled.
    pub fn new(options: EngineOptions) -> io::Result<(Handle, Self)> {
        for directory in [options.home.logs(), options.home.pids()] {
            match std::fs::create_dir_all(&directory) {
                // Nothing of it is for anybody after this program; what goes there is told where it cannot be written.
                Err(error) if !options.persistent => tracing::warn!("{} cannot be made: {error}", directory.display()),
                made => made?,
            }
        }
        let (link, mut legacy, successor) = match options.guarded {
            Some(Guarded { link, legacy, successor }) => (Some(link), legacy, Some(successor)),
            None => (None, Legacy::default(), None),
        };
        let facts = Facts { successor, ..link.as_ref().map(|_| facts(&legacy)).unwrap_or_default() };
        let keep: Rc<dyn Keep> = match &link {
            Some(link) => Rc::clone(link) as Rc<dyn Keep>,
            None => Rc::new(LocalKeep::default()),
        };
        // The list first: whoever cannot go on must leave everything to another.
        let mut persistence = None;
        let mut slots = None;
        if options.persistent {
            let boot = sys::proc::boot_id();
            let mut list = Persistence::open(&options.home, boot.clone()).map_err(io::Error::other)?;
            slots = take_slots(&options.home, &boot, legacy.kept.take(SLOTS), keep.as_ref(), &mut list);
            persistence = Some(list);
        }
        let journal = slots.as_ref().map_or_else(Journal::unkept, Table::journal);
        let staging = staging(journal, &mut legacy.kept, keep.as_ref())?;
        // Runs of a supervisor that nobody goes on with begin at 1 each time.
        let realm = if options.persistent { Realm::of_home(options.home.root()) } else { Realm::numbered(random()?) };
        let kinship = Rc::new(Kinship::new(realm, link.as_ref().map(|link| link.pid())));
        let spent = slots.as_ref().map_or(0, Table::budget);
        let (reports, inbox) = mpsc::unbounded_channel();
        let cgroups = Cgroups::new(cgroup::roots(), &groups_of(&options.home, options.persistent));
        let context = Rc::new(Context {
            logs: Logs::start(staging)?,
            bus: Rc::default(),
            keep,
            guardian: link.clone(),
            exits: Rc::default(),
            inherited: RefCell::new(Inherited::of(legacy)),
            ids: SpawnIds::new(slots.as_ref().map_or(1, |slots| slots.next_run().max(1))),
            reports,
            parent_death_signal: options.parent_death_signal,
            leash: options.leash,
            kinship,
            agent: Agent::new(options.home.agents()),
            open_files: options.open_files.unwrap_or_else(raise_open_files),
            confinement: Confinement::new(cgroups),
            slots,
            changes: watch::Sender::default(),
            budget: RefCell::new(Budget::resume(spent, clock::boot_ms())),
            running: Cell::new(0),
            sockets: Sockets::default(),
            unwritten: Unwritten::default(),
            buried: RefCell::default(),
        });
        if let Some(run) = context.inherited.borrow().last_run() {
            context.ids.used(run);
        }
        // The slots know exactly, unless they are new.
        if let Some(persistence) = persistence.as_ref().filter(|_| context.ids.peek_id() == SpawnId(1)) {
            context.ids.used(SpawnId(persistence.last_run()));
        }
        let guard = link.map(|link| Guard { link, exits: Rc::clone(&context.exits), generation: facts.generation });
        let own_log = options.own_log.map(|lines| (lines, Rc::clone(&context.bus)));
        let (handle, supervisor) = Supervisor::new(options.home, context, inbox, persistence, facts);
        Ok((handle, Self { supervisor, own_log, guard }))
    }

    /// Takes over what lives, says that it is ready, and supervises until every handle is gone; then stops what runs.
    pub async fn run(self) {
        let beats = self.guard.as_ref().map(|guard| tokio::task::spawn_local(beat(Rc::clone(&guard.link))));
        if let Some((lines, bus)) = self.own_log {
            tokio::task::spawn_local(bus::pass_on(lines, bus));
        }
        fault::point(Point::AdoptBegun);
        self.supervisor.adopt();
        fault::point(Point::AdoptListed);
        if let Some(Guard { link, exits, generation }) = self.guard {
            link.ready();
            fault::point(Point::AdoptReady);
            tokio::task::spawn_local(listen(link, exits, generation));
        }
        self.supervisor.run().await;
        if let Some(beats) = beats {
            beats.abort();
        }
    }
}

/// What control groups are kept under: the same for all daemons of a home, for each other program its own.
fn groups_of(home: &Home, persistent: bool) -> String {
    let folder = cgroup::folder_of(home.root());
    if persistent { folder } else { format!("{folder}-{}", std::process::id()) }
}

fn random() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}

/// What is done beside supervising where there is a guardian.
struct Guard {
    link: Rc<Link>,
    exits: Rc<Exits>,
    generation: u64,
}

/// The slots, with what the last daemon has left in them: those that the guardian has kept, else the file, which
/// outlives the guardian too. Where others have shortened them, they are made whole again: what is lost is found by
/// what the guardian has.
fn take_slots(home: &Home, boot: &str, kept: Option<Kept>, keep: &dyn Keep, list: &mut Persistence) -> Option<Table> {
    let path = home.slots();
    let mapped = kept.and_then(|kept| {
        let mapped = SharedWords::map(kept.fd.as_fd(), Table::words());
        mapped.inspect_err(|error| tracing::error!("{}: {error}; it is mended", path.display())).ok()
    });
    match mapped.map_or_else(|| make_slots(&path, keep), Ok) {
        Ok(memory) => {
            let (table, records) = Table::open(memory, boot);
            list.go_on_from(records);
            Some(table)
        }
        Err(error) => {
            tracing::warn!("what processes are doing cannot be kept for a daemon after this one: {error}");
            None
        }
    }
}

/// On a disk without room for it they are in memory, as long as there is a guardian.
fn make_slots(path: &Path, keep: &dyn Keep) -> io::Result<SharedWords> {
    let words = Table::words();
    let fd = memory::file(path, words).or_else(|error| {
        tracing::warn!("{} cannot be made: {error}; what processes do is kept in memory", path.display());
        memory::anonymous(words)
    })?;
    let fd = Arc::new(fd);
    keep.put(SLOTS, b"", &fd)?;
    keep.settle()?;
    SharedWords::map(fd.as_fd(), words)
}
