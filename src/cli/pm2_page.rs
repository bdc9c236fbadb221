//! Holds `docs/pm2.md` against what there is: commands, options, fields; each has a row, and no row is about nothing.

use super::args::Cli;
use crate::config::{Field, known_fields};
use clap::{Command, CommandFactory};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/pm2.md");
const VERDICTS: [&str; 4] = ["same", "better", "different", "absent"];

/// A row: the names in its first cell, and what it says of them.
pub(super) struct Row {
    pub(super) names: Vec<String>,
    pub(super) is_there: bool,
    /// Whoever relies on them gets what PM2 gives, at least.
    pub(super) is_enough: bool,
    /// Its last cell.
    pub(super) words: String,
}

/// The rows below a heading; of those of ours alone all are there.
pub(super) fn rows(heading: &str) -> Vec<Row> {
    let section = PAGE.split("\n## ").find(|section| section.lines().next() == Some(heading));
    let section = section.unwrap_or_else(|| panic!("{heading} is no heading of the page"));
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let names: Vec<String> = cells[0].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let is_ours = heading.ends_with("of ours alone");
        assert!(is_ours || VERDICTS.contains(&cells[1]), "no verdict: {line}");
        let says_more = cells.get(2).is_some_and(|text| !text.is_empty() && *text != "|");
        assert!(is_ours || cells[1] == "same" || says_more, "how, why, or what instead: {line}");
        let is_enough = !is_ours && ["same", "better"].contains(&cells[1]);
        let words = cells.last().map_or_else(String::new, |&text| text.to_owned());
        Row { names, is_there: is_ours || cells[1] != "absent", is_enough, words }
    })
    .collect()
}

/// Both directions, and no name twice.
fn compare(headings: [&str; 2], known: &BTreeSet<String>) {
    let rows: Vec<Row> = headings.into_iter().flat_map(rows).collect();
    assert!(rows.len() > 20, "the page was not read");
    let mut told = BTreeSet::new();
    for name in rows.iter().flat_map(|row| &row.names) {
        assert!(told.insert(name.clone()), "{name} has two rows");
    }
    let missing: Vec<_> = known.iter().filter(|name| !told.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/pm2.md says nothing of {missing:?}");
    let of = |is_there| rows.iter().filter(move |row| row.is_there == is_there).flat_map(|row| &row.names);
    let is_known = |name: &&String| known.contains(*name);
    let made_up: Vec<_> = of(true).filter(|name| !is_known(name)).collect();
    assert!(made_up.is_empty(), "docs/pm2.md tells of {made_up:?}, which there isn't");
    let there: Vec<_> = of(false).filter(|name| known.contains(*name)).collect();
    assert!(there.is_empty(), "docs/pm2.md says that {there:?} is absent");
}

fn built() -> Command {
    let mut cli = Cli::command();
    cli.build();
    cli
}

#[test]
fn commands() {
    let cli = built();
    let shown = cli.get_subcommands().filter(|verb| !verb.is_hide_set());
    let names = shown.flat_map(|verb| std::iter::once(verb.get_name()).chain(verb.get_visible_aliases()));
    compare(["Commands", "Commands of ours alone"], &names.map(str::to_owned).collect());
}

/// Those that are hidden too, where they are PM2's: a command line has to work that has them.
#[test]
fn options() {
    let cli = built();
    let page: BTreeSet<String> =
        rows("Options").into_iter().filter(|row| row.is_there).flat_map(|row| row.names).collect();
    let verbs = cli.get_subcommands().filter(|verb| !verb.is_hide_set()).flat_map(Command::get_arguments);
    let mut known = BTreeSet::new();
    for arg in verbs.chain(cli.get_arguments()) {
        for long in arg.get_long_and_visible_aliases().unwrap_or_default() {
            let name = format!("--{long}");
            if !arg.is_hide_set() || page.contains(&name) {
                known.insert(name);
            }
        }
    }
    compare(["Options", "Options of ours alone"], &known);
}

#[test]
fn fields() {
    let known = known_fields().iter().flat_map(Field::names).map(str::to_owned).collect();
    compare(["Fields of an app", "Fields of ours alone"], &known);
}
