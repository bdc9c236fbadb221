//! `apply`: makes the list what an application file says, and touches nothing that is so already.

use super::plan::{Action, Known, Step, left, plan};
use super::{apps, fresh};
use crate::api::request::{Existing, Start};
use crate::api::{Process, Request};
use crate::cli::args::ApplyArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::render::plan as shown;
use crate::cli::session::{About, Session, processes_of};
use crate::config::{AppOptions, Caller, FileOptions};
use crate::domain::{AppSpec, Selector};
use serde::Serialize;
use std::path::PathBuf;

/// For programs.
#[derive(Serialize)]
struct Told<'a> {
    plan: &'a [Step],
    applied: bool,
    /// As they are afterwards.
    processes: Vec<Process>,
}

pub(super) async fn run(session: &mut Session<'_>, args: &ApplyArgs) -> Result<Exit, Failure> {
    let caller = session.caller()?;
    let (steps, leftover) = make(session, args, &caller).await?;
    session.screen.say(&shown::text(&steps))?;
    if !leftover.is_empty() {
        session.screen.hint(&format!("no longer in the file: {}; --prune removes what is not", leftover.join(", ")));
    }
    let acts = steps.iter().any(|step| step.action != Action::Unchanged);
    if args.dry_run {
        if acts {
            session.screen.say("nothing was done: this is a dry run\n")?;
        }
        return told(session, &steps, false, Vec::new());
    }
    note(session, &steps).await?;
    if !acts {
        return told(session, &steps, true, Vec::new());
    }
    let acted = match carry_out(session, &steps).await {
        Ok(acted) => acted,
        Err(failure) => {
            session.screen.warn("not all of it was done; what follows the failure waits for the next apply");
            return Err(failure);
        }
    };
    if session.screen.wants_json() { told(session, &steps, true, acted) } else { session.finish(&acted).await }
}

fn told(session: &mut Session<'_>, plan: &[Step], applied: bool, processes: Vec<Process>) -> Result<Exit, Failure> {
    if session.screen.wants_json() {
        session.screen.data_json(&Told { plan, applied, processes })?;
    }
    Ok(session.exit())
}

/// The plan, and the names of apps that came from the file and have left it, where they stay. All of the file is read and
/// understood before anything is done.
async fn make(
    session: &mut Session<'_>,
    args: &ApplyArgs,
    caller: &Caller,
) -> Result<(Vec<Step>, Vec<String>), Failure> {
    let only = args.file.names().unwrap_or_default();
    let options = FileOptions { profile: args.env.clone(), only: only.clone(), overrides: AppOptions::default() };
    let mut apps = apps::load(session, &args.target, caller, &options)?;
    refuse_twins(&apps, &args.target)?;
    let file = apps.iter().find_map(|app| Some(app.source.as_ref()?.file.clone()));
    let list = list(session).await?;
    for app in &mut apps {
        settle(app, &list, args.update_env)?;
    }
    let prune = prune_by(args, file.clone())?;
    let steps = plan(apps, &list, prune.as_deref());
    let is_left = |known: &&Known| !steps.iter().any(|step| known.specs[0].name == step.app);
    let leftover = match &file {
        Some(file) if only.is_empty() => left(&list, file).filter(is_left).map(|known| known.specs[0].name.clone()),
        _ => return Ok((steps, Vec::new())),
    };
    let leftover = leftover.collect();
    Ok((steps, leftover))
}

fn prune_by(args: &ApplyArgs, file: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    if !args.prune {
        return Ok(None);
    }
    let no_file = || {
        Failure::new("--prune removes what has left a file, and standard input is none")
            .hint("give the application file by its name")
    };
    file.map(Some).ok_or_else(no_file)
}

/// What an app that is known keeps: what it has inherited, who started it. Mode and number are the file's.
fn settle(app: &mut AppSpec, list: &[Known], update_env: bool) -> Result<(), Failure> {
    let known = list.iter().find_map(|known| known.specs.first().filter(|spec| spec.name == app.name));
    if let Some(old) = known {
        let (mode, instances) = (app.mode, app.instances);
        fresh::carry_over(app, old, update_env)?;
        (app.mode, app.instances) = (mode, instances);
    }
    Ok(())
}

fn refuse_twins(apps: &[AppSpec], target: &str) -> Result<(), Failure> {
    let twin = apps.iter().enumerate().find(|(index, app)| apps[..*index].iter().any(|other| other.name == app.name));
    let Some((_, app)) = twin else { return Ok(()) };
    Err(Failure::new(format!("{}: two apps are called {}; nothing was done", apps::title(target), app.name))
        .hint("give each a name of its own"))
}

