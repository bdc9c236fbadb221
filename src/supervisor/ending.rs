//! The orderly end of a list, and a list that was ended and begins again.

use super::world::World;
use crate::store::{Lasting, Snapshot, Store};

/// Its value is `1` for a daemon that starts with the machine: it goes on with the list that was there last.
const BOOT: &str = "RPM_BOOT";

/// Who asks for an orderly end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    Command,
    /// By a signal, as it does when it goes down.
    System,
}

/// Whether we are that one.
pub(super) fn starts_with_the_machine() -> bool {
    std::env::var_os(BOOT).is_some_and(|value| value == "1")
}

/// The list as if nothing had ended: open, of this boot, on disk before anything of it is started. A daemon after this
/// one needs to know nothing else.
pub(super) fn reopened(loaded: Option<Snapshot>, boot: &str, store: &Store) -> Option<Snapshot> {
    let mut snapshot = loaded?;
    if !snapshot.closed && snapshot.boot == boot {
        return Some(snapshot);
    }
    (snapshot.closed, snapshot.by_system) = (false, false);
    boot.clone_into(&mut snapshot.boot);
    for process in &mut snapshot.processes {
        process.wanted |= std::mem::take(&mut process.ran_before_boot);
    }
    if let Err(error) = store.save(&snapshot, Lasting::PowerLoss) {
        // A daemon after this one starts with the machine too, and opens it once more.
        tracing::error!("the list is not saved: {error}");
    }
    Some(snapshot)
}

impl World {
    /// The orderly end: the next daemon begins with an empty list.
    pub(super) async fn close_state(&self) {
        self.write(true, Lasting::PowerLoss).await;
    }

    /// What runs now is what a list that is closed after its end says of it.
    pub(super) fn begin_closing(&self, by: EndedBy) {
        self.closing.set(true);
        let registry = self.registry.borrow();
        let running = registry.iter().filter(|entry| entry.is_wanted()).map(|entry| entry.identity.id).collect();
        // Asked twice it is the first time that counts.
        self.ran_at_end.borrow_mut().get_or_insert((by, running));
    }
}
