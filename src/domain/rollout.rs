//! Replacing the processes of an app, one after another: the new one ready, then the old one goes.

use super::ProcessId;
use std::collections::VecDeque;

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

#[cfg(test)]
mod tests {
    use super::*;

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
