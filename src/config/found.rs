//! An app that another manager has run: where everything is has been decided already, and is kept.

use super::complete::{self, Located, Origin};
use super::script::Script;
use super::{Caller, apply, assemble, settings};
use crate::domain::AppSpec;
use crate::domain::spec::{Environment, Interpreter, Mode, Program};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// What is known of it.
#[derive(Debug)]
pub struct Found<'a> {
    /// What else is wanted of it, by fields of application files.
    pub fields: &'a Map<String, Value>,
    /// Absolute, as the directory is.
    pub script: PathBuf,
    pub interpreter: Interpreter,
    pub cwd: PathBuf,
    pub mode: Mode,
    pub env: Environment,
}

/// The app, and what of its fields could not be taken, in words. Nothing of it is looked up: what is missing now may be
/// there when it is started.
pub fn found(found: Found<'_>, caller: &Caller) -> (AppSpec, Vec<String>) {
    let Found { fields, script, interpreter, cwd, mode, mut env } = found;
    let (written, leftover) = apply::read(fields);
    let mut notes: Vec<String> = assemble::told(&leftover).into_iter().map(|(_, message)| message).collect();
    notes.extend(leftover.wrong.iter().map(|(_, problem)| format!("{problem}; it was left out")));
    let mut options = settings::defaults(caller).unwrap_or_default();
    options.overlay(written);
    if let Err(problem) = complete::check_pattern(&options) {
        notes.push(format!("{problem}; it was left out"));
        options.cron_restart = None;
    }
    let interpreter_args = options.interpreter_args.clone().unwrap_or_default();
    let mut program = Program { path: script.clone(), interpreter, interpreter_args };
    settings::add_source_maps(&mut program, &options);
    complete::unbuffer_python(&program, &mut env);
    let bases = [cwd.clone()];
    let origin = Origin { caller, bases: &bases, source: None, profile: None };
    let located = Located { cwd, script: Script::File(script), fallback: false };
    (complete::spec(options, origin, located, program, env, mode), notes)
}
