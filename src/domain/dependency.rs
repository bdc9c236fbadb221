//! Whether an app that others depend on is as they need it.

use super::spec::Condition;
use super::{Outcome, Status};

/// One process of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub status: Status,
    /// A program runs.
    pub runs: bool,
    /// `None` where nothing tells.
    pub ready: Option<bool>,
    /// Its live probe succeeds; `None` where there is none.
    pub well: Option<bool>,
    pub last_exit: Option<Outcome>,
}

/// How far the condition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is so.
    Met,
    /// It may become so by itself.
    Open,
    /// Somebody has to do something first.
    Stuck,
}

/// What all processes of an app amount to. An app without processes is not there.
pub fn standing(condition: Condition, processes: impl IntoIterator<Item = Seen>) -> Standing {
    processes.into_iter().map(|seen| of_one(condition, seen)).max().unwrap_or(Standing::Stuck)
}

fn of_one(condition: Condition, seen: Seen) -> Standing {
    let ended_well = seen.last_exit == Some(Outcome::Code(0));
    let is_ready = seen.status == Status::Online && seen.ready != Some(false);
    let is_met = match condition {
        Condition::Started => seen.runs || ended_well,
        Condition::Ready => is_ready,
        Condition::Healthy => is_ready && seen.well != Some(false),
        Condition::Completed => seen.status == Status::Stopped && ended_well,
    };
    match seen.status {
        _ if is_met => Standing::Met,
        Status::Launching | Status::Online | Status::Stopping | Status::WaitingRestart => Standing::Open,
        Status::Stopped | Status::Errored => Standing::Stuck,
    }
}

impl Condition {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Healthy => "healthy",
            Self::Completed => "completed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Condition::{Completed, Healthy, Ready, Started};
    use Standing::{Met, Open, Stuck};

    const NEW: Seen = Seen { status: Status::Stopped, runs: false, ready: None, well: None, last_exit: None };

    #[test]
    fn each_condition_in_each_state() {
        let launching = Seen { status: Status::Launching, runs: true, ..NEW };
        let online = Seen { status: Status::Online, ..launching };
        let late = Seen { ready: Some(false), ..online };
        let ill = Seen { ready: Some(true), well: Some(false), ..online };
        let done = Seen { last_exit: Some(Outcome::Code(0)), ..NEW };
        let failed = Seen { last_exit: Some(Outcome::Code(1)), ..NEW };
        let again = Seen { status: Status::WaitingRestart, ..failed };
        let table = [
            (NEW, [Stuck, Stuck, Stuck, Stuck]),
            (launching, [Met, Open, Open, Open]),
            (online, [Met, Met, Met, Open]),
            (late, [Met, Open, Open, Open]),
            (ill, [Met, Met, Open, Open]),
            (done, [Met, Stuck, Stuck, Met]),
            (failed, [Stuck, Stuck, Stuck, Stuck]),
            (again, [Open, Open, Open, Open]),
        ];
        for (seen, expected) in table {
            let found = [Started, Ready, Healthy, Completed].map(|condition| standing(condition, [seen]));
            assert_eq!(found, expected, "{seen:?}");
        }
    }

    #[test]
    fn the_worst_process_counts_and_nobody_is_stuck() {
        let online = Seen { status: Status::Online, runs: true, ..NEW };
        assert_eq!(standing(Ready, [online, online]), Met);
        assert_eq!(standing(Ready, [online, Seen { ready: Some(false), ..online }]), Open);
        assert_eq!(standing(Ready, [online, NEW]), Stuck);
        assert_eq!(standing(Started, []), Stuck);
    }
}