async fn list(session: &Session<'_>) -> Result<Vec<Known>, Failure> {
    let mut list: Vec<Known> = Vec::new();
    for process in session.list(Selector::all()).await? {
        match list.iter_mut().find(|known| known.processes[0].name == process.name) {
            Some(known) => known.processes.push(process),
            None => list.push(Known { specs: Vec::new(), processes: vec![process] }),
        }
    }
    for (_, spec) in apps::known(session).await? {
        if let Some(known) = list.iter_mut().find(|known| known.processes[0].name == spec.name) {
            known.specs.push(spec);
        }
    }
    // Those that came or went between the two questions.
    list.retain(|known| !known.specs.is_empty());
    Ok(list)
}

/// New settings of what is not touched: where it comes from, or what it has when it is started.
async fn note(session: &Session<'_>, steps: &[Step]) -> Result<(), Failure> {
    let apps = specs(steps, |step| matches!(step.action, Action::Settings | Action::Unchanged | Action::Scale));
    if !apps.is_empty() {
        session
            .link
            .request(Request::Start(Start { apps, existing: Existing::Keep, force: false, parallel: None }))
            .await?;
    }
    Ok(())
}

/// First what makes room, then what others may need.
async fn carry_out(session: &mut Session<'_>, steps: &[Step]) -> Result<Vec<Process>, Failure> {
    for step in steps.iter().filter(|step| matches!(step.action, Action::Remove | Action::Replace)) {
        let selector = Selector::new(named_exactly(&step.app));
        session
            .act(Verb::Delete, Request::Delete { selector: selector.clone(), force: false }, About::Selected(selector))
            .await?;
    }
    let mut acted = Vec::new();
    acted.extend(scale(session, steps, |step| step.to < step.from).await?);
    for (verb, existing, actions) in [
        (Verb::Start, Existing::Restart, &[Action::Create, Action::Replace][..]),
        (Verb::Restart, Existing::Restart, &[Action::Restart]),
        (Verb::Reload, Existing::Reload, &[Action::Reload]),
    ] {
        let apps = specs(steps, |step| actions.contains(&step.action));
        if !apps.is_empty() {
            acted.extend(apps::apply(session, verb, apps, existing, apps::Manner::default()).await?);
        }
    }
    acted.extend(scale(session, steps, |step| step.to > step.from).await?);
    acted.sort_by_key(|process| process.id);
    acted.dedup_by_key(|process| process.id);
    Ok(acted)
}

async fn scale(session: &mut Session<'_>, steps: &[Step], which: fn(&Step) -> bool) -> Result<Vec<Process>, Failure> {
    let mut acted = Vec::new();
    let scales = |step: &&Step| matches!(step.action, Action::Scale | Action::Restart | Action::Reload) && which(step);
    for step in steps.iter().filter(scales) {
        let request = Request::Scale { name: step.app.clone(), count: step.to as i32, relative: false };
        acted.extend(processes_of(session.link.request(request).await?)?);
        session.screen.say(&shown::scaled(step))?;
    }
    Ok(acted)
}

fn specs(steps: &[Step], which: impl Fn(&Step) -> bool) -> Vec<AppSpec> {
    steps.iter().filter(|step| which(step)).filter_map(|step| step.spec.clone()).collect()
}

/// A selector that means this name and nothing else: a name may look like an id, a namespace or a pattern.
fn named_exactly(name: &str) -> String {
    let escaped: String = name
        .chars()
        .flat_map(|c| if c.is_alphanumeric() || c == '_' || c == '-' { vec![c] } else { vec!['\\', c] })
        .collect();
    format!("/^{escaped}$/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProcessId;
    use crate::domain::selector::Candidate;
    use std::path::Path;

    #[test]
    fn a_name_means_itself_whatever_it_looks_like() {
        let names = ["1", "all", "a.b", "axb", "über+c", "a b"];
        let candidates: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(id, name)| Candidate { id: ProcessId(id as u32), name, namespace: "a.b", script: Path::new("/a") })
            .collect();
        for (index, name) in names.iter().enumerate() {
            let found = Selector::new(named_exactly(name)).select(&candidates).unwrap();
            assert_eq!(found, [ProcessId(index as u32)], "{name}");
        }
    }
}
