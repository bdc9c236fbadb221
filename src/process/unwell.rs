//! Why a run was ended though nobody asked for that: as a number, which outlives the daemon, and in the words that can be
//! made of that.

use super::begin::worker_number;
use super::task::Task;
use crate::domain::SpawnId;
use crate::domain::health::Kind;
use crate::domain::spec::Mode;
use crate::ipc::Breach;

/// Above these numbers are those of breaches.
const BREACH: u32 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwell {
    /// A probe has failed too often.
    Probe(Kind),
    /// Its startup probe had no more time.
    Late,
    /// It has broken a rule of its channel.
    Breach(Breach),
}

impl Unwell {
    fn number(self) -> u32 {
        match self {
            Self::Probe(Kind::Startup) => 1,
            Self::Probe(Kind::Ready) => 2,
            Self::Probe(Kind::Live) => 3,
            Self::Late => 4,
            Self::Breach(breach) => BREACH + breach.number(),
        }
    }

    fn of(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Probe(Kind::Startup),
            2 => Self::Probe(Kind::Ready),
            3 => Self::Probe(Kind::Live),
            4 => Self::Late,
            _ => Self::Breach(Breach::of(number.checked_sub(BREACH)?)?),
        })
    }

    /// What can be said by who hasn't seen it. `worker` is its number in its cluster.
    fn words(self, worker: Option<u32>) -> String {
        match (self, worker) {
            (Self::Probe(Kind::Startup), _) => "it did not start up: its startup probe failed".to_owned(),
            (Self::Probe(kind), _) => format!("it was not well: its {kind} probe failed"),
            (Self::Late, _) => "it did not start up in time: its startup probe failed".to_owned(),
            (Self::Breach(breach), Some(worker)) => format!("cluster worker {worker} was ended: {breach}"),
            (Self::Breach(breach), None) => format!("it was ended: {breach}"),
        }
    }
}

impl Task {
    /// Known to whoever looks, and to the next daemon, when this returns.
    pub(super) fn note_unwell(&mut self, what: Unwell, why: Option<String>) -> String {
        let run = self.state().run;
        let why = why.unwrap_or_else(|| self.words_for(what, run));
        self.unwell = Some((run, what.number()));
        self.desk.update(|seen| seen.unwell = Some(Box::new((run, why.clone()))));
        self.publish();
        why
    }

    /// What the generation before has noted.
    pub(super) fn recall_unwell(&mut self, noted: Option<(SpawnId, u32)>) {
        self.unwell = noted;
        if let Some((run, what)) = noted.and_then(|(run, number)| Some((run, Unwell::of(number)?))) {
            let why = self.words_for(what, run);
            self.desk.update(|seen| seen.unwell = Some(Box::new((run, why))));
        }
    }

    /// Of the run that is being ended, or that has ended last: an older one concerns nobody.
    pub(super) fn noted_unwell(&self) -> Option<(SpawnId, u32)> {
        let last = self.desk.seen().last_exit.map(|exit| exit.run);
        self.unwell.filter(|(run, _)| *run == self.state().run || last.is_none_or(|last| last == *run))
    }

    fn words_for(&self, what: Unwell, run: SpawnId) -> String {
        let is_worker = self.group.is_some() && self.spec.mode == Mode::Cluster;
        what.words(is_worker.then(|| worker_number(run.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let breaches: Vec<Unwell> = (1..=7).filter_map(|number| Breach::of(number).map(Unwell::Breach)).collect();
        assert_eq!((breaches.len(), Breach::of(0), Breach::of(8)), (7, None, None));
        let others = Kind::ALL.map(Unwell::Probe).into_iter().chain([Unwell::Late]);
        for what in others.chain(breaches) {
            assert_eq!(Unwell::of(what.number()), Some(what));
        }
        assert_eq!([0, 5, 16, 99].map(Unwell::of), [None; 4]);
        // These are in memory that another version has written.
        assert_eq!((Unwell::Probe(Kind::Live).number(), Unwell::Breach(Breach::Flood).number()), (3, 23));
    }

    #[test]
    fn what_a_worker_did_is_said_with_its_number() {
        let flood = Unwell::Breach(Breach::Flood);
        assert!(flood.words(Some(3)).starts_with("cluster worker 3 was ended: it flooded"));
        assert!(flood.words(None).starts_with("it was ended: it flooded"));
    }
}
