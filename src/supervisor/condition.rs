//! How a run is, in words: what it waits for, why it was ended, what its probes say.

use super::actor::World;
use super::registry::Entry;
use crate::api::{Health, ProbeState};
use crate::domain::health::Kind;
use crate::domain::lifecycle::{Phase, Then};
use crate::domain::readiness::Awaited;
use crate::probe::Row;
use crate::process::Observed;

impl World {
    /// Whether it can serve; `None` where nothing runs, or nothing tells.
    pub(super) fn readiness(entry: &Entry, seen: &Observed) -> Option<bool> {
        (entry.spec.ready.asks() && seen.pid.is_some()).then_some(seen.condition.missing.is_none())
    }

    /// Why it isn't as it should be, as far as others, probes or its own words have to do with that.
    pub(super) fn condition_reason(&self, entry: &Entry, seen: &Observed) -> Option<String> {
        match seen.state.phase {
            Phase::Held => self.unmet(entry.identity.id).map(|unmet| unmet.words()),
            Phase::Launching { .. } => seen.condition.missing.map(|what| missing_words(what, seen, "waits for")),
            Phase::Online if entry.spec.ready.asks() => {
                seen.condition.missing.map(|what| missing_words(what, seen, "is not ready: it waits for"))
            }
            Phase::Stopping { then: Then::Unwell, .. } => seen.unwell.as_ref().map(|(_, why)| why.clone()),
            Phase::Online
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Errored
            | Phase::WaitingRestart { .. }
            | Phase::Deleted => None,
        }
    }

    /// Why the last run was ended, where nobody had asked for that.
    pub(super) fn why_ended(seen: &Observed) -> Option<&str> {
        let (run, why) = seen.unwell.as_ref()?;
        let of_the_last = seen.last_exit.is_some_and(|exit| exit.run == *run);
        of_the_last.then_some(why.as_str())
    }

    pub(super) fn health(&self, entry: &Entry) -> Health {
        let seen = entry.handle.observed();
        let condition = &seen.condition;
        Health {
            waits_for: self.condition_reason(entry, &seen),
            probes: condition.board.rows().into_iter().map(state).collect(),
            status: Some(condition.status.clone()).filter(|text| !text.is_empty()),
            leaving: condition.leaving,
            last_ended: Self::why_ended(&seen).map(str::to_owned),
        }
    }
}

fn missing_words(what: Awaited, seen: &Observed, how: &str) -> String {
    let probe = match what {
        Awaited::Startup => Some(Kind::Startup),
        Awaited::Serving => Some(Kind::Ready),
        Awaited::Word | Awaited::Node | Awaited::Notification | Awaited::Line => None,
    };
    let last = probe.and_then(|kind| seen.condition.board.row(kind)).and_then(|row| row.last);
    match last.filter(|answer| !answer.success) {
        Some(answer) => format!("{how} {what} ({})", answer.text),
        None => format!("{how} {what}"),
    }
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
