//! What a migration is going to do, a line an app.

use super::color::{self, paint};
use super::text;
use crate::cli::commands::migrate::{Action, Step};
use std::fmt::Write as _;

pub(crate) fn text(plan: &[Step]) -> String {
    let mut out = String::new();
    for step in plan {
        let (sign, style, what) = match step.action {
            Action::Take if step.runs => ('+', color::GOOD, "take it over"),
            Action::Take => ('+', color::GOOD, "take it over, stopped as it is"),
            Action::AlreadyHere => ('=', color::DIM, "is on the list here already"),
            Action::Leave => ('-', color::BUSY, "leave it"),
        };
        let name = paint(color::BOLD, text::clean(&step.app));
        _ = writeln!(out, "{} {name}: {what}{}", paint(style, sign), how(step));
        for note in &step.notes {
            _ = writeln!(out, "    {}", text::clean(note));
        }
    }
    out
}

fn how(step: &Step) -> String {
    match (step.mode, step.processes) {
        (Some(mode), 1) => format!("; {mode}"),
        (Some(mode), count) => format!("; {mode}, {count} processes"),
        (None, _) => String::new(),
    }
}

/// How long nobody served it.
pub(crate) fn gap(step: &Step) -> Option<String> {
    let gap = step.gap?;
    Some(format!(
        "{} took over {}: {gap} ms between its end there and its start here\n",
        paint(color::GOOD, '✓'),
        step.app
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_an_app_and_its_notes() {
        let step = |action, runs, processes, notes: &[&str]| Step {
            app: "api".into(),
            action,
            mode: (action != Action::Leave).then_some("cluster"),
            processes,
            runs,
            ids: vec![0],
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            gap: None,
            running: Vec::new(),
            apps: Vec::new(),
        };
        for (step, expected) in [
            (step(Action::Take, true, 2, &[]), "+ api: take it over; cluster, 2 processes\n"),
            (step(Action::Take, false, 1, &["a"]), "+ api: take it over, stopped as it is; cluster\n    a\n"),
            (step(Action::AlreadyHere, true, 1, &[]), "= api: is on the list here already; cluster\n"),
            (step(Action::Leave, true, 0, &["not taken: x"]), "- api: leave it\n    not taken: x\n"),
        ] {
            assert_eq!(anstream::adapter::strip_str(&text(&[step])).to_string(), expected);
        }
    }
}
