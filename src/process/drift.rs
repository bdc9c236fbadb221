//! What a process runs, and whether a start now would find the same: from the kernel, so that it is true whichever
//! daemon has started it.

use super::account::account;
use super::command::home;
use crate::domain::AppSpec;
use crate::domain::spec::Interpreter;
use crate::interpreter::{self, Place, Version};
use crate::sys::proc;
use std::path::{Path, PathBuf};

/// The program of a living process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsOn {
    pub program: PathBuf,
    /// Of a Node.
    pub version: Option<String>,
    /// Why a restart would change that, or should.
    pub drift: Vec<String>,
}

/// `None` where the system doesn't tell. It looks at many files, and may have to ask a program: not for the loop.
pub fn runs_on(spec: &AppSpec, pid: i32) -> Option<RunsOn> {
    let told = proc::program(pid)?;
    let text = told.to_string_lossy();
    let (program, is_gone) = match text.strip_suffix(" (deleted)") {
        Some(path) => (PathBuf::from(path), true),
        None => (told.clone(), false),
    };
    let ids = account(spec).ok()?;
    let is_node = program.file_name().is_some_and(|name| name == "node" || name == "nodejs");
    // What is gone cannot be asked, and what has taken its place is another one.
    let version = match (is_node, is_gone) {
        (true, false) => interpreter::version_of(&program, ids.as_ref()),
        (true, true) => interpreter::version_in_path(&program),
        (false, _) => None,
    };
    let mut drift = Vec::new();
    if is_gone {
        let what = version.map_or_else(|| "its program".to_owned(), |version| version.to_string());
        drift.push(format!("it runs {what} from a path that is gone: {}", program.display()));
    }
    if is_node && let Interpreter::Named(name) = &spec.program.interpreter {
        let env = spec.env.merged();
        let home = home(&env, ids.as_ref());
        let (script, cwd, home) = (&spec.program.path, &spec.cwd, home.as_deref());
        let place = Place { script, cwd, env: &env, home, ids: ids.as_ref(), asks: true };
        drift.extend(of_node(name, &place, &program, version));
    }
    Some(RunsOn { program, version: version.map(|version| version.to_string()), drift })
}

/// The version of the Node that a process runs, as PM2 writes it (`20.11.0`); `Some(None)` for something else. `None` where
/// only [`runs_on`] can find it out: this executes nothing.
pub fn known_node_version(pid: i32) -> Option<Option<String>> {
    let program = proc::program(pid)?;
    if program.file_name().is_none_or(|name| name != "node" && name != "nodejs") {
        return Some(None);
    }
    let version = interpreter::known_version_of(&program)?;
    Some(version.map(|version| version.to_string().trim_start_matches('v').to_owned()))
}

fn of_node(name: &str, place: &Place<'_>, runs: &Path, version: Option<Version>) -> Option<String> {
    let name = if name == "tsx" { "node" } else { name };
    let word = name.split('@').next().unwrap_or(name);
    if !matches!(word, "node" | "nodejs") {
        return None;
    }
    let chosen = match interpreter::node(name, place) {
        Ok(chosen) => chosen,
        Err(missing) => return Some(format!("a restart would fail: {missing}; {}", missing.hint())),
    };
    let now = std::fs::canonicalize(&chosen.program).unwrap_or_else(|_| chosen.program.clone());
    if now == runs {
        return chosen.note;
    }
    let own = chosen.version.or_else(|| interpreter::version_of(&chosen.program, place.ids));
    if own.is_some() && own == version {
        return chosen.note;
    }
    let called = |version: Option<Version>, path: &Path| {
        version.map_or_else(|| path.display().to_string(), |version| version.to_string())
    };
    let (before, after) = (called(version, runs), called(own, &chosen.program));
    let why = interpreter::wish(name, place).map(|wish| format!(" ({wish} asks for {})", wish.text));
    Some(format!("it runs {before}, a restart would run {after}{}", why.unwrap_or_default()))
}
