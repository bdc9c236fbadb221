//! What is still to be done while a request is pending: `stopping: 3 of 5, waiting for api (0, 1)`.

use super::outcome::{self, Verb};
use super::text;
use crate::api::Process;
use crate::domain::{ProcessId, Selector, Status, UnixMs};

/// The state a command works towards.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    pub(crate) verb: Verb,
    pub(crate) scope: Scope,
    /// How many processes it is about.
    pub(crate) total: usize,
    /// When the command began.
    pub(crate) since: UnixMs,
}

#[derive(Debug, Clone)]
pub(crate) enum Scope {
    Ids(Vec<ProcessId>),
    Names(Vec<String>),
}

impl Goal {
    pub(crate) fn line(&self, now: &[Process]) -> String {
        let pending: Vec<_> =
            now.iter().filter(|process| self.includes(process) && !self.is_reached(process)).collect();
        let reached = match self.verb {
            Verb::Stop | Verb::Delete => self.total.saturating_sub(pending.len()),
            Verb::Start | Verb::Restart | Verb::Reload | Verb::Scale => {
                now.iter().filter(|process| self.includes(process)).count() - pending.len()
            }
        };
        let mut line = format!("{}: {reached} of {}", self.verb.doing(), self.total.max(reached + pending.len()));
        if let Some(first) = pending.first() {
            let ids: Vec<_> = pending.iter().filter(|p| p.name == first.name).map(|p| p.id).collect();
            line.push_str(", waiting for ");
            line.push_str(&anstream::adapter::strip_str(&outcome::app(&text::clean(&first.name), &ids)).to_string());
        }
        line
    }

    /// Whom it is about, in the words of a request.
    pub(crate) fn selectors(&self) -> Vec<Selector> {
        match &self.scope {
            Scope::Ids(ids) => ids.iter().map(|id| Selector::new(id.to_string())).collect(),
            Scope::Names(names) => names.iter().map(Selector::new).collect(),
        }
    }

    pub(crate) fn includes(&self, process: &Process) -> bool {
        match &self.scope {
            Scope::Ids(ids) => ids.contains(&process.id),
            Scope::Names(names) => names.contains(&process.name),
        }
    }

    fn is_reached(&self, process: &Process) -> bool {
        match self.verb {
            Verb::Delete => false,
            Verb::Stop => !process.status.is_alive(),
            Verb::Scale => process.status == Status::Online,
            Verb::Start | Verb::Restart | Verb::Reload => {
                process.status == Status::Online && process.started_at.is_some_and(|at| at >= self.since)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::tests::{NOW, process};
    use super::*;

    #[test]
    fn it_counts_what_is_done_and_names_what_is_not() {
        let list = [
            process(0, "api", Status::Stopping),
            process(1, "api", Status::Stopped),
            process(2, "api", Status::Stopping),
            process(3, "other", Status::Online),
        ];
        let scope = Scope::Ids((0..3).map(ProcessId).collect());
        let goal = Goal { verb: Verb::Stop, scope: scope.clone(), total: 3, since: NOW };
        assert_eq!(goal.line(&list), "stopping: 1 of 3, waiting for api (0, 2)");
        let goal = Goal { verb: Verb::Delete, scope, total: 3, since: NOW };
        assert_eq!(goal.line(&list[1..]), "deleting: 1 of 3, waiting for api (1, 2)");
    }

    #[test]
    fn a_run_from_before_the_command_is_not_the_goal() {
        let mut list = [process(0, "api", Status::Online), process(1, "api", Status::Online)];
        list[0].started_at = Some(NOW + 5);
        let goal = Goal { verb: Verb::Reload, scope: Scope::Names(vec!["api".into()]), total: 2, since: NOW };
        assert_eq!(goal.line(&list), "reloading: 1 of 2, waiting for api (1)");
        assert_eq!(goal.line(&[]), "reloading: 0 of 2");
    }
}
