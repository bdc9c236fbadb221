//! Who runs a script. Checked now, so that a missing interpreter is an error of the command and not of the app;
//! kept by name, so that each start takes the one that is installed then.

use super::command::{self, Command};
use super::script::{self, Content, Script};
use super::{AppOptions, Caller, Problem, place, search};
use crate::domain::spec::{Interpreter, Program};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where an app looks for programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub caller: &'a Caller,
    pub path: Option<&'a str>,
    pub cwd: &'a Path,
}

impl Surroundings<'_> {
    fn has(&self, program: &str) -> bool {
        search::find(program, self.path, self.cwd).is_some()
    }

    /// The first of `names` that is installed.
    fn first(&self, names: &[&str]) -> Result<Interpreter, Problem> {
        match names.iter().find(|name| self.has(name)) {
            Some(name) => Ok(Interpreter::Named((*name).to_owned())),
            None => Err(Problem::InterpreterMissing { interpreter: names.join("\" or \"") }),
        }
    }
}

/// The program of an app.
pub(super) fn program(script: &Script, options: &AppOptions, around: Surroundings<'_>) -> Result<Program, Problem> {
    let mut interpreter_args = options.interpreter_args.clone().unwrap_or_default();
    let (path, interpreter) = match (script, options.interpreter.as_deref()) {
        (Script::Line { shell, .. }, _) => (shell, Interpreter::None),
        (Script::File(path) | Script::Program(path), Some(named)) => (path, chosen(named, path, around)?),
        (Script::File(path), None) => (path, by_file(path, &mut interpreter_args, around)?),
        (Script::Program(path), None) => (path, by_content(path, around)?),
    };
    Ok(Program { path: path.clone(), interpreter, interpreter_args })
}

fn chosen(named: &str, script: &Path, around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    if named == "none" {
        return direct(script);
    }
    if let Some(version) = named.strip_prefix("node@") {
        return node_version(version, around.caller);
    }
    if !named.contains('/') {
        return around.first(&[named]);
    }
    let path = place::absolute(named, around.cwd, around.caller);
    absolute(&path).ok_or(Problem::InterpreterUnusable { path })
}

fn direct(script: &Path) -> Result<Interpreter, Problem> {
    if search::is_program(script) {
        Ok(Interpreter::None)
    } else {
        Err(Problem::NotExecutable { path: script.to_owned() })
    }
}

fn absolute(program: &Path) -> Option<Interpreter> {
    search::is_program(program).then(|| Interpreter::Named(program.to_string_lossy().into_owned()))
}

/// A Node that nvm installed. Unlike PM2 we never install one: a start does not download.
fn node_version(version: &str, caller: &Caller) -> Result<Interpreter, Problem> {
    let version = version.trim_start_matches('v');
    let nvm = caller.env.get("NVM_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let nvm = nvm.or_else(|| Some(caller.home()?.join(".nvm"))).unwrap_or_default();
    let path = nvm.join(format!("versions/node/v{version}/bin/node"));
    absolute(&path).ok_or_else(|| Problem::NodeVersionMissing { version: version.to_owned(), path })
}

fn by_file(path: &Path, args: &mut Vec<String>, around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("js" | "cjs" | "mjs") => around.first(&["node"]),
        Some("sh") => around.first(&["bash", "sh"]),
        Some("py") => around.first(&["python", "python3"]),
        Some("rb") => around.first(&["ruby"]),
        Some("php") => around.first(&["php"]),
        Some("pl") => around.first(&["perl"]),
        Some("ts" | "tsx") => typescript(path, args, around),
        _ => by_content(path, around),
    }
}

/// Nothing in the name says who runs it. A shim with `#!` runs as it says: pnpm's are shell scripts without extension.
fn by_content(path: &Path, around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    match script::sniff(path) {
        Ok(Content::Text | Content::Shebang { node: true }) => around.first(&["node"]),
        Ok(Content::Binary | Content::Shebang { node: false }) => direct(path),
        // A program that may be run but not read.
        Err(unreadable) => direct(path).map_err(|_| unreadable),
    }
}

fn typescript(path: &Path, args: &mut Vec<String>, around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    if around.has("bun") {
        return around.first(&["bun"]);
    }
    let version = installed_node(around);
    let strips = version.as_deref().map_or(TypeStripping::No, type_stripping);
    if path.extension().is_some_and(|extension| extension == "tsx") || strips == TypeStripping::No {
        return Err(Problem::NoTypeScript { path: path.to_owned(), node: version });
    }
    if strips == TypeStripping::WithFlag {
        args.insert(0, "--experimental-strip-types".to_owned());
    }
    around.first(&["node"])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeStripping {
    No,
    WithFlag,
    ByDefault,
}

pub(super) fn type_stripping(version: &str) -> TypeStripping {
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    match (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) {
        (22, 6..=17) | (23, 0..=5) => TypeStripping::WithFlag,
        (22, 18..) | (23.., _) => TypeStripping::ByDefault,
        _ => TypeStripping::No,
    }
}

/// The version of the node that a caller runs.
pub(super) fn node_version_of(caller: &Caller) -> Option<String> {
    let path = caller.env.get("PATH").map(String::as_str);
    installed_node(Surroundings { caller, path, cwd: &caller.cwd })
}

/// What `node --version` says in the app's `PATH`.
fn installed_node(around: Surroundings<'_>) -> Option<String> {
    let program = search::find("node", around.path, around.cwd)?;
    let env: BTreeMap<_, _> = around.caller.env.iter().filter(|(name, _)| *name != "NODE_OPTIONS").collect();
    let command = Command { program: &program, args: &["--version"], env, cwd: around.cwd, stdin: None };
    let finished = command::run(command, Duration::from_secs(10), None).ok()?;
    String::from_utf8(finished.output).ok().map(|version| version.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_node_strips_types() {
        for (version, expected) in [
            ("v20.20.2", TypeStripping::No),
            ("v22.5.1", TypeStripping::No),
            ("v22.6.0", TypeStripping::WithFlag),
            ("v22.17.9", TypeStripping::WithFlag),
            ("v22.18.0", TypeStripping::ByDefault),
            ("v23.5.0", TypeStripping::WithFlag),
            ("v23.6.0", TypeStripping::ByDefault),
            ("v24.0.0-nightly", TypeStripping::ByDefault),
            ("", TypeStripping::No),
        ] {
            assert_eq!(type_stripping(version), expected, "{version}");
        }
    }
}
