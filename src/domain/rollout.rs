//! Replacing the processes of an app, one after another: the new one ready, then the old one goes.

use super::readiness::Awaited;
use super::spec::ReadyPolicy;
use super::{ProcessId, health};
use std::collections::VecDeque;

/// How long a replacement has to become ready when the app doesn't say (`listen_timeout`).
const READY_TIMEOUT: u64 = 30_000;

/// A rollout that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    waiting: VecDeque<ProcessId>,
    now: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Idle,
    /// The replacement starts; the old one serves.
    Starting(ProcessId),
    /// The replacement serves; the old one leaves.
    Retiring(ProcessId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Begin,
    /// The replacement of this process is ready.
    Ready(ProcessId),
    /// It isn't, in time, or has ended.
    Failed(ProcessId),
    /// Nothing of the old process lives.
    Retired(ProcessId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    StartReplacement(ProcessId),
    /// Put the replacement in the old one's place and let the old one go.
    Swap(ProcessId),
    /// Stop the replacement; the old process and all that were not reached go on.
    Abandon(ProcessId),
    Finished,
}

impl Rollout {
    pub fn new(processes: impl IntoIterator<Item = ProcessId>) -> Self {
        Self { waiting: processes.into_iter().collect(), now: Step::Idle }
    }

    /// What has to be done. What doesn't fit the step that is under way is too late and ignored.
    pub fn step(&mut self, event: Event) -> Option<Effect> {
        match (self.now, event) {
            (Step::Idle, Event::Begin) => Some(self.advance()),
            (Step::Starting(id), Event::Ready(ready)) if ready == id => {
                self.now = Step::Retiring(id);
                Some(Effect::Swap(id))
            }
            (Step::Starting(id), Event::Failed(failed)) if failed == id => {
                self.waiting.clear();
                self.now = Step::Idle;
                Some(Effect::Abandon(id))
            }
            (Step::Retiring(id), Event::Retired(retired)) if retired == id => Some(self.advance()),
            (
                Step::Idle | Step::Starting(_) | Step::Retiring(_),
                Event::Begin | Event::Ready(_) | Event::Failed(_) | Event::Retired(_),
            ) => None,
        }
    }

    fn advance(&mut self) -> Effect {
        let Some(id) = self.waiting.pop_front() else {
            self.now = Step::Idle;
            return Effect::Finished;
        };
        self.now = Step::Starting(id);
        Effect::StartReplacement(id)
    }
}

/// What a replacement has to show before the old process goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// It listens, as its predecessor did.
    pub listening: bool,
    /// Its predecessor never listened, and nothing tells: it stays up this long.
    pub uptime: Option<u64>,
    /// For all of it.
    pub timeout: u64,
}

impl Requirement {
    /// Of an app whose old process has `listened`, or not. The word of an app itself is enough; probes are not, where
    /// the workers share a port: the old one answers too.
    pub fn new(policy: &ReadyPolicy, listened: bool, min_uptime: u64) -> Self {
        let listening = listened && !policy.says_so();
        let uptime = (!listening && !policy.asks()).then_some(min_uptime);
        let startup = policy.probes.startup.as_ref().map_or(0, health::startup_budget);
        let timeout = policy.listen_timeout.unwrap_or_else(|| startup.max(READY_TIMEOUT));
        // Staying up takes that long in any case.
        Self { listening, uptime, timeout: timeout.saturating_add(uptime.unwrap_or(0)) }
    }

    /// What is missing, in words; `missing` is what its settings ask for and it has not shown.
    pub fn missing(self, missing: Option<Awaited>, listens: bool, uptime: u64) -> Option<String> {
        if let Some(what) = missing {
            return Some(format!("it waits for {what}"));
        }
        match self.uptime {
            _ if self.listening && !listens => Some("it has to listen, as the old one does".to_owned()),
            Some(least) if uptime < least => Some(format!("it has to stay up for {least} ms")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Check, Probe, Probes};

    #[test]
    fn what_a_replacement_has_to_show() {
        let plain = ReadyPolicy::default();
        let probe = || Some(Probe::of(Check::Tcp { host: "h".into(), port: 1 }));
        let word = ReadyPolicy { wait_ready: true, listen_timeout: Some(50), ..ReadyPolicy::default() };
        let probes = Probes { ready: probe(), startup: None, live: None };
        let asked = ReadyPolicy { probes, ..ReadyPolicy::default() };
        for (policy, listened, expected) in [
            (&plain, false, Requirement { listening: false, uptime: Some(7), timeout: 30_007 }),
            (&plain, true, Requirement { listening: true, uptime: None, timeout: 30_000 }),
            (&word, true, Requirement { listening: false, uptime: None, timeout: 50 }),
            (&asked, true, Requirement { listening: true, uptime: None, timeout: 30_000 }),
            (&asked, false, Requirement { listening: false, uptime: None, timeout: 30_000 }),
        ] {
            assert_eq!(Requirement::new(policy, listened, 7), expected, "{policy:?}");
        }
        let slow = Some(Probe { failure_threshold: 12, ..Probe::of(Check::Tcp { host: "h".into(), port: 1 }) });
        let probes = Probes { startup: slow, ready: None, live: None };
        assert!(Requirement::new(&ReadyPolicy { probes, ..plain }, false, 7).timeout > 120_000);
    }

    #[test]
    fn all_of_it_has_to_be_shown() {
        let both = Requirement { listening: true, uptime: None, timeout: 1 };
        assert!(both.missing(Some(Awaited::Word), true, 0).unwrap().contains("ready"));
        assert!(both.missing(None, false, 0).unwrap().contains("listen"));
        assert_eq!(both.missing(None, true, 0), None);
        let up = Requirement { listening: false, uptime: Some(10), timeout: 1 };
        assert!(up.missing(None, true, 9).unwrap().contains("10 ms"));
        assert_eq!(up.missing(None, false, 10), None);
    }

    const A: ProcessId = ProcessId(1);
    const B: ProcessId = ProcessId(2);

    #[test]
    fn one_at_a_time_new_before_old() {
        let mut rollout = Rollout::new([A, B]);
        assert_eq!(rollout.step(Event::Begin), Some(Effect::StartReplacement(A)));
        assert_eq!(rollout.step(Event::Begin), None);
        assert_eq!(rollout.step(Event::Retired(A)), None);
        assert_eq!(rollout.step(Event::Ready(A)), Some(Effect::Swap(A)));
        assert_eq!(rollout.step(Event::Failed(A)), None);
        assert_eq!(rollout.step(Event::Retired(A)), Some(Effect::StartReplacement(B)));
        assert_eq!(rollout.step(Event::Ready(A)), None);
        assert_eq!(rollout.step(Event::Ready(B)), Some(Effect::Swap(B)));
        assert_eq!(rollout.step(Event::Retired(B)), Some(Effect::Finished));
    }

    #[test]
    fn a_failure_leaves_the_old_ones_alone() {
        let mut rollout = Rollout::new([A, B]);
        rollout.step(Event::Begin);
        assert_eq!(rollout.step(Event::Failed(A)), Some(Effect::Abandon(A)));
        for event in [Event::Ready(A), Event::Ready(B), Event::Retired(A)] {
            assert_eq!(rollout.step(event), None);
        }
    }

    #[test]
    fn nothing_to_do_is_finished() {
        assert_eq!(Rollout::new([]).step(Event::Begin), Some(Effect::Finished));
    }
}
