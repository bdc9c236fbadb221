//! The runs of a job: what there was, and how it ended.

use super::{Outcome, SpawnId, UnixMs};
use serde::{Deserialize, Serialize};

/// Older runs are forgotten.
pub const MOST_RUNS: usize = 50;

/// Why a run was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Schedule,
    /// In the place of those that nobody was there to begin.
    CatchUp,
    /// It was due while another was under way.
    Queue,
    /// Somebody asked for it.
    Manual,
    /// Nobody has noted it.
    Unknown,
}

impl Trigger {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch-up",
            Self::Queue => "queue",
            Self::Manual => "by hand",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub run: SpawnId,
    pub trigger: Trigger,
    pub started_at: UnixMs,
    /// `None` while it is under way.
    pub ended_at: Option<UnixMs>,
    pub outcome: Option<Outcome>,
    /// It took longer than it may, and was stopped.
    #[serde(default)]
    pub timed_out: bool,
}

impl Run {
    pub const fn is_under_way(&self) -> bool {
        self.ended_at.is_none()
    }

    /// It ended by itself with exit code 0.
    pub fn succeeded(&self) -> bool {
        self.outcome == Some(Outcome::Code(0)) && !self.timed_out
    }
}

/// What is seen of the last run of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub run: SpawnId,
    pub started_at: UnixMs,
    pub end: Option<End>,
}

/// How a run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub at: UnixMs,
    pub outcome: Option<Outcome>,
}

/// Runs, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    pub runs: Vec<Run>,
    /// Times that came while a run was under way, and were skipped.
    #[serde(default)]
    pub skipped: u64,
    /// Times that nobody was there for, and that were let go.
    #[serde(default)]
    pub missed: u64,
}

impl History {
    /// Takes note of what is seen, which may have been noted already; tells whether it is new. Runs whose end nobody
    /// has seen have ended when another begins.
    pub fn note(&mut self, seen: Seen, trigger: Trigger) -> bool {
        if seen.run == SpawnId(0) {
            return false;
        }
        let before = self.clone();
        for run in self.runs.iter_mut().filter(|run| run.run < seen.run && run.is_under_way()) {
            run.ended_at = Some(seen.started_at);
        }
        let is_new = self.runs.last().is_none_or(|last| last.run < seen.run);
        if is_new {
            let Seen { run, started_at, .. } = seen;
            self.runs.push(Run { run, trigger, started_at, ended_at: None, outcome: None, timed_out: false });
            self.runs.drain(..self.runs.len().saturating_sub(MOST_RUNS));
        }
        if let Some(end) = seen.end {
            self.end(seen.run, end);
        }
        *self != before
    }

    /// A run has ended, perhaps with another after it already.
    pub fn end(&mut self, run: SpawnId, end: End) -> bool {
        let Some(run) = self.runs.iter_mut().find(|known| known.run == run && known.outcome.is_none()) else {
            return false;
        };
        let before = *run;
        run.ended_at = run.ended_at.filter(|_| end.outcome.is_none()).or(Some(end.at.max(run.started_at)));
        run.outcome = end.outcome;
        *run != before
    }

    pub fn timed_out(&mut self, run: SpawnId) {
        if let Some(run) = self.runs.iter_mut().find(|known| known.run == run) {
            run.timed_out = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(run: u64, started_at: UnixMs, end: Option<(UnixMs, i32)>) -> Seen {
        let end = end.map(|(at, code)| End { at, outcome: Some(Outcome::Code(code)) });
        Seen { run: SpawnId(run), started_at, end }
    }

    #[test]
    fn a_run_is_noted_once_however_often_it_is_seen() {
        let mut history = History::default();
        assert!(!history.note(seen(0, 5, None), Trigger::Unknown), "it never ran");
        assert!(history.note(seen(3, 10, None), Trigger::Schedule));
        assert!(!history.note(seen(3, 10, None), Trigger::Unknown));
        assert!(history.runs[0].is_under_way());
        assert!(history.note(seen(3, 10, Some((20, 7))), Trigger::Unknown));
        assert!(!history.note(seen(3, 10, Some((25, 0))), Trigger::Unknown), "an end is an end");
        let run = history.runs[0];
        assert_eq!((run.trigger, run.ended_at, run.outcome), (Trigger::Schedule, Some(20), Some(Outcome::Code(7))));
        assert!(!run.succeeded());
    }

    #[test]
    fn the_end_of_a_run_may_be_told_after_the_next_has_begun() {
        let mut history = History::default();
        history.note(seen(3, 10, None), Trigger::Schedule);
        history.note(seen(4, 30, None), Trigger::Manual);
        assert_eq!(history.runs[0].ended_at, Some(30));
        let end = End { at: 28, outcome: Some(Outcome::Signal(2)) };
        assert!(history.end(SpawnId(3), end));
        assert_eq!((history.runs[0].ended_at, history.runs[0].outcome), (Some(28), Some(Outcome::Signal(2))));
        assert!(!history.end(SpawnId(9), end), "of a run that is forgotten");
    }

    #[test]
    fn the_history_is_bounded() {
        let mut history = History::default();
        for run in 1..200 {
            history.note(seen(run, run as i64, Some((run as i64, 0))), Trigger::Schedule);
        }
        assert_eq!(history.runs.len(), MOST_RUNS);
        assert_eq!(history.runs[0].run, SpawnId(150));
        assert!(history.runs.iter().all(Run::succeeded));
    }
}
