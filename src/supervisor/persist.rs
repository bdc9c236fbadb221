//! The list kept on disk at each change.

use super::ending::{EndedBy, reopened, starts_with_the_machine};
use super::registry::Entry;
use super::world::World;
use crate::api::{ApiError, Code};
use crate::cluster::Holder;
use crate::domain::{ProcessId, SpawnId};
use crate::paths::Home;
use crate::process::Left;
use crate::slots::{Record, Slot};
use crate::store::{ClosedList, DumpFile, Lasting, Loaded, SavedProcess, SavedRequest, Snapshot, Store, StoreError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
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
    pub(super) records: RefCell<Vec<Left>>,
    /// The list is the last that was written: what is not on it is nobody's.
    pub(super) is_last: bool,
    /// The last daemon had ended everything.
    was_closed: bool,
    last_run: u64,
    /// Nothing was, or is, on the list on purpose: only then may the file become an empty one.
    emptied: Cell<bool>,
    dirty: Cell<bool>,
    /// What is written next is to outlive the machine, too.
    lasting: Cell<bool>,
    writing: Cell<bool>,
    /// Commands that are under way, and have the list written when they are through.
    commands: Cell<usize>,
    /// Why the last write failed, if it did.
    failure: RefCell<Option<String>>,
    written: Notify,
    /// One write at a time, in the order in which they were asked for.
    turn: tokio::sync::Mutex<()>,
}

