//! Holds what `docs/pm2.md` says of files, variables, messages and the bus against the sources: what is in the home, what
//! is read, what has a meaning.

use super::pm2_page::{Row, rows};
use crate::paths::Home;
use regex_lite::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Topics of apps that are handed on as any other, so that no source knows them.
const HANDED_ON: [&str; 2] = ["process:exception", "human:event"];

/// What is written in the sources between quotation marks, without tests, a set for each file.
fn literals() -> Vec<BTreeSet<String>> {
    let literal = Regex::new(r#""([A-Za-z0-9_:]+)""#).unwrap();
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !name.ends_with("tests.rs")
                && !name.starts_with("pm2_page")
            {
                let text = fs::read_to_string(&path).unwrap();
                let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                found.push(literal.captures_iter(program).map(|found| found[1].to_owned()).collect());
            }
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

fn all() -> BTreeSet<String> {
    literals().into_iter().flatten().collect()
}

/// Each name of these rows for which `is_known` says something else than its verdict.
fn wrong(rows: &[Row], is_known: impl Fn(&Row, &str) -> bool) -> Vec<&str> {
    let names = rows.iter().flat_map(|row| row.names.iter().map(move |name| (row, name.as_str())));
    names.filter(|(row, name)| is_known(row, name) != row.is_there).map(|(_, name)| name).collect()
}

/// `PM2_*_PATH` is any name of that form.
fn fits(pattern: &str, name: &str) -> bool {
    Regex::new(&format!("^{}$", pattern.replace('.', r"\.").replace('*', ".*"))).unwrap().is_match(name)
}

#[test]
fn files() {
    let home = Home::new("/h");
    let ours = [
        home.socket(),
        home.pid_file(),
        home.daemon_log(),
        home.state(),
        home.dump(),
        home.dump_backup(),
        home.reload_lock(),
        home.settings(),
        home.logs(),
        home.pids(),
        home.run(),
    ];
    let ours: BTreeSet<&str> = ours.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let rows = rows("Files in the home");
    assert!(rows.len() > 5, "the page was not read");
    let is_known = |row: &Row, name: &str| {
        // The one of ours that stands for it.
        let is_replaced = || row.words.split('`').skip(1).step_by(2).any(|other| ours.contains(other));
        ours.iter().any(|file| fits(name.trim_end_matches('/'), file)) || !row.is_enough && is_replaced()
    };
    let wrong = wrong(&rows, is_known);
    assert!(wrong.is_empty(), "docs/pm2.md is wrong about {wrong:?}");
}

/// Read as `RPM_X`, else `PM2_X`: by `X` alone, or by both names beside each other.
fn is_read(files: &[BTreeSet<String>], name: &str) -> bool {
    let Some(short) = name.strip_prefix("PM2_") else { return files.iter().any(|file| file.contains(name)) };
    let short = short.trim_end_matches('*');
    let is_short = |file: &BTreeSet<String>| short.ends_with('_') || file.contains(short);
    let both = [format!("RPM_{short}"), format!("PM2_{short}")];
    files.iter().any(|file| both.iter().all(|name| file.contains(name)))
        || !short.contains('*') && !short.ends_with('_') && files.iter().any(is_short)
}

#[test]
fn variables() {
    let files = literals();
    let rows = rows("Variables");
    assert!(rows.len() > 10, "the page was not read");
    let wrong = wrong(&rows, |_, name| is_read(&files, name));
    assert!(wrong.is_empty(), "docs/pm2.md is wrong about {wrong:?}");
    // The other way round: what sets a field, or how a command goes about its work.
    let settings = include_str!("../config/settings.rs").split("#[cfg(test)]").next().unwrap();
    let args = include_str!("args/parse.rs");
    let restart = include_str!("commands/restart.rs");
    let name = Regex::new(r#"(?:\("|&str = "|is_set\("|caller, ")([A-Z][A-Z_]+[A-Z])""#).unwrap();
    let told: BTreeSet<&str> = rows.iter().flat_map(|row| &row.names).map(String::as_str).collect();
    let read: Vec<String> = [settings, args, restart]
        .iter()
        .flat_map(|text| name.captures_iter(text))
        .map(|found| format!("PM2_{}", &found[1]))
        .collect();
    assert!(read.len() > 8, "the settings were not found: {read:?}");
    let missing: Vec<_> = read.iter().filter(|name| !told.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "docs/pm2.md says nothing of {missing:?}");
}

#[test]
fn messages_and_the_bus() {
    let known = all();
    let topic = Regex::new("^(axm|human|log|pm2|process):[A-Za-z:]+$").unwrap();
    let rows: Vec<Row> = ["Messages between apps and the daemon", "The bus"].into_iter().flat_map(rows).collect();
    assert!(rows.len() > 10, "the page was not read");
    let is_known = |row: &Row, name: &str| {
        let named = name.trim_start_matches("{type: ").trim_matches(['\'', '}']);
        if topic.is_match(named) {
            known.contains(named) || HANDED_ON.contains(&named)
        } else if named.chars().all(char::is_alphabetic) {
            known.contains(named)
        } else {
            // In words.
            row.is_there
        }
    };
    let wrong = wrong(&rows, is_known);
    assert!(wrong.is_empty(), "docs/pm2.md is wrong about {wrong:?}");
    let told = rows.iter().flat_map(|row| &row.names).cloned().collect::<Vec<_>>().join("\n");
    let missing: Vec<_> = known.iter().filter(|name| topic.is_match(name) && !told.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "docs/pm2.md says nothing of {missing:?}");
}
