//! The moment of execution: a plan for the kernel out of what was put together, and what its refusals mean.

use super::command::CommandLine;
use super::confine::Confined;
use super::context::Context;
use super::launch::LaunchError;
use super::own_limits;
use super::wires::Wires;
use crate::domain::{AppSpec, SpawnId};
use crate::sys::spawn::{Parent, Program, SpawnError, SpawnPlan, Spawned, Stage, c_string, spawn};
use crate::sys::user::Ids;
use std::io;

pub(super) fn execute(
    spec: &AppSpec,
    line: &CommandLine,
    id: SpawnId,
    ids: Option<&Ids>,
    (wires, confined): (&Wires, &mut Confined),
    context: &Context,
) -> Result<Spawned, LaunchError> {
    let words = |words: &mut dyn Iterator<Item = String>| words.map(c_string).collect::<io::Result<Vec<_>>>();
    let CommandLine { program, argv, env, cwd } = line;
    let plan = || -> io::Result<SpawnPlan<'_>> {
        let argv = words(&mut argv.iter().cloned())?;
        let env = words(&mut env.iter().map(|(name, value)| format!("{name}={value}")))?;
        Ok(SpawnPlan {
            fds: wires.places(),
            ids: ids.cloned(),
            parent: if context.guardian.is_some() { Parent::Guardian } else { Parent::Us },
            birth: context.guardian.as_ref().map(|guardian| guardian.birth(id.0)),
            parent_death_signal: context.parent_death_signal,
            open_files: Some(context.open_files),
            ..SpawnPlan::new(Program::Path(c_string(program)?), argv, env, c_string(cwd)?)
        })
    };
    let attempt = |confined: &Confined| {
        let mut plan = plan().map_err(|error| LaunchError::of("it cannot be started", &error))?;
        confined.plan(&mut plan);
        own_limits::plan(&spec.limits, &mut plan);
        Ok(spawn(&plan))
    };
    let mut spawned = attempt(confined)?;
    if let Err(error) = &spawned
        && error.stage == Stage::Cgroup
    {
        confined.give_up(&spec.limits, &error.source);
        spawned = attempt(confined)?;
    }
    spawned.map_err(|error| not_executed(spec, line, &error))
}

fn not_executed(spec: &AppSpec, line: &CommandLine, error: &SpawnError) -> LaunchError {
    let what = match error.stage {
        Stage::Cwd => format!("its working directory {} cannot be entered", line.cwd.display()),
        Stage::Exec => format!("{} cannot be executed", line.program.display()),
        Stage::Clone => "the system has no room for another process".to_owned(),
        stage => stage.what().to_owned(),
    };
    own_limits::refused(&spec.limits, error).unwrap_or_else(|| LaunchError::of(&what, &error.source))
}
