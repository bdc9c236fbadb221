//! What another generation of this program has left with the guardian, until it is taken up.

use super::exit::ExitFact;
use crate::domain::{Outcome, SpawnId};
use crate::guardian::Legacy;
use crate::guardian::message::{End, ExitRecord};
use crate::sys::keep::Inheritance;
use std::collections::BTreeMap;

/// Each part is taken out when somebody goes on with it; what is left in the end is nobody's.
#[derive(Debug, Default)]
pub struct Inherited {
    pub kept: Inheritance,
    /// The guardian's living children, by run.
    pub children: BTreeMap<SpawnId, i32>,
    /// Ends that nobody has taken note of.
    pub exits: BTreeMap<SpawnId, ExitFact>,
}

impl Inherited {
    pub fn of(legacy: Legacy) -> Self {
        Self {
            kept: legacy.kept,
            children: legacy.children.iter().map(|child| (SpawnId(child.run), child.pid)).collect(),
            exits: legacy.exits.iter().map(|exit| (SpawnId(exit.run), fact(exit))).collect(),
        }
    }
}

/// An end that the guardian tells.
pub fn fact(exit: &ExitRecord) -> ExitFact {
    let outcome = match exit.end {
        End::Code(code) => Outcome::Code(code),
        End::Signal(signal) => Outcome::Signal(signal),
        End::Unknown => Outcome::Unknown,
    };
    ExitFact { run: SpawnId(exit.run), outcome, cpu_us: exit.cpu_us, max_rss: exit.max_rss, at: exit.at }
}
