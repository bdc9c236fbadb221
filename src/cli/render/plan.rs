//! What `apply` is going to do, a line an app.

use super::color::{self, paint};
use super::{outcome, text};
use crate::cli::commands::plan::{Action, Step};
use anstyle::Style;
use std::fmt::Write as _;

pub(crate) fn text(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        let (sign, style, what) = look(step.action);
        let who = if step.ids.is_empty() {
            paint(color::BOLD, text::clean(&step.app))
        } else {
            outcome::app(&step.app, &step.ids)
        };
        _ = writeln!(out, "{} {who}: {what}{}", paint(style, sign), details(step));
    }
    out
}

const fn look(action: Action) -> (char, Style, &'static str) {
    match action {
        Action::Create => ('+', color::GOOD, "start it"),
        Action::Reload => ('~', color::BUSY, "reload it"),
        Action::Restart => ('~', color::BUSY, "restart it"),
        Action::Replace => ('~', color::BUSY, "delete it and start it anew"),
        Action::Settings => ('~', color::BUSY, "it stays stopped, with new settings"),
        Action::Scale => ('~', color::BUSY, "scale it"),
        Action::Unchanged => ('=', color::DIM, "unchanged"),
        Action::Remove => ('-', color::BAD, "delete it"),
    }
}

fn details(step: &Step) -> String {
    let mut parts: Vec<String> = Vec::new();
    match (step.action, step.to) {
        (Action::Create, 2..) => parts.push(format!("{} processes", step.to)),
        (Action::Create | Action::Remove | Action::Unchanged, _) => {}
        (_, to) if to != step.from => parts.push(format!("processes {} → {to}", step.from)),
        _ => {}
    }
    parts.extend(step.changes.iter().map(|change| text::clean(change).into_owned()));
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
}

/// `scaled api from 2 to 4`.
pub(crate) fn scaled(step: &Step) -> String {
    let name = paint(color::BOLD, text::clean(&step.app));
    format!("{} {name} from {} to {}\n", paint(color::GOOD, "scaled"), step.from, step.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProcessId;

    #[test]
    fn a_line_an_app() {
        let step = |action, ids: &[u32], (from, to), changes: &[&str]| Step {
            app: "api".into(),
            action,
            ids: ids.iter().map(|id| ProcessId(*id)).collect(),
            changes: changes.iter().map(|change| (*change).to_owned()).collect(),
            from,
            to,
            spec: None,
        };
        for (step, expected) in [
            (step(Action::Create, &[], (0, 1), &[]), "+ api: start it\n"),
            (step(Action::Create, &[], (0, 4), &[]), "+ api: start it; 4 processes\n"),
            (
                step(Action::Reload, &[0, 1], (2, 4), &["PORT changed", "cwd /a → /b"]),
                "~ api (0, 1): reload it; processes 2 → 4, PORT changed, cwd /a → /b\n",
            ),
            (step(Action::Scale, &[0], (1, 2), &[]), "~ api (0): scale it; processes 1 → 2\n"),
            (
                step(Action::Settings, &[0], (1, 2), &[]),
                "~ api (0): it stays stopped, with new settings; processes 1 → 2\n",
            ),
            (step(Action::Unchanged, &[0], (1, 1), &[]), "= api (0): unchanged\n"),
            (step(Action::Remove, &[0], (1, 0), &[]), "- api (0): delete it\n"),
        ] {
            assert_eq!(anstream::adapter::strip_str(&text(&[step])).to_string(), expected);
        }
    }
}
