//! The steps of reloads, told while a command waits for their end.

use super::link::Link;
use super::render::outcome::Verb;
use super::render::progress::Goal;
use super::render::{Screen, rollout};
use crate::api::{Event, Stream};
use std::collections::BTreeSet;
use std::time::Duration;

/// The last steps come by another way than the answer, and perhaps a moment later.
const LATE: Duration = Duration::from_secs(1);

pub(crate) struct Steps {
    events: Option<Stream<Event>>,
    goal: Goal,
    /// Apps whose reloads have begun, and not ended.
    open: BTreeSet<String>,
}

impl Steps {
    /// Of a command that reloads; of others there are none, nor where nobody reads them.
    pub(crate) async fn follow(link: &dyn Link, goal: &Goal, screen: &Screen) -> Self {
        let wanted = goal.verb == Verb::Reload && screen.is_decorated();
        // Without them the command does what it does.
        let events = if wanted { link.events().await.ok() } else { None };
        Self { events, goal: goal.clone(), open: BTreeSet::new() }
    }

    /// The next one, in words. Waits for ever where no more come.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            let Some(events) = &mut self.events else { return std::future::pending().await };
            let Some(Ok(event)) = events.recv().await else {
                // The daemon was lost: the next one goes on, and the answer tells how it ended.
                self.events = None;
                self.open.clear();
                continue;
            };
            if let Some(line) = self.words(&event) {
                return line;
            }
        }
    }

    fn words(&mut self, event: &Event) -> Option<String> {
        let step = event.rollout.as_ref().filter(|_| event.manually && self.goal.includes(&event.process))?;
        if step.step.is_last() {
            self.open.remove(&event.process.name);
        } else {
            self.open.insert(event.process.name.clone());
        }
        rollout::line(&event.process, step)
    }

    /// The command has its answer: what was begun has ended, or is about to be told.
    pub(crate) async fn finish(&mut self, screen: &mut Screen) {
        let rest = async {
            while self.events.is_some() && !self.open.is_empty() {
                let line = self.next().await;
                tell(screen, &line);
            }
        };
        let _ = tokio::time::timeout(LATE, rest).await;
    }
}

/// Losing a step is no failure of the command.
pub(crate) fn tell(screen: &mut Screen, line: &str) {
    screen.redraw("");
    let _ = screen.say(&format!("{line}\n"));
}
