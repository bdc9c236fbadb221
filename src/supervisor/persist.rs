//! The list kept on disk at each change.

use super::actor::World;
use super::registry::Entry;
use crate::domain::SpawnId;
use crate::paths::Home;
use crate::slots::{Record, Slot};
use crate::store::{SavedProcess, Snapshot, Store, StoreError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::Notify;

/// Runs that may have begun after the last state was written get no number twice.
const RUN_MARGIN: u64 = 10_000;

/// The state file of a home, and what was in it.
#[derive(Debug)]
pub struct Persistence {
    store: Store,
    pub(super) boot: String,
    pub(super) loaded: RefCell<Option<Snapshot>>,
    /// What processes were doing when the last daemon was cut off.
    pub(super) records: RefCell<Vec<(Slot, Record)>>,
    last_run: u64,
    dirty: Cell<bool>,
    writing: Cell<bool>,
    written: Notify,
    /// One write at a time, in the order in which they were asked for.
    turn: tokio::sync::Mutex<()>,
}

impl Persistence {
    /// Reads the state. A damaged one is set aside, so that a daemon starts all the same; one that a newer version has
    /// written, or that cannot be read now, is left for whoever can.
    pub fn open(home: &Home, boot: String) -> Result<Self, StoreError> {
        let store = Store::new(home.state());
        let loaded = match store.load() {
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!("{error}; it is set aside, and the list begins empty");
                store.set_aside();
                None
            }
            other => other?,
        };
        let last_run = loaded.as_ref().map_or(0, |snapshot| snapshot.next_run + RUN_MARGIN);
        let loaded = RefCell::new(loaded.filter(|snapshot| !snapshot.closed));
        Ok(Self {
            store,
            boot,
            loaded,
            records: RefCell::default(),
            last_run,
            dirty: Cell::new(false),
            writing: Cell::new(false),
            written: Notify::new(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// What processes were doing when the last daemon was cut off.
    pub fn go_on_from(&mut self, records: Vec<(Slot, Record)>) {
        let seen = records.iter().map(|(_, record)| record.state.run.0).max().unwrap_or(0);
        self.last_run = self.last_run.max(seen);
        self.records.replace(records);
    }

    /// A number above those of all runs before.
    pub fn last_run(&self) -> u64 {
        self.last_run
    }
}

impl World {
    /// Writes the state, soon. Changes that come while it is written make one more write, not one each.
    pub(super) fn persist(self: &Rc<Self>) {
        let Some(persistence) = &self.persistence else { return };
        persistence.dirty.set(true);
        self.persist_again();
    }

    /// Writes what could not be written before, if anything.
    pub(super) fn persist_again(self: &Rc<Self>) {
        let Some(persistence) = &self.persistence else { return };
        if self.closing.get() || !persistence.dirty.get() || persistence.writing.replace(true) {
            return;
        }
        let world = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let Some(persistence) = &world.persistence else { return };
            while persistence.dirty.replace(false) && !world.closing.get() {
                if !world.write(false).await {
                    // Tried again with the next change, or in a while.
                    persistence.dirty.set(true);
                    break;
                }
            }
            persistence.writing.set(false);
            persistence.written.notify_waiters();
        });
    }

    /// Waits until what has changed is on disk, or could not be written.
    pub(super) async fn persisted(&self) {
        let Some(persistence) = &self.persistence else { return };
        while persistence.writing.get() {
            persistence.written.notified().await;
        }
    }

    /// The orderly end: the next daemon begins with an empty list.
    pub(super) async fn close_state(&self) {
        self.write(true).await;
    }

    /// Whether it is on disk.
    async fn write(&self, closed: bool) -> bool {
        let Some(persistence) = &self.persistence else { return true };
        let _turn = persistence.turn.lock().await;
        let (store, snapshot) = (persistence.store.clone(), self.snapshot(persistence, closed));
        let written: Result<Result<(), StoreError>, _> =
            tokio::task::spawn_blocking(move || store.save(&snapshot)).await;
        match written {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::error!("the list is not saved: {error}");
                false
            }
            Err(_) => false,
        }
    }

    fn snapshot(&self, persistence: &Persistence, closed: bool) -> Snapshot {
        let registry = self.registry.borrow();
        let processes = registry.iter().map(save).collect();
        let SpawnId(next_run) = self.context.ids.peek_id();
        Snapshot::new(persistence.boot.clone(), closed, registry.next_id(), next_run, processes)
    }
}

fn save(entry: &Entry) -> SavedProcess {
    let seen = entry.handle.observed();
    SavedProcess {
        id: entry.identity.id,
        instance: entry.identity.instance,
        unique_id: entry.identity.unique_id.clone(),
        spec: (*entry.spec).clone(),
        wanted: seen.state.is_wanted(),
        restarts: seen.state.restarts,
        created_at: entry.created_at,
    }
}
