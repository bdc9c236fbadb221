//! `migrate`: the apps of a PM2 become ours. All of them, or none: what doesn't stay up here sends all of them back.

use super::takeover;
use crate::api::{Process, SavedApp};
use crate::cli::args::MigrateArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::migration;
use crate::cli::session::Session;
use crate::config::Caller;
use crate::domain::Selector;
use crate::domain::spec::Mode;
use crate::dump::{self, Migration, Pm2, Pm2Error, Running, Taken};
use crate::paths::Home;
use serde::Serialize;
use std::path::PathBuf;

/// What is done with the processes of one name.
#[derive(Debug, Clone, Serialize)]
pub(in crate::cli) struct Step {
    pub(in crate::cli) app: String,
    pub(in crate::cli) action: Action,
    /// `fork` or `cluster`.
    pub(in crate::cli) mode: Option<&'static str>,
    pub(in crate::cli) processes: usize,
    /// Whether it runs under PM2.
    pub(in crate::cli) runs: bool,
    /// PM2's ids.
    pub(in crate::cli) ids: Vec<u32>,
    /// What could not be taken, and what to know.
    pub(in crate::cli) notes: Vec<String>,
    /// Milliseconds between the end of its last process there and its start here.
    pub(in crate::cli) gap: Option<i64>,
    /// Those of the ids that run.
    #[serde(skip)]
    pub(in crate::cli) running: Vec<u32>,
    #[serde(skip)]
    pub(in crate::cli) apps: Vec<SavedApp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Action {
    Take,
    /// Its name is on our list.
    AlreadyHere,
    /// Nothing of it can be taken.
    Leave,
}

/// The whole of it, for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    pm2: PathBuf,
    running: bool,
    /// Where the list is from: `jlist`, or a file.
    list: &'a str,
    plan: &'a [Step],
    applied: bool,
    processes: &'a [Process],
}

pub(super) async fn run(session: &mut Session<'_>, args: MigrateArgs) -> Result<Exit, Failure> {
    let caller = session.caller()?;
    let home = Home::from_env().map_err(|error| Failure::new(error.to_string()))?;
    let from = args.from.clone().or_else(|| Some(caller.home()?.join(".pm2")));
    let from = from.ok_or_else(|| Failure::new("no home directory is known: name PM2's with --from"))?;
    let pm2 = Pm2::find(&from, args.pm2.clone(), caller.clone()).map_err(|error| failure(&error))?;
    let (mut running, list) = read(&pm2, &args, &caller)?;
    if let Some(begun) = pm2.pid().and_then(|pid| Migration::begun(&home, pm2.home(), pid)) {
        session.screen.note("a takeover was cut off; what ran before it is taken for running");
        resume(&mut running, &begun);
    }
    let known = session.list(Selector::all()).await?;
    let taken = dump::apps(&running.elements, pm2.home(), &caller);
    let mut plan: Vec<Step> = taken.into_iter().map(|app| step(app, &known)).collect();
    let title = format!("from {} ({list})\n", pm2.home().display());
    session.screen.say(&(title + &migration::text(&plan)))?;
    let mut processes = Vec::new();
    let to_take = plan.iter().any(|step| step.action == Action::Take);
    if args.dry_run {
        session.screen.hint("nothing was done; to do it: rpm migrate");
    } else if to_take {
        processes = takeover::carry_out(session, &home, &pm2, &running, &mut plan, args.keep).await?;
    } else {
        session.screen.note("there is nothing to take over");
        Migration::end(&home);
    }
    let report = Report {
        pm2: pm2.home().to_owned(),
        running: pm2.pid().is_some(),
        list: &list,
        plan: &plan,
        applied: !args.dry_run,
        processes: &processes,
    };
    if session.screen.wants_json() {
        session.screen.data_json(&report)?;
        return Ok(session.exit());
    }
    if processes.is_empty() { Ok(session.exit()) } else { session.finish(&processes).await }
}

/// What PM2 has, and where that was learnt.
fn read(pm2: &Pm2, args: &MigrateArgs, caller: &Caller) -> Result<(Running, String), Failure> {
    if pm2.pid().is_some() && pm2.can_be_asked() {
        return Ok((pm2.list().map_err(|error| failure(&error))?, "it runs; as pm2 jlist tells".to_owned()));
    }
    if pm2.pid().is_some() && !args.dry_run {
        return Err(failure(&Pm2Error::NoProgram { home: pm2.home().to_owned() }));
    }
    let file = pm2.home().join("dump.pm2");
    let elements = dump::read(&file, caller).map_err(|why| {
        Failure::new(format!("no PM2 runs in {}, and {why}", pm2.home().display()))
            .hint("name the home of the one that is meant: rpm migrate --from <directory>")
    })?;
    let why = if pm2.pid().is_some() { "there is no pm2 in PATH to ask it" } else { "it doesn't run" };
    Ok((Running { elements, ..Running::default() }, format!("{why}; as saved in {}", file.display())))
}

/// A takeover that was cut off has stopped what ran.
fn resume(running: &mut Running, begun: &Migration) {
    for element in &mut running.elements {
        let id = element.get("pm_id").and_then(serde_json::Value::as_u64);
        if id.is_some_and(|id| begun.ran.iter().any(|ran| u64::from(*ran) == id)) {
            element.insert("status".into(), "online".into());
        }
    }
}

fn step(taken: Taken, known: &[Process]) -> Step {
    let is_here = known.iter().any(|process| process.name == taken.name);
    let action = match () {
        () if taken.apps.is_empty() => Action::Leave,
        () if is_here => Action::AlreadyHere,
        () => Action::Take,
    };
    let mode = taken.apps.first().map(|app| match app.spec.mode {
        Mode::Fork => "fork",
        Mode::Cluster => "cluster",
    });
    let (processes, runs) = (taken.count(), taken.ran());
    let Taken { name: app, apps, ids, running, notes } = taken;
    Step { app, action, mode, processes, runs, ids, notes, gap: None, running, apps }
}

pub(super) fn failure(error: &Pm2Error) -> Failure {
    let hint = match error {
        Pm2Error::NoHome { .. } => "name the home of the PM2 that is meant: rpm migrate --from <directory>",
        Pm2Error::Foreign { .. } => "run the command as that user",
        Pm2Error::NoProgram { .. } => {
            "name it: rpm migrate --pm2 <file>; or stop PM2 and take its saved list: rpm resurrect --from <dump.pm2>"
        }
        Pm2Error::Failed { .. } => "PM2's own log may tell more: pm2.log in its home",
    };
    Failure::new(error.to_string()).hint(hint)
}
