//! What a command did, a line an app: `restarted api (0-3)`.

use super::color::{self, paint};
use super::text;
use crate::api::Process;
use crate::domain::ProcessId;
use std::fmt::Write as _;

/// Commands whose effect depends on what was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Start,
    Restart,
    Reload,
    Scale,
    Stop,
    Delete,
}

impl Verb {
    pub(crate) const fn doing(self) -> &'static str {
        match self {
            Self::Start => "starting",
            Self::Restart => "restarting",
            Self::Reload => "reloading",
            Self::Scale => "scaling",
            Self::Stop => "stopping",
            Self::Delete => "deleting",
        }
    }

    /// What happened to a process that was as `before`, or was not there.
    fn done(self, before: Option<&Process>, after: &Process) -> &'static str {
        let starts = matches!(self, Self::Start | Self::Restart | Self::Reload);
        if starts && after.job && !after.status.is_alive() {
            return "listed, and runs when it is due:";
        }
        let ran = before.is_some_and(|process| process.status.is_alive());
        let rolling = before.is_some_and(|process| process.overlaps);
        match (self, ran) {
            (Self::Delete, _) => "deleted",
            (Self::Scale, _) => "scaled",
            (Self::Stop, true) => "stopped",
            (Self::Stop, false) => "was not running:",
            (Self::Reload, true) if rolling => "reloaded",
            (Self::Reload, true) => "restarted, as fork mode has no reload:",
            (Self::Start | Self::Restart, true) => "restarted",
            (Self::Start | Self::Restart | Self::Reload, false) => "started",
        }
    }
}

/// One line for each app and what happened to it, in the order of `after`.
pub(crate) fn lines(verb: Verb, before: &[Process], after: &[Process]) -> String {
    let mut groups: Vec<(&str, &str, Vec<ProcessId>)> = Vec::new();
    for process in after {
        let done = verb.done(before.iter().find(|known| known.id == process.id), process);
        match groups.iter_mut().find(|(word, name, _)| *word == done && *name == process.name) {
            Some((_, _, ids)) => ids.push(process.id),
            None => groups.push((done, &process.name, vec![process.id])),
        }
    }
    let mut out = String::new();
    for (word, name, ids) in groups {
        _ = writeln!(out, "{} {}", paint(color::GOOD, word), app(name, &ids));
    }
    out
}

/// The same words for all: `reset api (0, 1)`.
pub(crate) fn uniform(word: &str, processes: &[Process]) -> String {
    let mut apps: Vec<(&str, Vec<ProcessId>)> = Vec::new();
    for process in processes {
        match apps.iter_mut().find(|(name, _)| *name == process.name) {
            Some((_, ids)) => ids.push(process.id),
            None => apps.push((&process.name, vec![process.id])),
        }
    }
    let mut out = String::new();
    for (name, ids) in apps {
        _ = writeln!(out, "{} {}", paint(color::GOOD, word), app(name, &ids));
    }
    out
}

/// `api (0-3, 7)`.
pub(crate) fn app(name: &str, ids: &[ProcessId]) -> String {
    format!("{} ({})", paint(color::BOLD, text::clean(name)), ranges(ids))
}

fn ranges(ids: &[ProcessId]) -> String {
    let mut numbers: Vec<u32> = ids.iter().map(|id| id.0).collect();
    numbers.sort_unstable();
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, _, .., last] => format!("{first}-{last}"),
        [first, last] => format!("{first}, {last}"),
        _ => run[0].to_string(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::process::tests::process;
    use super::*;
    use crate::domain::Status;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn what_happened_depends_on_what_was_there() {
        let mut fork = process(4, "cron", Status::Online);
        fork.mode = "fork".into();
        fork.overlaps = false;
        let before = [
            process(0, "api", Status::Online),
            process(1, "api", Status::Online),
            process(2, "api", Status::Stopped),
            fork,
        ];
        let after = [&before[..], &[process(9, "new", Status::Online)]].concat();
        let told = |verb| plain(&lines(verb, &before, &after));
        assert_eq!(told(Verb::Restart), "restarted api (0, 1)\nstarted api (2)\nrestarted cron (4)\nstarted new (9)\n");
        assert_eq!(
            told(Verb::Reload),
            "reloaded api (0, 1)\nstarted api (2)\nrestarted, as fork mode has no reload: cron (4)\nstarted new (9)\n"
        );
        assert_eq!(
            plain(&lines(Verb::Stop, &before, &before)),
            "stopped api (0, 1)\nwas not running: api (2)\nstopped cron (4)\n"
        );
    }

    #[test]
    fn ids_in_a_row_are_told_as_ranges() {
        let ids = |numbers: &[u32]| ranges(&numbers.iter().map(|n| ProcessId(*n)).collect::<Vec<_>>());
        assert_eq!(ids(&[3]), "3");
        assert_eq!(ids(&[1, 0]), "0, 1");
        assert_eq!(ids(&[0, 1, 2, 3, 7, 9, 10]), "0-3, 7, 9, 10");
        assert_eq!(ids(&[]), "");
    }
}
