//! Composition: supervisor, processes, cluster, logs, metrics.

use crate::domain::SpawnId;
use crate::logs::Logs;
use crate::paths::Home;
use crate::process::{Context, Leash, SpawnIds, Unwritten};
use crate::slots::Table;
use crate::supervisor::{Handle, Persistence, Supervisor};
use crate::sys;
use crate::sys::keep::LocalKeep;
use crate::sys::memory::SharedWords;
use crate::sys::socket::raise_open_files;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use tokio::sync::mpsc;

/// How an engine is used.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    pub home: Home,
    /// The signal apps get when the thread that runs the engine ends; `None` where they shall live on.
    pub parent_death_signal: Option<i32>,
    /// Ends what apps have started when this program ends.
    pub leash: Option<Rc<Leash>>,
    /// Whether the list outlives this program.
    pub persistent: bool,
}

/// Everything that supervises. Made and run on a `LocalSet` of a current-thread runtime.
pub struct Engine {
    supervisor: Supervisor,
}

impl Engine {
    /// Begins; the handle works once [`Self::run`] is polled.
    pub fn new(options: EngineOptions) -> io::Result<(Handle, Self)> {
        for directory in [options.home.logs(), options.home.pids()] {
            std::fs::create_dir_all(directory)?;
        }
        // The list first: opening the slots empties them, and whoever cannot go on must leave them to another.
        let mut persistence = None;
        let mut slots = None;
        if options.persistent {
            let boot = sys::proc::boot_id();
            let mut list = Persistence::open(&options.home, boot.clone()).map_err(io::Error::other)?;
            slots = take_slots(&options.home, &boot, &mut list);
            persistence = Some(list);
        }
        let (reports, inbox) = mpsc::unbounded_channel();
        let context = Context {
            logs: Logs::start()?,
            keep: Rc::new(LocalKeep::default()),
            ids: Rc::new(SpawnIds::new(1)),
            reports,
            parent_death_signal: options.parent_death_signal,
            leash: options.leash,
            open_files: raise_open_files(),
            slots,
            running: Rc::new(Cell::new(0)),
            unwritten: Unwritten::default(),
        };
        if let Some(persistence) = &persistence {
            context.ids.used(SpawnId(persistence.last_run()));
        }
        let (handle, supervisor) = Supervisor::new(options.home, context, inbox, persistence);
        Ok((handle, Self { supervisor }))
    }

    /// Supervises until every handle is gone; then stops what runs.
    pub async fn run(self) {
        self.supervisor.run().await;
    }
}

/// The slots, with what the last daemon has left in them. Without them, as on a full disk, we run all the same.
fn take_slots(home: &Home, boot: &str, list: &mut Persistence) -> Option<Table> {
    match SharedWords::open(&home.slots(), Table::words()) {
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
