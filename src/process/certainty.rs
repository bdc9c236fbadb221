//! Whether a run has really ended when a look has shown nothing of it, and the hunt where that is not certain.

use super::containment::Containment;
use super::hunt::{self, Catch, Hunt, Quarry};
use crate::sys::births::{Births, Chase};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// So many looks at those who are born make nobody wait.
const GLANCES: u32 = 4;
/// Between two hunts: others have to live.
const REST: Duration = Duration::from_millis(100);
const DOUBT: &str = "something that it has started may live: nothing of it was found, but so much is born and dies on \
                     this machine that this is not certain";

impl Containment {
    /// Whether a look that has shown nothing, and came after this, has overlooked nobody who was born meanwhile.
    pub(super) fn is_certain(&self, births: Option<Births>) -> bool {
        match self.is_populated() {
            Some(false) => return true,
            // Its main process may be all that is in there.
            Some(true) if !self.holds_us() && !self.main_lives() => return false,
            _ => {}
        }
        // Where the system tells no numbers a look is all that there is.
        let Some(mut births) = births else { return true };
        let family = self.family();
        let judge =
            |pid: i32, _: &OwnedFd| hunt::judge(&family, &self.mark, |pid| self.kinship.spares(pid, self.leader), pid);
        let mut glances = 0;
        births.chase(judge, || {
            glances += 1;
            glances <= GLANCES
        }) == Chase::Calm
    }

    /// How the hunt that is going on ends, if one is.
    pub(super) async fn caught(&mut self) -> Option<Catch> {
        let caught = self.hunt.as_mut()?.end().await;
        self.hunt = None;
        if caught == Catch::Lives {
            tracing::warn!("what run {} has started forks as fast as it is killed; it is hunted on", self.mark.run);
            tokio::time::sleep(REST).await;
        }
        Some(caught)
    }

    pub(super) fn begin_hunt(&mut self) {
        self.hunt = Some(Hunt::begin(Quarry {
            mark: self.mark.clone(),
            leader: self.leader,
            began: self.began,
            place: self.place,
            known: self.known.clone(),
            spared: self.kinship.spared(self.leader),
            killed: self.signalled.clone(),
        }));
    }

    /// Whether nothing is there any more, or nothing that could be found.
    pub(super) fn believes(&mut self, catch: Catch) -> bool {
        if catch == Catch::Unseen {
            self.doubt = Some(DOUBT);
            tracing::warn!("run {}: {DOUBT}", self.mark.run);
        }
        catch != Catch::Lives
    }
}
