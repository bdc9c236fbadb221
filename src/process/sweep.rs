//! The task and what its run has started: taken note of, asked, killed, waited for.

use super::containment::Containment;
use super::kinship::Place;
use super::task::Task;
use crate::domain::lifecycle::{Phase, StopStep};

impl Task {
    /// A run has begun, or is taken over: what it starts is found from now on. `main` names its main process for good.
    pub(super) fn contain(&mut self, main: (i32, u64), place: Place) {
        self.context.kinship.began(main.0);
        self.contain_rest(main, place);
    }

    /// The same of a run whose main process has ended.
    pub(super) fn contain_rest(&mut self, main: (i32, u64), place: Place) {
        let kinship = &self.context.kinship;
        let mark = kinship.realm.mark(self.identity.id, self.state().run);
        let cgroup = self.context.confinement.group(self.identity.id, self.state().run);
        self.containment = Some(Containment::new(kinship.clone(), mark, main, place).within(cgroup));
        self.is_swept = false;
    }

    /// What it has detached on purpose is none of our business where the app says so.
    fn contained(&mut self) -> Option<&mut Containment> {
        self.containment.as_mut().filter(|_| self.spec.stop.treekill)
    }

    pub(super) fn take_note(&mut self) {
        if let Some(containment) = self.contained() {
            containment.remember();
        }
    }

    pub(super) fn may_have_left_something(&mut self) -> bool {
        self.is_swept = false;
        self.contained().is_some_and(|containment| containment.may_have_members())
    }

    pub(super) fn sweep(&mut self, how: impl FnOnce(&mut Containment)) {
        if let Some(containment) = self.contained() {
            how(containment);
            self.is_swept = false;
        }
    }

    /// Whether there was anything but the main process, since it was to be asked or killed.
    pub(super) fn has_found_some(&self) -> bool {
        self.containment.as_ref().is_some_and(Containment::has_found_some)
    }

    /// What was not certain stands beside its state, until it is started again.
    pub(super) fn tell_doubt(&self) {
        if let Some(doubt) = self.containment.as_ref().and_then(Containment::doubt) {
            self.desk.update(|seen| {
                if !seen.warnings.iter().any(|warning| warning == doubt) {
                    seen.warnings.push(doubt.to_owned());
                }
            });
        }
    }

    /// Whether what its run has started is being ended.
    pub(super) fn is_sweeping(&self) -> bool {
        let Phase::Stopping { step, .. } = self.state().phase else { return false };
        let is_due = matches!(step, StopStep::Rest | StopStep::RestKilled | StopStep::All | StopStep::AllKilled);
        is_due && !self.is_swept
    }

    /// Whether its main process is on its way out, and may still start something.
    pub(super) fn is_noting(&self) -> bool {
        let is_stopping = matches!(self.state().phase, Phase::Stopping { .. });
        is_stopping && !self.state().has_lost_main() && self.spec.stop.treekill
    }
}
