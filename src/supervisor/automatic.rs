//! What is done to apps without anybody asking for it: by the clock, and for changes of files. It follows the list.

use super::clockwork::Armed;
use super::resume::Share;
use super::watching::Watching;
use super::world::World;
use crate::api::{Cause, EventKind};
use crate::clock;
use crate::domain::lifecycle::{Phase, State};
use crate::domain::{BootMs, ProcessId, SpawnId, UnixMs};
use crate::watch::{Notice, Watcher};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// What is armed and watched, by the name of the app.
pub(super) struct Automatic {
    pub(super) schedules: RefCell<BTreeMap<String, Armed>>,
    /// The next time may be another.
    pub(super) rearmed: Notify,
    pub(super) watched: RefCell<BTreeMap<String, Watching>>,
    /// Begun with the first app that is watched.
    pub(super) watcher: RefCell<Option<Watcher>>,
    pub(super) notices: UnboundedSender<Notice>,
    /// A reload is through.
    pub(super) reloaded: Notify,
    causes: RefCell<BTreeMap<ProcessId, Noted>>,
}

/// Why a run was ended that nobody asked to end.
struct Noted {
    /// The run that it was about.
    before: SpawnId,
    cause: Cause,
    is_told: bool,
}

/// Whether the list was just taken over from another generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adoption {
    No,
    /// Of the same boot of the machine: whatever came in between is made up for.
    Yes,
}

impl Automatic {
    pub(super) fn new() -> (Self, UnboundedReceiver<Notice>) {
        let (notices, inbox) = mpsc::unbounded_channel();
        let automatic = Self {
            schedules: RefCell::default(),
            rearmed: Notify::new(),
            watched: RefCell::default(),
            watcher: RefCell::default(),
            notices,
            reloaded: Notify::new(),
            causes: RefCell::default(),
        };
        (automatic, inbox)
    }
}

impl World {
    /// The list has changed: what is armed and watched follows it.
    pub(super) fn follow_list(self: &Rc<Self>, adoption: Adoption) {
        if self.closing.get() {
            return;
        }
        let registry = self.registry.borrow();
        self.automatic.causes.borrow_mut().retain(|id, _| registry.get(*id).is_some());
        drop(registry);
        self.follow_schedules(adoption);
        self.follow_watches(adoption);
    }

    /// Gives processes new runs without anybody asking for it: by the way that drops nothing where there is one.
    pub(super) async fn restart_by_itself(self: &Rc<Self>, share: &Share, cause: &str) {
        if self.closing.get() || share.due.is_empty() {
            return;
        }
        let at = clock::unix_ms();
        for (id, before) in self.runs(&share.due) {
            let noted = Noted { before, cause: Cause { at, what: cause.to_owned() }, is_told: false };
            self.automatic.causes.borrow_mut().insert(id, noted);
        }
        if let Err(error) = self.reload_all(share).await {
            tracing::error!("{error} (it was to be restarted: {cause})");
        }
        self.persist();
    }

    /// Why this happens to a process, if nobody asked for it; told once.
    pub(super) fn cause_of(&self, id: ProcessId, event: EventKind) -> Option<String> {
        let run = self.registry.borrow().get(id)?.handle.observed().state.run;
        let mut causes = self.automatic.causes.borrow_mut();
        let begins = matches!(event, EventKind::Restart | EventKind::Reload | EventKind::Online);
        let noted = causes.get_mut(&id).filter(|noted| begins && !noted.is_told && noted.before != run)?;
        noted.is_told = true;
        Some(noted.cause.what.clone())
    }

    /// The last time that a process was restarted without anybody asking for it, and why.
    pub(super) fn last_cause(&self, id: ProcessId) -> Option<Cause> {
        self.automatic.causes.borrow().get(&id).map(|noted| noted.cause.clone())
    }
}

/// Nothing of it runs, nor will by itself.
pub(super) const fn is_at_rest(state: &State) -> bool {
    matches!(state.phase, Phase::Stopped | Phase::Errored | Phase::Deleted)
}

/// A time of the boot clock by the wall clock of now.
pub(super) fn unix(at: BootMs) -> UnixMs {
    clock::unix_ms() - (clock::boot_ms() as i64 - at as i64)
}
