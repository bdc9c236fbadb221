//! The task that asks a run's questions when they are due.

use super::ask::{Surroundings, ask};
use super::board::{Answer, Board};
use super::name::Resolver;
use crate::clock;
use crate::domain::BootMs;
use crate::domain::health::{Health, Kind, Verdict};
use crate::domain::spec::{Probe, Probes};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// Verdicts that wait for who began it: there are fewer than this between two looks, and the task waits with more.
const WAITING: usize = 8;

/// Asks as long as it lives.
#[derive(Debug)]
pub struct Prober {
    board: Board,
    verdicts: mpsc::Receiver<(Verdict, Answer)>,
    task: AbortHandle,
}

impl Prober {
    /// `health` is what is known already.
    pub fn begin(probes: Probes, health: Health, around: Surroundings) -> Self {
        let board = Board::new(&probes, clock::unix_ms());
        for kind in Kind::ALL {
            board.note(kind, |row| row.passes = health.passes(kind).then_some(true));
        }
        let (sender, verdicts) = mpsc::channel(WAITING);
        let asking = Asking { health, board: board.clone(), questions: Questions::new(probes, around), sender };
        let task = tokio::task::spawn_local(asking.run()).abort_handle();
        Self { board, verdicts, task }
    }

    /// What changes next, and the answer that changed it. Safe to cancel; never ends.
    pub async fn next(&mut self) -> (Verdict, Answer) {
        match self.verdicts.recv().await {
            Some(verdict) => verdict,
            None => std::future::pending().await,
        }
    }

    pub fn board(&self) -> Board {
        self.board.clone()
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All probes with what it takes to ask them.
struct Questions {
    probes: Probes,
    around: Surroundings,
    resolvers: [Resolver; 3],
}

impl Questions {
    fn new(probes: Probes, around: Surroundings) -> Rc<Self> {
        Rc::new(Self { probes, around, resolvers: Default::default() })
    }

    fn probe(&self, kind: Kind) -> Option<&Probe> {
        match kind {
            Kind::Startup => self.probes.startup.as_deref(),
            Kind::Ready => self.probes.ready.as_deref(),
            Kind::Live => self.probes.live.as_deref(),
        }
    }

    async fn ask(self: Rc<Self>, kind: Kind) -> (Kind, Answer) {
        let answer = match self.probe(kind) {
            Some(probe) => ask(probe, &self.around, &self.resolvers[kind as usize]).await,
            None => Answer::no("there is no such probe"),
        };
        (kind, answer)
    }
}

struct Asking {
    health: Health,
    board: Board,
    questions: Rc<Questions>,
    sender: mpsc::Sender<(Verdict, Answer)>,
}

impl Asking {
    async fn run(mut self) {
        let mut under_way = JoinSet::new();
        loop {
            let due = self.health.due();
            tokio::select! {
                Some(answered) = under_way.join_next() => {
                    // A question that was dropped belongs to a task that is.
                    let Ok((kind, answer)) = answered else { continue };
                    if !self.heard(kind, answer).await {
                        return;
                    }
                }
                Some(kind) = at(due) => {
                    self.health.ask(kind, clock::boot_ms());
                    under_way.spawn_local(Rc::clone(&self.questions).ask(kind));
                }
                else => return,
            }
        }
    }

    /// False when nobody listens any more.
    async fn heard(&mut self, kind: Kind, answer: Answer) -> bool {
        let verdict = self.health.answer(kind, answer.success, clock::boot_ms());
        let (passes, failures) = (self.health.passes(kind), self.health.failures(kind));
        self.board.note(kind, |row| {
            let now = match verdict {
                Some(Verdict::Unwell(_) | Verdict::NotReady) => Some(false),
                _ if passes => Some(true),
                _ => row.passes,
            };
            if row.passes != now {
                (row.passes, row.since) = (now, clock::unix_ms());
            }
            (row.last, row.failures) = (Some(answer.clone()), failures);
        });
        match verdict {
            Some(verdict) => self.sender.send((verdict, answer)).await.is_ok(),
            None => true,
        }
    }
}

/// The question, when it is due. `None` where there is none.
async fn at(due: Option<(BootMs, Kind)>) -> Option<Kind> {
    let (at, kind) = due?;
    tokio::time::sleep(Duration::from_millis(at.saturating_sub(clock::boot_ms()))).await;
    Some(kind)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
