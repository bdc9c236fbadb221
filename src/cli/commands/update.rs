//! `update`: the program that runs this command becomes the daemon; no app notices. Never launches one.

use crate::api::{DaemonInfo, Request, Response, UpdateReport};
use crate::cli::args::UpdateArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, interval, timeout_at};

/// How long both may take together: the check of the new program, and the way back when it doesn't take over.
const LIMIT: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After this long it is shown that something is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What became of it, for programs.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    /// Versions; absent where no daemon runs.
    from: Option<&'a str>,
    to: Option<&'a str>,
    generation: Option<u64>,
    processes: Option<u32>,
    failed: Option<&'a str>,
}

pub(super) async fn run(session: &mut Session<'_>, args: UpdateArgs) -> Result<Exit, Failure> {
    let program = program(args.program)?;
    let Some(before) = ping(session).await? else { return nothing_runs(session) };
    let generation = match session.link.request_running(Request::Update { program: program.clone() }).await {
        Ok(Some(Response::Updating { generation })) => generation,
        Ok(Some(_)) => return Err(Failure::unexpected_answer()),
        Ok(None) => return nothing_runs(session),
        Err(error) => return failed(session, &before, before.generation, &error.message, error.hint.as_deref()),
    };
    let (after, failure) = successor(session, generation, before.last_update.as_ref()).await?;
    match failure {
        None => updated(session, &before, &after),
        Some(why) => {
            let hint = format!("see {} for what it wrote", after.home.join("rpm.log").display());
            failed(session, &after, after.generation, &why, Some(&hint))
        }
    }
}

/// The file itself: what its name stands for may be another one soon.
fn program(wished: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let named = match wished {
        Some(path) => path,
        None => std::env::current_exe()
            .map_err(|source| Failure::new(format!("the path of this program cannot be told: {source}")))?,
    };
    canonical(&named)
}

fn canonical(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize().map_err(|source| {
        Failure::new(format!("{} cannot be the daemon: {source}", path.display()))
            .hint("this program may have been replaced while it ran: run the command again")
    })
}

async fn ping(session: &Session<'_>) -> Result<Option<DaemonInfo>, Failure> {
    match session.link.request_running(Request::Ping).await? {
        Some(Response::Daemon(info)) => Ok(Some(info)),
        Some(_) => Err(Failure::unexpected_answer()),
        None => Ok(None),
    }
}

/// The daemon after `generation`: the new one, or the old one again, each told what has become of the update.
async fn successor(
    session: &mut Session<'_>,
    generation: u64,
    known: Option<&UpdateReport>,
) -> Result<(DaemonInfo, Option<String>), Failure> {
    let begun = Instant::now();
    let mut ticks = interval(LOOK_EVERY);
    let late = || {
        Failure::new(format!("the daemon says nothing of the update within {} s", LIMIT.as_secs()))
            .hint("see which one runs: rpm ping --json")
    };
    loop {
        ticks.tick().await;
        if begun.elapsed() > PATIENCE {
            session.screen.redraw("updating: waiting for the new daemon");
        }
        let seen = timeout_at(begun + LIMIT, ping(session)).await;
        session.screen.redraw("");
        // None at all: it is between two daemons, where none keeps the socket meanwhile.
        if let Some(info) = seen.map_err(|_| late())??
            && info.generation != generation
            && let Some(news) = info.last_update.as_ref().filter(|report| known.is_none_or(|known| known != *report))
        {
            let failed = news.failed.as_ref().map(|why| format!("{}: {why}", news.program.display()));
            return Ok((info, failed));
        }
        if begun.elapsed() > LIMIT {
            return Err(late());
        }
    }
}

fn updated(session: &mut Session<'_>, before: &DaemonInfo, after: &DaemonInfo) -> Result<Exit, Failure> {
    let outcome = Outcome {
        from: Some(&before.version),
        to: Some(&after.version),
        generation: Some(after.generation),
        processes: Some(after.processes),
        failed: None,
    };
    if session.screen.wants_json() {
        session.screen.data_json(&outcome)?;
    }
    let processes = match after.processes {
        0 => "no process was on the list".to_owned(),
        1 => "1 process runs on (no restart)".to_owned(),
        count => format!("{count} processes run on (no restart)"),
    };
    session.screen.say(&format!("updated {} -> {}, {processes}\n", before.version, after.version))?;
    Ok(Exit::Success)
}

/// `now` is the daemon that goes on.
fn failed(
    session: &mut Session<'_>,
    now: &DaemonInfo,
    generation: u64,
    why: &str,
    hint: Option<&str>,
) -> Result<Exit, Failure> {
    let outcome = Outcome {
        from: Some(&now.version),
        to: Some(&now.version),
        generation: Some(generation),
        processes: Some(now.processes),
        failed: Some(why),
    };
    if session.screen.wants_json() {
        session.screen.data_json(&outcome)?;
    }
    session.screen.error(&format!("update failed, still on {}: {why}", now.version), hint);
    Ok(Exit::Failure)
}

fn nothing_runs(session: &mut Session<'_>) -> Result<Exit, Failure> {
    if session.screen.wants_json() {
        let nothing = Outcome { from: None, to: None, generation: None, processes: None, failed: None };
        session.screen.data_json(&nothing)?;
    }
    let version = env!("CARGO_PKG_VERSION");
    session.screen.say(&format!("no daemon is running; the next one started is {version}\n"))?;
    Ok(Exit::Success)
}
