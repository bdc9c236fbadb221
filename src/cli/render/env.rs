//! Explained of processes: `NAME: value` as PM2 prints them, or a table of where each comes from.

use super::color::{self, paint};
use super::table::{Align, Cell, Column, Table};
use super::{outcome, text};
use crate::api::ProcessDetail;
use crate::cli::commands::env::{Explained, Variable};
use crate::domain::ProcessId;
use crate::domain::spec::Layer;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A line a variable, then a line for each of `fields` that is none; several processes each under their name.
pub(crate) fn plain(details: &[ProcessDetail], fields: &BTreeMap<ProcessId, Vec<(String, String)>>) -> String {
    let mut out = String::new();
    for detail in details {
        if details.len() > 1 {
            _ = writeln!(out, "{}", outcome::app(&detail.process.name, &[detail.process.id]));
        }
        let more = fields.get(&detail.process.id).into_iter().flatten();
        let more = more.filter(|(name, _)| !detail.env.contains_key(name)).map(|(name, value)| (name, value));
        for (name, value) in detail.env.iter().chain(more) {
            _ = writeln!(out, "{}: {}", text::clean(name), text::clean(value));
        }
    }
    out
}

pub(crate) fn explained(all: &[Explained], width: Option<usize>) -> String {
    let mut out = String::new();
    for Explained { id, name, variables } in all {
        if all.len() > 1 {
            _ = writeln!(out, "{}", outcome::app(name, &[*id]));
        }
        let table = table(variables);
        // A `PATH` is longer than any terminal is wide: padding to it would put all that follows out of sight.
        out.push_str(&width.map_or_else(|| table.tab_separated(), |width| table.render(Some(width))));
        let changed = variables.iter().filter(|variable| variable.since.is_some()).count();
        if changed > 0 {
            let text =
                format!("{changed} changed in its files since; taken over by: rpm restart {}", text::clean(name));
            _ = writeln!(out, "{}", paint(color::BUSY, text));
        }
    }
    out
}

fn table(variables: &[Variable]) -> Table {
    let column = |title, shrinks_to| Column { title, align: Align::Left, shrinks_to };
    let columns = vec![
        column("name", None),
        column("value", Some(12)),
        column("from", Some(12)),
        column("hides", Some(8)),
        column("file now", None),
    ];
    Table::new(columns, variables.iter().map(row).collect())
}

fn row(variable: &Variable) -> Vec<Cell> {
    let layers = |layers: &[Layer]| layers.iter().rev().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let or_none = |text: Option<String>| text.map_or_else(Cell::none, Cell::new);
    vec![
        Cell::styled(&variable.name, color::BOLD),
        or_none(variable.value.clone()),
        or_none(variable.from.as_ref().map(ToString::to_string)),
        or_none((!variable.hides.is_empty()).then(|| layers(&variable.hides))),
        variable.since.map_or_else(|| Cell::new(""), |change| Cell::styled(change.as_str(), color::BUSY)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::changes::Change;
    use crate::domain::ProcessId;

    #[test]
    fn a_row_a_variable() {
        let variables = vec![
            Variable {
                name: "PORT".into(),
                value: Some("80".into()),
                from: Some(Layer::Env),
                hides: vec![Layer::Inherited, Layer::EnvFile { file: "/srv/.env".into(), line: 3 }],
                since: Some(Change::Changed),
            },
            Variable {
                name: "pm_id".into(),
                value: Some("0".into()),
                from: Some(Layer::Ours),
                hides: vec![],
                since: None,
            },
        ];
        let all = [Explained { id: ProcessId(0), name: "api".into(), variables }];
        let text = anstream::adapter::strip_str(&explained(&all, Some(80))).to_string();
        assert_eq!(
            text,
            [
                "name   value  from  hides                   file now",
                "PORT   80     env   /srv/.env:3, inherited  changed",
                "pm_id  0      rpm   -                       ",
                "1 changed in its files since; taken over by: rpm restart api",
                "",
            ]
            .join("\n")
        );
        let piped = anstream::adapter::strip_str(&explained(&all, None)).to_string();
        assert!(piped.contains("\nPORT\t80\tenv\t/srv/.env:3, inherited\tchanged\n"), "{piped}");
    }
}
