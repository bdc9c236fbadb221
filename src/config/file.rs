//! The ways in: a file, its text, a value of the JavaScript API, a target of the command line.

use super::assemble::assemble;
use super::complete::{Origin, complete};
use super::{AppOptions, Caller, ConfigError, FileOptions, Loaded, Problem, javascript, place, script};
use crate::domain::spec::Source;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Larger files are no application files.
const MAX_FILE: u64 = 1024 * 1024;

/// Deeper values are no application files, and would exhaust the stack of whoever reads them.
const MAX_DEPTH: usize = 64;

/// Whether a target of the command line is an application file, by its name. PM2's rule, the name contains a known
/// extension, but of the last path component, and not for a shell line that merely mentions such a file.
pub fn is_application_file(name: &str) -> bool {
    const EXTENSIONS: [&str; 6] = [".json", ".yml", ".yaml", ".config.js", ".config.cjs", ".config.mjs"];
    let file_name = Path::new(name).file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let is_line = name.contains(char::is_whitespace) && !Path::new(name).is_file();
    !is_line && EXTENSIONS.iter().any(|extension| file_name.contains(extension))
}

/// The apps of an application file.
pub fn load_file(path: &Path, caller: &Caller, options: &FileOptions) -> Result<Loaded, ConfigError> {
    let file = place::clean(&caller.cwd.join(path));
    let at = |problem: Problem| ConfigError::from(problem).in_file(path);
    let document = parse_file(&file, caller).map_err(at)?;
    let is_package = file.file_name().is_some_and(|name| name == "package.json");
    let beside = file.parent().unwrap_or(&caller.cwd).to_owned();
    let bases = if beside == caller.cwd { vec![beside] } else { vec![beside, caller.cwd.clone()] };
    let source = Source { file, profile: options.profile.clone() };
    let origin = Origin { caller, bases: &bases, source: Some(&source), profile: options.profile.as_deref() };
    assemble(document, is_package, options, origin).map_err(|error| error.in_file(path))
}

/// The apps of a text, as it comes on standard input: JSON5, or a JavaScript expression.
pub fn load_text(text: &str, caller: &Caller, options: &FileOptions) -> Result<Loaded, ConfigError> {
    let document = parse_json(text, &caller.cwd.join("stdin"), caller)?;
    from_value(document, caller, options)
}

/// The apps of a value: one app, a list of apps, or `{apps: […]}`.
pub fn from_value(value: Value, caller: &Caller, options: &FileOptions) -> Result<Loaded, ConfigError> {
    let bases = [caller.cwd.clone()];
    assemble(value, false, options, Origin { caller, bases: &bases, source: None, profile: options.profile.as_deref() })
}

/// The app of a target of `start` that is no application file: a script, a program in `PATH`, or a shell line.
pub fn from_target(target: &str, mut options: AppOptions, caller: &Caller) -> Result<Loaded, ConfigError> {
    options.script = Some(target.to_owned());
    let bases = [caller.cwd.clone()];
    let (app, warnings) = complete(&options, Origin { caller, bases: &bases, source: None, profile: None })?;
    Ok(Loaded { apps: vec![app], warnings })
}

fn parse_file(file: &Path, caller: &Caller) -> Result<Value, Problem> {
    let text = read(file)?;
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    // `.json` first: `x.config.json` holds `.config.js` too.
    if name.contains(".json") {
        parse_json(&text, file, caller)
    } else if [".config.js", ".config.cjs", ".config.mjs"].iter().any(|extension| name.contains(extension)) {
        javascript::module(file, caller)
    } else if name.contains(".yml") || name.contains(".yaml") {
        parse_yaml(&text)
    } else {
        parse_json(&text, file, caller)
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
fn parse_json(text: &str, file: &Path, caller: &Caller) -> Result<Value, Problem> {
    limit_depth(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    json5::from_str(text).or_else(|error| match javascript::expression(text, file, caller) {
        Err(Problem::NodeMissing) => Err(json_problem(&error)),
        other => other,
    })
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

fn parse_yaml(text: &str) -> Result<Value, Problem> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: 50_000, max_documents: 1 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 50_000 },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Problem::Syntax {
        line: error.location().map(|location| location.line()),
        column: error.location().map(|location| location.column()),
        message: yaml_message(&error),
    })
}

/// The library's words for people, without the place that we tell before them.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    let message = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
    match message.split_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
