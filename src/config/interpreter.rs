//! Who runs a script. Checked now, so that a missing interpreter is an error of the command and not of the app;
//! kept by name, so that each start takes the one that is installed then.

use super::script::{self, Content, Script};
use super::{AppOptions, Caller, ConfigError, Problem, place, search};
use crate::domain::AppSpec;
use crate::domain::spec::{Interpreter, Program};
use crate::interpreter::{self, Answer, Missing, Place, Shim, Version};
use std::collections::BTreeMap;
use std::path::Path;

/// Where an app looks for programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub caller: &'a Caller,
    pub path: Option<&'a str>,
    pub cwd: &'a Path,
    /// All that the app gets.
    pub env: &'a BTreeMap<String, String>,
    /// It runs as another user, whose programs only the daemon can look for.
    pub is_another_user: bool,
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

    /// Looks for the Node that a start would find, and keeps the word: each start looks again.
    fn node(&self, name: &str, script: &Path) -> Result<Interpreter, Problem> {
        if !self.is_another_user {
            let home = self.caller.home();
            let place = Place { script, cwd: self.cwd, env: self.env, home: home.as_deref(), ids: None, asks: true };
            interpreter::node(name, &place).map_err(|missing| match missing {
                Missing::NotInPath { name } => Problem::InterpreterMissing { interpreter: name },
                other => Problem::Node(Box::new(other)),
            })?;
        }
        Ok(Interpreter::Named(name.to_owned()))
    }
}

/// The program of an app.
pub(super) fn program(script: &Script, options: &AppOptions, around: Surroundings<'_>) -> Result<Program, Problem> {
    let interpreter_args = options.interpreter_args.clone().unwrap_or_default();
    let (path, interpreter) = match (script, options.interpreter.as_deref()) {
        (Script::Line { shell, .. }, _) => (shell, Interpreter::None),
        (Script::Site { program }, _) => (program, Interpreter::None),
        (Script::Package { runner, .. }, _) => (runner, by_content(runner, around)?),
        (Script::File(path) | Script::Program(path), Some(named)) => (path, chosen(named, path, around)?),
        (Script::File(path), None) => (path, by_file(path, &interpreter_args, around)?),
        (Script::Program(path), None) => (path, by_content(path, around)?),
    };
    Ok(Program { path: path.clone(), interpreter, interpreter_args })
}

/// The interpreter of that name for an app that is known.
pub fn named(name: &str, app: &AppSpec, caller: &Caller) -> Result<Interpreter, ConfigError> {
    let env = app.env.merged();
    let path = env.get("PATH").map(String::as_str);
    let around = Surroundings { caller, path, cwd: &app.cwd, env: &env, is_another_user: app.uid.is_some() };
    Ok(chosen(name, &app.program.path, around)?)
}

fn chosen(named: &str, script: &Path, around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    if named == "none" {
        return direct(script);
    }
    match named {
        "node" | "nodejs" => return around.node(named, script),
        "tsx" => return around.node("node", script).map(|_| Interpreter::Named("tsx".to_owned())),
        _ if named.starts_with("node@") => return around.node(named, script),
        _ if named.contains('/') => {}
        _ => return around.first(&[named]).or_else(|missing| local(named, script, around).ok_or(missing)),
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

/// A program of the project's dependencies: `ts-node`, `bun`.
fn local(name: &str, script: &Path, around: Surroundings<'_>) -> Option<Interpreter> {
    let place = Place { script, cwd: around.cwd, env: around.env, home: None, ids: None, asks: true };
    interpreter::local(name, &place).map(|_| Interpreter::Named(name.to_owned()))
}

fn by_file(path: &Path, args: &[String], around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("js" | "cjs" | "mjs") => around.node("node", path),
        Some("sh") => around.first(&["bash", "sh"]),
        Some("py") => python(path, around),
        Some("rb") => around.first(&["ruby"]),
        Some("php") => around.first(&["php"]),
        Some("pl") => around.first(&["perl"]),
        _ if interpreter::is_typescript(path) => typescript(path, args, around),
        _ => by_content(path, around),
    }
}

/// Nothing in the name says who runs it. A shim with `#!` runs as it says; of pnpm's shell scripts, which execute Node,
/// each start takes what they execute.
fn by_content(path: &Path, around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    match script::sniff(path) {
        Ok(Content::Text | Content::Shebang { node: true }) => around.node("node", path),
        Ok(Content::Shebang { .. }) if matches!(interpreter::shim(path), Some(Shim::Node { .. })) => {
            around.node("node", path)
        }
        Ok(Content::Binary | Content::Shebang { node: false }) => direct(path),
        // A program that may be run but not read.
        Err(unreadable) => direct(path).map_err(|_| unreadable),
    }
}

/// The project's own, unless one is activated: that is in `PATH`.
fn python(script: &Path, around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    let beside = [script.parent(), Some(around.cwd)].into_iter().flatten();
    let own = beside.flat_map(|directory| [".venv", "venv"].map(|name| directory.join(name).join("bin/python")));
    match own.into_iter().find_map(|program| absolute(&program)) {
        Some(own) if !around.env.contains_key("VIRTUAL_ENV") => Ok(own),
        _ => around.first(&["python", "python3"]),
    }
}

/// The version of the node that a caller runs.
pub(super) fn node_version_of(caller: &Caller) -> Option<Version> {
    let path = caller.env.get("PATH").map(String::as_str);
    interpreter::version_of(&search::find("node", path, &caller.cwd)?, None)
}

/// Node by itself or with the project's `tsx`, else `bun`.
fn typescript(path: &Path, args: &[String], around: Surroundings<'_>) -> Result<Interpreter, Problem> {
    let home = around.caller.home();
    let place = Place { script: path, cwd: around.cwd, env: around.env, home: home.as_deref(), ids: None, asks: true };
    let node = interpreter::node("node", &place);
    let mut version = None;
    if let Ok(chosen) = &node {
        version = chosen.version.or_else(|| interpreter::version_of(&chosen.program, None));
        if interpreter::typescript(path, version, args, &place) != Answer::No {
            return Ok(Interpreter::Named("node".to_owned()));
        }
    }
    let bun = around.first(&["bun"]).ok().or_else(|| local("bun", path, around));
    let node = version.map(|version| version.to_string());
    bun.ok_or_else(|| Problem::NoTypeScript { path: path.to_owned(), node })
}
