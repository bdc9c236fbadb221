//! `resurrect`: a list that was saved, by hand, by PM2 or by the last end, is ours again.

use crate::api::{Process, Request, SavedApp};
use crate::cli::args::ResurrectArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::{self, Verb};
use crate::cli::render::progress::{Goal, Scope};
use crate::cli::session::{Session, processes_of};
use crate::clock;
use crate::domain::{Selector, Status};
use crate::dump::{self, Pm2, Taken, Unreadable};
use crate::paths::Home;
use std::path::{Path, PathBuf};

pub(super) async fn run(session: &mut Session<'_>, args: ResurrectArgs) -> Result<Exit, Failure> {
    let acted = match args {
        ResurrectArgs { boot: true, .. } => at_boot(session).await?,
        ResurrectArgs { last: true, .. } => last(session).await?,
        ResurrectArgs { from: Some(file), .. } => from(session, &file).await?,
        _ => [wake(session).await?, saved(session).await?].concat(),
    };
    session.finish(&acted).await
}

/// What the machine's end has cut off; else the list as the last end has closed it; else what was saved by hand.
async fn at_boot(session: &mut Session<'_>) -> Result<Vec<Process>, Failure> {
    let woken = wake(session).await?;
    if !session.list(Selector::all()).await?.is_empty() {
        return Ok(woken);
    }
    let closed = ask(session, Request::ResurrectLast, Vec::new(), 0).await?;
    if closed.is_empty() { saved(session).await } else { Ok(closed) }
}

async fn wake(session: &mut Session<'_>) -> Result<Vec<Process>, Failure> {
    ask(session, Request::Wake, Vec::new(), 0).await
}

async fn last(session: &mut Session<'_>) -> Result<Vec<Process>, Failure> {
    let raised = ask(session, Request::ResurrectLast, Vec::new(), 0).await?;
    if raised.is_empty() {
        session.screen.note("there is nothing to take up: no list was closed, or all of it is on the list");
    }
    Ok(raised)
}

/// Nothing that was saved is no failure.
async fn saved(session: &mut Session<'_>) -> Result<Vec<Process>, Failure> {
    let home = Home::from_env().map_err(|error| Failure::new(error.to_string()))?;
    let (found, wrong) = dump::saved(&home, &session.caller()?);
    let is_missing = |why: &Unreadable| matches!(why, Unreadable::Missing { .. });
    for why in wrong.iter().filter(|why| !is_missing(why)) {
        session.screen.warn(&why.to_string());
    }
    let Some((path, elements)) = found else {
        if wrong.iter().all(is_missing) {
            session.screen.note("nothing was saved: rpm save writes the list");
        } else {
            session.screen.note("what was saved cannot be read, and stays where it is; nothing was started");
        }
        return Ok(Vec::new());
    };
    if !wrong.is_empty() {
        session.screen.note(&format!("the backup {} is used", path.display()));
    }
    let taken = dump::apps(&elements, home.root(), &session.caller()?);
    raise(session, taken).await
}

async fn from(session: &mut Session<'_>, file: &Path) -> Result<Vec<Process>, Failure> {
    let caller = session.caller()?;
    let named = caller.cwd.join(file);
    let file = if named.is_dir() { named.join("dump.pm2") } else { named };
    let elements = dump::read(&file, &caller).map_err(|why| {
        Failure::new(why.to_string()).hint("PM2 writes its list there with: pm2 save; then run this again")
    })?;
    let home = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    if Pm2::find(&home, None, caller.clone()).is_ok_and(|pm2| pm2.pid().is_some()) {
        session.screen.warn(&format!("a PM2 runs in {}: what it runs now runs here too", home.display()));
        session.screen.hint(&format!("to take over from it instead: rpm migrate --from {}", home.display()));
    }
    let taken = dump::apps(&elements, &home, &caller);
    raise(session, taken).await
}

/// What could not be taken of each app is told; then those that are not on the list come to it.
async fn raise(session: &mut Session<'_>, taken: Vec<Taken>) -> Result<Vec<Process>, Failure> {
    let known: Vec<String> = session.list(Selector::all()).await?.into_iter().map(|process| process.name).collect();
    let mut there = Vec::new();
    let mut apps = Vec::new();
    for app in taken {
        if known.contains(&app.name) {
            there.push(app.name);
            continue;
        }
        for note in &app.notes {
            session.screen.warn(&format!("{}: {note}", app.name));
        }
        apps.extend(app.apps);
    }
    if !there.is_empty() {
        session.screen.note(&format!("on the list already, and left as it is: {}", there.join(", ")));
    }
    bring(session, apps).await
}

/// Apps come to the list as they were: what ran runs, the rest is stopped.
pub(super) async fn bring(session: &mut Session<'_>, apps: Vec<SavedApp>) -> Result<Vec<Process>, Failure> {
    if apps.is_empty() {
        return Ok(Vec::new());
    }
    let names = apps.iter().map(|app| app.spec.name.clone()).collect();
    let total = apps.iter().map(|app| app.ran.len()).sum();
    ask(session, Request::Resurrect { apps }, names, total).await
}

async fn ask(
    session: &mut Session<'_>,
    request: Request,
    names: Vec<String>,
    total: usize,
) -> Result<Vec<Process>, Failure> {
    let goal = Goal { verb: Verb::Start, scope: Scope::Names(names), total, since: clock::unix_ms() };
    let after = processes_of(session.watched(&goal, session.link.request(request)).await?)?;
    let (started, stopped): (Vec<_>, Vec<_>) =
        after.iter().cloned().partition(|process| process.status != Status::Stopped);
    session.screen.say(&outcome::uniform("started", &started))?;
    session.screen.say(&outcome::uniform("listed, stopped as it was:", &stopped))?;
    session.tell_state(Verb::Start, &after);
    Ok(after)
}
