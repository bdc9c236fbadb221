//! Replacing the processes of an app: the new one ready, then the old one goes; so many at a time. Where the new ones
//! have to stay well for a while, the old ones stand by until then, and can come back.

use super::ProcessId;
use std::collections::{BTreeMap, VecDeque};

/// How it goes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many processes are between their old and their new run at a time.
    pub parallel: usize,
    /// The old ones stand by until all new ones have stayed well for a while.
    pub on_trial: bool,
}

/// A rollout that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    pace: Pace,
    waiting: VecDeque<ProcessId>,
    under_way: BTreeMap<ProcessId, Step>,
    course: Course,
    tally: Tally,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    NotBegun,
    /// One after the other is replaced.
    Forward,
    /// All are replaced; the new ones are on trial.
    Trial,
    /// Nothing more is begun: what is under way comes to its end.
    Ending,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The replacement starts; the old one serves.
    Starting,
    /// The replacement is not wanted any more, and leaves; the old one serves.
    Abandoned,
    /// The replacement serves; the old one stands by.
    StandingBy,
    /// The replacement serves; the old one leaves.
    Retiring,
    /// The old one serves again; the replacement leaves.
    Returning,
}

/// What became of the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub total: usize,
    /// Their new run has taken the place of the old one, and has it still.
    pub replaced: usize,
    /// They were replaced, and their old run is back.
    pub returned: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Begin,
    /// The replacement of this process is ready.
    Ready(ProcessId),
    /// It isn't, in time, or has ended. Nothing of it lives.
    Failed(ProcessId),
    /// Nothing lives of the run of this process that was to go: the old one, or after [`Effect::Return`] the new one.
    Gone(ProcessId),
    /// The old run of this process has ended while it stood by.
    Lost(ProcessId),
    /// A new run on trial is not well.
    Unwell,
    /// They have stayed well as long as they have to.
    StayedWell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Answered by `Ready` or `Failed`.
    StartReplacement(ProcessId),
    /// Stop the replacement that is starting; the old process goes on. Answered by `Failed`.
    Abandon(ProcessId),
    /// Put the replacement in the old one's place.
    Swap(ProcessId),
    /// Let the old one go. Answered by `Gone`.
    Retire(ProcessId),
    /// Put the old one back in its place, and let the new one go. Answered by `Gone`.
    Return(ProcessId),
    /// All are replaced: wait whether they stay well. Answered by `StayedWell` or `Unwell`.
    Watch,
    Finished,
}

impl Rollout {
    pub fn new(processes: impl IntoIterator<Item = ProcessId>, pace: Pace) -> Self {
        let waiting: VecDeque<_> = processes.into_iter().collect();
        let tally = Tally { total: waiting.len(), ..Tally::default() };
        Self { pace, waiting, under_way: BTreeMap::new(), course: Course::NotBegun, tally }
    }

    /// One that was cut off when these had been replaced, and their old runs stood by.
    pub fn on_trial(replaced: impl IntoIterator<Item = ProcessId>) -> Self {
        let under_way: BTreeMap<_, _> = replaced.into_iter().map(|id| (id, Step::StandingBy)).collect();
        let tally = Tally { total: under_way.len(), replaced: under_way.len(), returned: 0 };
        let pace = Pace { parallel: 1, on_trial: true };
        Self { pace, waiting: VecDeque::new(), under_way, course: Course::NotBegun, tally }
    }

    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether the replacement of this process is still wanted.
    pub fn awaits(&self, id: ProcessId) -> bool {
        self.is_at(id, Step::Starting)
    }

    /// What has to be done, in this order. What doesn't fit the step that is under way is too late and ignored.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Begin if self.course == Course::NotBegun => self.course = Course::Forward,
            Event::Ready(id) if self.is_at(id, Step::Starting) => self.ready(id, &mut effects),
            Event::Failed(id) if self.is_at(id, Step::Starting) => {
                self.under_way.remove(&id);
                self.give_up(&mut effects);
            }
            Event::Failed(id) if self.is_at(id, Step::Abandoned) => _ = self.under_way.remove(&id),
            Event::Gone(id) if self.is_at(id, Step::Retiring) || self.is_at(id, Step::Returning) => {
                self.under_way.remove(&id);
            }
            // It cannot come back; the new one stays, whatever becomes of the others.
            Event::Lost(id) if self.is_at(id, Step::StandingBy) => _ = self.under_way.remove(&id),
            Event::Unwell if matches!(self.course, Course::Forward | Course::Trial) => self.give_up(&mut effects),
            Event::StayedWell if self.course == Course::Trial => self.settle(&mut effects),
            Event::Begin
            | Event::Ready(_)
            | Event::Failed(_)
            | Event::Gone(_)
            | Event::Lost(_)
            | Event::Unwell
            | Event::StayedWell => return effects,
        }
        self.advance(&mut effects);
        effects
    }

    fn is_at(&self, id: ProcessId, step: Step) -> bool {
        self.under_way.get(&id) == Some(&step)
    }

    fn ready(&mut self, id: ProcessId, effects: &mut Vec<Effect>) {
        self.tally.replaced += 1;
        effects.push(Effect::Swap(id));
        if self.pace.on_trial {
            self.under_way.insert(id, Step::StandingBy);
        } else {
            self.under_way.insert(id, Step::Retiring);
            effects.push(Effect::Retire(id));
        }
    }

    /// Nothing more is begun, what starts is abandoned, and what can come back does.
    fn give_up(&mut self, effects: &mut Vec<Effect>) {
        self.course = Course::Ending;
        self.waiting.clear();
        for (id, step) in &mut self.under_way {
            match step {
                Step::Starting => {
                    *step = Step::Abandoned;
                    effects.push(Effect::Abandon(*id));
                }
                Step::StandingBy => {
                    *step = Step::Returning;
                    self.tally.replaced -= 1;
                    self.tally.returned += 1;
                    effects.push(Effect::Return(*id));
                }
                Step::Abandoned | Step::Retiring | Step::Returning => {}
            }
        }
    }

    /// The new ones have stayed well: the old ones are not needed any more.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        self.course = Course::Ending;
        for (id, step) in &mut self.under_way {
            if *step == Step::StandingBy {
                *step = Step::Retiring;
                effects.push(Effect::Retire(*id));
            }
        }
    }

    fn advance(&mut self, effects: &mut Vec<Effect>) {
        let changes = |step: &&Step| **step != Step::StandingBy;
        while self.course == Course::Forward
            && self.under_way.values().filter(changes).count() < self.pace.parallel.max(1)
            && let Some(id) = self.waiting.pop_front()
        {
            self.under_way.insert(id, Step::Starting);
            effects.push(Effect::StartReplacement(id));
        }
        let all_stand_by = self.under_way.values().all(|step| *step == Step::StandingBy);
        if self.course == Course::Forward && self.waiting.is_empty() && all_stand_by && !self.under_way.is_empty() {
            self.course = Course::Trial;
            effects.push(Effect::Watch);
        }
        let is_through = self.under_way.is_empty() && self.waiting.is_empty();
        if is_through && !matches!(self.course, Course::NotBegun | Course::Over) {
            self.course = Course::Over;
            effects.push(Effect::Finished);
        }
    }
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
