//! One run after another: what a run prints comes after all that the run before it has printed.

use super::copier::Copier;
use super::destination::Destination;
use super::handle::Label;
use crate::domain::SpawnId;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Output that waits in its pipe until the run before has been copied to its end.
pub(super) struct Successor {
    label: Label,
    pipe: Arc<OwnedFd>,
    to: Destination,
}

impl Copier {
    /// Captures it now, or when all runs before it that have ended are through.
    pub(super) fn capture_in_turn(&mut self, label: Label, pipe: Arc<OwnedFd>, to: Destination) {
        if self.has_predecessor(&label) {
            self.successors.push(Successor { label, pipe, to });
        } else {
            self.capture(label, pipe, to);
        }
    }

    /// Two that both live, as in a reload, have no order.
    fn has_predecessor(&self, label: &Label) -> bool {
        let same = |other: &Label| other.id == label.id && other.stream == label.stream;
        self.sources.values().any(|source| same(&source.label) && source.remaining.is_some())
            || self.successors.iter().any(|successor| same(&successor.label))
    }

    /// Whose predecessors are through.
    pub(super) fn admit_successors(&mut self) {
        for Successor { label, pipe, to } in mem::take(&mut self.successors) {
            let spawn = label.spawn;
            self.capture_in_turn(label, pipe, to);
            // It may have ended while it waited.
            if self.ending || self.finishing.iter().any(|(finished, _)| *finished == spawn) {
                self.end_sources(|source| source.label.spawn == spawn);
            }
        }
    }

    pub(super) fn is_waiting(&self, spawn: SpawnId) -> bool {
        self.successors.iter().any(|successor| successor.label.spawn == spawn)
    }
}
