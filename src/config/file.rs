//! The ways in: a file, its text, a value of the JavaScript API, a target of the command line.

use super::assemble::assemble;
use super::complete::{Origin, complete};
use super::format::Format;
use super::places::Document;
use super::{
    AppOptions, Caller, ConfigError, FileOptions, Loaded, Problem, Report, javascript, json, place, script, toml, yaml,
};
use crate::domain::spec::Source;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Larger files are no application files.
const MAX_FILE: u64 = 1024 * 1024;

/// Deeper values are no application files, and would exhaust the stack of whoever reads them.
const MAX_DEPTH: usize = 64;

/// The apps of an application file.
pub fn load_file(path: &Path, caller: &Caller, options: &FileOptions) -> Result<Loaded, ConfigError> {
    inspect_file(path, caller, options).loaded().map_err(|error| error.in_file(path))
}

/// The apps of an application file, and all that is to be said about it.
pub fn inspect_file(path: &Path, caller: &Caller, options: &FileOptions) -> Report {
    let file = place::clean(&caller.cwd.join(path));
    let document = match parse_file(&file, caller) {
        Ok(document) => document,
        Err(problem) => return problem.into(),
    };
    let is_package = file.file_name().is_some_and(|name| name == "package.json");
    let beside = file.parent().unwrap_or(&caller.cwd).to_owned();
    let bases = if beside == caller.cwd { vec![beside] } else { vec![beside, caller.cwd.clone()] };
    let source = Source { file, profile: options.profile.clone() };
    let origin = Origin { caller, bases: &bases, source: Some(&source), profile: options.profile.as_deref() };
    assemble(document, is_package, options, origin)
}

/// The apps of a text, as it comes on standard input: JSON5, or a JavaScript expression.
pub fn load_text(text: &str, caller: &Caller, options: &FileOptions) -> Result<Loaded, ConfigError> {
    inspect_text(text, caller, options).loaded()
}

/// The apps of a text, and all that is to be said about it.
pub fn inspect_text(text: &str, caller: &Caller, options: &FileOptions) -> Report {
    match parse_json(text, &caller.cwd.join("stdin"), caller) {
        Ok(document) => inspect(document, caller, options),
        Err(problem) => problem.into(),
    }
}

/// The value of a text: JSON, JSON5, or a JavaScript expression. `file` is where it stands.
pub fn literal(text: &str, file: &Path, caller: &Caller) -> Result<Value, ConfigError> {
    Ok(parse_json(text, file, caller)?.value)
}

/// The apps of a value: one app, a list of apps, or `{apps: […]}`.
pub fn from_value(value: Value, caller: &Caller, options: &FileOptions) -> Result<Loaded, ConfigError> {
    inspect(value.into(), caller, options).loaded()
}

fn inspect(document: Document, caller: &Caller, options: &FileOptions) -> Report {
    let bases = [caller.cwd.clone()];
    let origin = Origin { caller, bases: &bases, source: None, profile: options.profile.as_deref() };
    assemble(document, false, options, origin)
}

/// The app of a target of `start` that is no application file: a script, a program in `PATH`, or a shell line.
pub fn from_target(target: &str, mut options: AppOptions, caller: &Caller) -> Result<Loaded, ConfigError> {
    options.script = Some(target.to_owned());
    let bases = [caller.cwd.clone()];
    let (app, warnings) = complete(&options, Origin { caller, bases: &bases, source: None, profile: None })?;
    Ok(Loaded { apps: vec![app], warnings })
}

fn parse_file(file: &Path, caller: &Caller) -> Result<Document, Problem> {
    let text = read(file)?;
    // A name that says nothing was called an application file by the user.
    match Format::of(file).unwrap_or(Format::Json) {
        Format::Json => parse_json(&text, file, caller),
        Format::JavaScript => javascript::module(file, caller).map(Document::from),
        Format::TypeScript => javascript::typescript(file, caller).map(Document::from),
        Format::Yaml => yaml::parse(&text, MAX_DEPTH),
        Format::Toml => limit_depth(&text).and_then(|()| toml::parse(text.trim_start_matches('\u{feff}'))),
    }
}

fn read(file: &Path) -> Result<String, Problem> {
    let mut text = String::new();
    let size = File::open(file)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text))
        .map_err(|source| unreadable(file, source))?;
    if size as u64 > MAX_FILE { Err(Problem::FileTooLarge { limit: MAX_FILE }) } else { Ok(text) }
}

fn unreadable(file: &Path, source: io::Error) -> Problem {
    if source.kind() == io::ErrorKind::NotFound {
        Problem::FileMissing { nearest: script::nearest_file(file) }
    } else {
        Problem::FileUnreadable { source }
    }
}

/// JSON5, else an expression. Of two failures node's is told where there is a node: it knows what the other takes for
/// a mistake and is not.
fn parse_json(text: &str, file: &Path, caller: &Caller) -> Result<Document, Problem> {
    limit_depth(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Problem::NoApps);
    }
    let value = json5::from_str(text).or_else(|error| match javascript::expression(text, file, caller) {
        Err(Problem::NodeMissing) => Err(json_problem(&error)),
        other => other,
    })?;
    Ok(Document { value, places: json::places(text) })
}

fn json_problem(error: &json5::Error) -> Problem {
    let position = error.position();
    Problem::Syntax {
        line: position.map(|position| position.line as u64 + 1),
        column: position.map(|position| position.column as u64 + 1),
        message: error.code().map_or_else(|| error.to_string(), |code| code.to_string()),
    }
}

/// The JSON5 parser has no limit of its own. Brackets in texts count as well: no real file comes near.
fn limit_depth(text: &str) -> Result<(), Problem> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Problem::TooDeep { limit: MAX_DEPTH });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