impl Persistence {
    /// Reads the state. A damaged one is set aside, so that a daemon starts all the same; one that a newer version has
    /// written, or that cannot be read now, is left for whoever can.
    pub fn open(home: &Home, boot: String) -> Result<Self, StoreError> {
        let store = Store::new(home.state());
        store.sweep();
        DumpFile::new(home.dump(), home.dump_backup()).sweep();
        let mut lost = false;
        let loaded = match store.load() {
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!("{error}; it is set aside, and the list begins empty");
                store.set_aside();
                lost = true;
                None
            }
            other => other?,
        };
        let is_last = loaded.as_ref().is_some_and(|loaded| loaded.is_last);
        let loaded = loaded.map(|Loaded { snapshot, .. }| snapshot);
        let last_run = loaded.as_ref().map_or(0, |snapshot| snapshot.next_run + RUN_MARGIN);
        let was_closed = loaded.as_ref().is_some_and(|snapshot| snapshot.closed);
        if is_last && was_closed && loaded.as_ref().is_some_and(|snapshot| !snapshot.processes.is_empty()) {
            ClosedList::new(home.closed_list()).keep(&home.state());
        }
        let loaded = if starts_with_the_machine() {
            reopened(loaded, &boot, &store)
        } else {
            // What the system has ended, as it went down itself, is not forgotten.
            loaded.filter(|snapshot| !snapshot.closed || snapshot.by_system && snapshot.boot != boot)
        };
        let emptied = !lost && loaded.as_ref().is_none_or(|snapshot| snapshot.processes.is_empty());
        let loaded = RefCell::new(loaded);
        Ok(Self {
            store,
            boot,
            loaded,
            was_closed,
            records: RefCell::default(),
            is_last,
            last_run,
            emptied: Cell::new(emptied),
            dirty: Cell::new(false),
            lasting: Cell::new(false),
            writing: Cell::new(false),
            commands: Cell::new(0),
            failure: RefCell::default(),
            written: Notify::new(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// What processes were doing when the last daemon was cut off.
    pub fn go_on_from(&mut self, records: Vec<(Slot, Record)>) {
        let seen = records.iter().map(|(_, record)| record.state.run.0).max().unwrap_or(0);
        self.last_run = self.last_run.max(seen);
        // A list that was closed says what is wanted; what had ended by then is nobody's word any more.
        let lives = |(_, record): &(Slot, Record)| !self.was_closed || record.state.status().is_alive();
        let (records, over): (Vec<_>, Vec<_>) = records.into_iter().partition(lives);
        for (slot, _) in over {
            slot.release();
        }
        self.records.replace(records.into_iter().map(Left::recorded).collect());
    }

    /// Requests that the last daemon has begun or carried out, in this boot of the machine.
    pub(super) fn requests(&self) -> Vec<SavedRequest> {
        let loaded = self.loaded.borrow();
        let current = loaded.as_ref().filter(|snapshot| snapshot.boot == self.boot);
        current.map(|snapshot| snapshot.requests.clone()).unwrap_or_default()
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
        persistence.lasting.set(true);
        persistence.dirty.set(true);
        self.persist_again();
    }

    /// The same, with what a command that is under way writes when it is through; within a second where anything runs.
    /// A daemon after this one finds what happens meanwhile in the slots.
    pub(super) fn persist_soon(self: &Rc<Self>) {
        let Some(persistence) = &self.persistence else { return };
        if persistence.commands.get() == 0 {
            return self.persist();
        }
        persistence.lasting.set(true);
        persistence.dirty.set(true);
    }

    /// A command that changes something begins, or is through.
    pub(super) fn count_commands(&self, count: impl FnOnce(usize) -> usize) {
        if let Some(persistence) = &self.persistence {
            persistence.commands.set(count(persistence.commands.get()));
        }
    }

    /// Writes what is about to be done, and waits for it: a daemon after this one knows of it. That a machine that
    /// loses power forgets it does no harm.
    pub(super) async fn note(self: &Rc<Self>) {
        let Some(persistence) = &self.persistence else { return };
        persistence.dirty.set(true);
        self.persist_again();
        self.persisted().await;
    }

    /// The list has been emptied on purpose, or not: what is on it now says so.
    pub(super) fn note_removal(&self) {
        if let Some(persistence) = &self.persistence {
            persistence.emptied.set(self.registry.borrow().len() == 0);
        }
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
                let lasting = persistence.lasting.replace(false);
                if !world.write(false, if lasting { Lasting::PowerLoss } else { Lasting::Death }).await {
                    // Tried again with the next change, or in a while.
                    persistence.dirty.set(true);
                    persistence.lasting.set(lasting);
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

    /// What is to run must be listed first: a daemon after this one would take it for nobody's.
    pub(super) fn refuse_unlisted(&self) -> Result<(), ApiError> {
        let failure = self.persistence.as_ref().and_then(|persistence| persistence.failure.borrow().clone());
        let Some(failure) = failure else { return Ok(()) };
        let error = ApiError::new(Code::Internal, format!("the list cannot be saved: {failure}; nothing was started"));
        Err(error.hint("make room where the list is, or make it writable, and try again; what runs goes on"))
    }

    /// Whether it is on disk.
    pub(super) async fn write(&self, closed: bool, lasting: Lasting) -> bool {
        let Some(persistence) = &self.persistence else { return true };
        let _turn = persistence.turn.lock().await;
        let (store, snapshot) = (persistence.store.clone(), self.snapshot(persistence, closed));
        if snapshot.processes.is_empty() && !closed && !persistence.emptied.get() {
            // Nobody has removed them: whatever happened, the file knows more than we do.
            return true;
        }
        if !snapshot.processes.is_empty() {
            persistence.emptied.set(false);
        }
        // As of the same moment as the snapshot: nothing has run in between.
        let buried = self.take_buried();
        let written: Result<Result<(), StoreError>, _> =
            tokio::task::spawn_blocking(move || store.save(&snapshot, lasting)).await;
        let failure = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        match &failure {
            None => buried.into_iter().for_each(|(_, _, slot)| slot.release()),
            Some(error) => {
                tracing::error!("the list is not saved: {error}");
                self.context.buried.borrow_mut().extend(buried);
            }
        }
        let saved = failure.is_none();
        persistence.failure.replace(failure);
        saved
    }

    /// Slots of processes that are on the list no more.
    fn take_buried(&self) -> Vec<(ProcessId, Holder, Slot)> {
        let registry = self.registry.borrow();
        let is_listed = |(id, holder, _): &mut (ProcessId, Holder, Slot)| {
            registry.get(*id).is_none_or(|entry| entry.handle.holder() != *holder)
        };
        self.context.buried.borrow_mut().extract_if(.., is_listed).collect()
    }

    fn snapshot(&self, persistence: &Persistence, closed: bool) -> Snapshot {
        let registry = self.registry.borrow();
        let mut processes: Vec<_> = registry.iter().map(save).collect();
        let at_end = self.ran_at_end.borrow();
        if let Some((_, ran)) = at_end.as_ref().filter(|_| closed) {
            for process in &mut processes {
                process.wanted = ran.contains(&process.id);
            }
        }
        let by_system = at_end.as_ref().is_some_and(|(by, _)| closed && *by == EndedBy::System);
        let SpawnId(next_run) = self.context.ids.peek_id();
        Snapshot::new(persistence.boot.clone(), closed, registry.next_id(), next_run, processes)
            .ended_by_system(by_system)
            .with_requests(self.requests.borrow().saved())
            .with_left_alone(self.left_alone.borrow().clone())
    }
}

fn save(entry: &Entry) -> SavedProcess {
    let seen = entry.handle.observed();
    SavedProcess {
        id: entry.identity.id,
        instance: entry.identity.instance,
        unique_id: entry.identity.unique_id.clone(),
        spec: Arc::clone(&entry.spec),
        wanted: seen.state.is_wanted() || entry.returns,
        ran_before_boot: entry.waits_since_boot(),
        returns: entry.returns,
        restarts: seen.state.restarts,
        created_at: entry.created_at,
        standby: entry.standby.as_ref().map(|standby| standby.save()),
        monitored: entry.monitored,
    }
}
