//! How a run is, in words: what it waits for, why it was ended, what its probes say.

use super::depend::Unmet;
use super::registry::Entry;
use super::world::World;
use crate::api::{Health, ProbeState};
use crate::domain::health::Kind;
use crate::domain::lifecycle::Phase;
use crate::domain::readiness::Awaited;
use crate::probe::Row;
use crate::process::Observed;

impl World {
    /// Whether it can serve; `None` where nothing runs, or nothing tells.
    pub(super) fn readiness(entry: &Entry, seen: &Observed) -> Option<bool> {
        (entry.spec.ready.asks() && seen.pid.is_some()).then_some(seen.condition.missing.is_none())
    }

    /// What a process that is held waits for.
    pub(super) fn held(&self, entry: &Entry, seen: &Observed) -> Option<String> {
        let is_held = seen.state.phase == Phase::Held;
        is_held.then(|| self.unmet(entry.identity.id)).flatten().as_ref().map(Unmet::words)
    }

    pub(super) fn health(&self, entry: &Entry) -> Health {
        let seen = entry.handle.observed();
        let condition = &seen.condition;
        Health {
            waits_for: self.held(entry, &seen).or_else(|| missing(&seen)),
            probes: condition.board.rows().into_iter().map(state).collect(),
            status: Some(condition.status.clone()).filter(|text| !text.is_empty()),
            leaving: condition.leaving,
            last_ended: why_ended(&seen).map(str::to_owned),
        }
    }
}

/// What the run has not shown, with the last answer to the question after it.
pub(super) fn missing(seen: &Observed) -> Option<String> {
    let what = seen.condition.missing?;
    let probe = match what {
        Awaited::Startup => Some(Kind::Startup),
        Awaited::Serving => Some(Kind::Ready),
        Awaited::Word | Awaited::Node | Awaited::Notification | Awaited::Line => None,
    };
    let last = probe.and_then(|kind| seen.condition.board.row(kind)).and_then(|row| row.last);
    Some(match last.filter(|answer| !answer.success) {
        Some(answer) => format!("{what} ({})", answer.text),
        None => what.to_string(),
    })
}

/// Why the last run was ended, where nobody had asked for that.
pub(super) fn why_ended(seen: &Observed) -> Option<&str> {
    let (run, why) = seen.unwell.as_deref()?;
    let is_the_last = match seen.last_exit {
        Some(exit) => exit.run == *run,
        // It ended under another daemon, which would have forgotten it with the next end.
        None => seen.state.run != *run || seen.pid.is_none(),
    };
    is_the_last.then_some(why.as_str())
}

fn state(row: Row) -> ProbeState {
    ProbeState {
        phase: row.kind.as_str().to_owned(),
        question: row.question,
        passes: row.passes,
        since: row.since,
        answer: row.last.map(|answer| answer.text),
        failures: row.failures,
        failure_threshold: row.failure_threshold,
    }
}
