//! What `script`, or the target of a start, means: a file, a program in `PATH`, or a shell line.

use super::{Caller, Problem, place, search, suggest};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Something to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Script {
    File(PathBuf),
    /// Found in `PATH`.
    Program(PathBuf),
    Line {
        shell: PathBuf,
        line: String,
    },
    /// Files, served by this program.
    Site {
        program: PathBuf,
    },
    /// `npm: run x`: a package runner, and what it is asked.
    Package {
        runner: PathBuf,
        words: Vec<String>,
    },
}

const RUNNERS: [&str; 5] = ["npm", "yarn", "pnpm", "npx", "bun"];

/// The runner and the words of `npm: run x`.
fn package_words(text: &str) -> Option<(&str, Vec<String>)> {
    let (runner, rest) = text.trim().split_once(':')?;
    let mut words = shell_words::split(rest).ok().filter(|words| !words.is_empty())?;
    let is_verb = matches!(words[0].as_str(), "run" | "run-script" | "start" | "test" | "stop" | "exec" | "x");
    if matches!(runner, "npm" | "bun") && !is_verb && !words[0].starts_with('-') {
        words.insert(0, "run".to_owned());
    }
    RUNNERS.contains(&runner).then_some((runner, words))
}

/// `text` as a file seen from `cwd`, if it is one.
pub(super) fn file(text: &str, cwd: &Path, caller: &Caller) -> Result<Option<Script>, Problem> {
    let path = place::absolute(text, cwd, caller);
    match fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(Some(Script::File(path))),
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => Err(Problem::Unreadable { path, source }),
        _ => Ok(None),
    }
}

/// `text` as something that is no file: a program, else a shell line where there is white space in it.
pub(super) fn no_file(text: &str, cwd: &Path, path: Option<&str>, caller: &Caller) -> Result<Script, Problem> {
    if let Some((runner, words)) = package_words(text) {
        let missing = || Problem::InterpreterMissing { interpreter: runner.to_owned() };
        return Ok(Script::Package { runner: search::find(runner, path, cwd).ok_or_else(missing)?, words });
    }
    if let Some(program) = search::find(text, path, cwd) {
        return Ok(Script::Program(program));
    }
    let as_file = place::absolute(text, cwd, caller);
    if as_file.is_dir() {
        return Err(Problem::ScriptIsDirectory { path: as_file });
    }
    if text.trim().contains(char::is_whitespace) {
        let shell = ["bash", "sh"].into_iter().find_map(|shell| search::find(shell, path, cwd));
        let line = text.to_owned();
        return match shell {
            Some(shell) => Ok(Script::Line { shell, line }),
            None => Err(Problem::NoShell { line }),
        };
    }
    Err(missing(as_file))
}

pub(super) fn missing(path: PathBuf) -> Problem {
    let nearest = nearest_file(&path);
    Problem::ScriptMissing { path, nearest }
}

/// The file beside `path` whose name is nearest to it.
pub(super) fn nearest_file(path: &Path) -> Option<String> {
    const LOOKED_AT: usize = 500;
    let names: Vec<_> = fs::read_dir(path.parent()?)
        .ok()?
        .take(LOOKED_AT)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    suggest::nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str)).map(str::to_owned)
}

/// The name of an app that is given none: its script's file name, or the last path component of its line, without
/// the last extension.
pub(super) fn default_name(script: &str) -> String {
    if let Some((runner, words)) = package_words(script) {
        return format!("{runner} {}", words.join(" ")).replace('/', "-");
    }
    Path::new(script).file_stem().map_or_else(|| script.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// What the start of a file says about who can run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text,
    /// Text that begins with `#!`; whether the line names plain node.
    Shebang {
        node: bool,
    },
    Binary,
}

pub(super) fn sniff(path: &Path) -> Result<Content, Problem> {
    let unreadable = |source| Problem::Unreadable { path: path.to_owned(), source };
    let mut start = Vec::with_capacity(512);
    File::open(path).and_then(|file| file.take(512).read_to_end(&mut start)).map_err(unreadable)?;
    Ok(content(&start))
}

fn content(start: &[u8]) -> Content {
    // Control characters that no text has: escape sequences, tabs, line and page ends are below or above.
    if start.iter().any(|byte| matches!(byte, 0..=7 | 14..=26)) {
        return Content::Binary;
    }
    let Some(line) = start.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next()) else {
        return Content::Text;
    };
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word)).peekable();
    if words.peek() == Some(&"env") {
        words.next();
    }
    Content::Shebang { node: matches!(words.next(), Some("node" | "nodejs")) && words.next().is_none() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_default() {
        for (script, name) in [
            ("app.js", "app"),
            ("./dist/server.min.js", "server.min"),
            ("node", "node"),
            (".hidden", ".hidden"),
            ("echo  hi.x/foo bar", "foo bar"),
            ("cc a.c; ./a.out", "a"),
            ("node server.js --port 80", "node server"),
            ("npm: run dev", "npm run dev"),
            ("npm: dev", "npm run dev"),
            ("yarn: dev", "yarn dev"),
        ] {
            assert_eq!(default_name(script), name, "{script}");
        }
    }

    #[test]
    fn content_is_told_by_its_start() {
        for (start, expected) in [
            (&b""[..], Content::Text),
            (b"console.log('h\xc3\xa9')\n\t", Content::Text),
            (b"\x7fELF\x02\x01\x01\0", Content::Binary),
            (b"#!/bin/sh\necho", Content::Shebang { node: false }),
            (b"#!/usr/bin/env node\n", Content::Shebang { node: true }),
            (b"#! /usr/local/bin/node", Content::Shebang { node: true }),
            (b"#!/usr/bin/env -S node --flag\n", Content::Shebang { node: false }),
            (b"#!/usr/bin/node --flag\n", Content::Shebang { node: false }),
            (b"#!", Content::Shebang { node: false }),
        ] {
            assert_eq!(content(start), expected, "{start:?}");
        }
    }
}
