//! What the board knows, and which process somebody looks at.

use crate::api::{Host, LogItem, OutputStream, Process, ProcessDetail};
use crate::domain::ProcessId;
use anstream::adapter::strip_str;
use std::collections::{BTreeMap, VecDeque};

/// Lines of a process that are kept: more than any screen has.
const LINES: usize = 300;
/// Columns that a tab leads to a multiple of, nearly enough for a glance.
const TAB: &str = "    ";

#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) processes: Vec<Process>,
    pub(super) chosen: Option<ProcessId>,
    /// Of the chosen one.
    pub(super) detail: Option<ProcessDetail>,
    pub(super) host: Option<Host>,
    lines: BTreeMap<ProcessId, VecDeque<(OutputStream, String)>>,
    /// Why there is nothing new.
    pub(super) trouble: Option<String>,
}

impl Board {
    /// The list as it is now. Somebody looks at the first until they choose, and at a neighbour of one that goes.
    pub(super) fn update(&mut self, processes: Vec<Process>) {
        let before = self.place();
        self.processes = processes;
        self.lines.retain(|id, _| self.processes.iter().any(|process| process.id == *id));
        if self.processes.iter().all(|process| Some(process.id) != self.chosen) {
            let last = self.processes.len().saturating_sub(1);
            self.choose(before.unwrap_or(0).min(last));
        }
    }

    /// The place of the chosen one in the list.
    pub(super) fn place(&self) -> Option<usize> {
        self.processes.iter().position(|process| Some(process.id) == self.chosen)
    }

    /// Goes so many down; stays on the list. Whether that is another one.
    pub(super) fn go(&mut self, down: i32) -> bool {
        let last = self.processes.len().saturating_sub(1);
        let place = self.place().unwrap_or(0);
        let next = place.saturating_add_signed(down as isize).min(last);
        let moves = next != place;
        if moves {
            self.choose(next);
        }
        moves
    }

    fn choose(&mut self, place: usize) {
        self.chosen = self.processes.get(place).map(|process| process.id);
        self.detail = None;
    }

    pub(super) fn hear(&mut self, items: Vec<LogItem>) {
        for item in items {
            let LogItem::Line { id, stream, line, .. } = item else { continue };
            let lines = self.lines.entry(id).or_default();
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back((stream, strip_str(&line).to_string().replace('\t', TAB)));
        }
    }

    /// The stream of lines begins anew, with the last ones.
    pub(super) fn forget_lines(&mut self) {
        self.lines.clear();
    }

    /// The last lines of the chosen one, the oldest first.
    pub(super) fn last_lines(&self, count: usize) -> impl Iterator<Item = &(OutputStream, String)> {
        let lines = self.chosen.and_then(|id| self.lines.get(&id));
        lines.into_iter().flat_map(move |lines| lines.iter().skip(lines.len().saturating_sub(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::process::tests::process;
    use crate::domain::Status;

    fn listed(ids: &[u32]) -> Vec<Process> {
        ids.iter().map(|id| process(*id, "api", Status::Online)).collect()
    }

    #[test]
    fn somebody_looks_at_what_is_there() {
        let mut board = Board::default();
        assert!(!board.go(1));
        board.update(listed(&[0, 1, 2]));
        assert_eq!(board.chosen, Some(ProcessId(0)));
        assert!(board.go(2) && !board.go(1));
        assert_eq!(board.chosen, Some(ProcessId(2)));
        board.update(listed(&[0, 1]));
        assert_eq!(board.chosen, Some(ProcessId(1)));
        assert!(board.go(-5));
        assert_eq!(board.chosen, Some(ProcessId(0)));
        board.update(Vec::new());
        assert_eq!(board.chosen, None);
    }

    #[test]
    fn the_last_lines_of_the_chosen_one_without_colours() {
        let mut board = Board::default();
        board.update(listed(&[0, 1]));
        let line = |id, text: &str| LogItem::Line {
            id: ProcessId(id),
            name: "api".into(),
            stream: OutputStream::Out,
            line: text.into(),
            at: None,
        };
        board.hear((0..400).map(|number| line(0, &format!("\x1b[32m{number}\x1b[0m\tx"))).collect());
        board.hear(vec![line(1, "other"), LogItem::Resumed]);
        let lines: Vec<_> = board.last_lines(2).map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines, ["398    x", "399    x"]);
        assert_eq!(board.last_lines(1000).count(), LINES);
        board.update(listed(&[1]));
        assert_eq!(board.last_lines(5).map(|(_, line)| line.as_str()).collect::<Vec<_>>(), ["other"]);
    }
}
