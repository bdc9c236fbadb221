//! `run`: jobs, now.

use super::jobs;
use crate::api::{Job, Request};
use crate::cli::args::RunArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome;
use crate::cli::session::{Session, processes_of};
use crate::cli::words;
use crate::domain::{Selector, SpawnId};
use std::time::Duration;

/// Between two looks at a run that is waited for.
const POLL: Duration = Duration::from_millis(100);

pub(super) async fn run(session: &mut Session<'_>, args: RunArgs) -> Result<Exit, Failure> {
    let mut acted = Vec::new();
    let mut exit = Exit::Success;
    for target in args.targets {
        let selector = Selector::new(target);
        let before = jobs::list(session, selector.clone()).await?;
        let begun = processes_of(session.link.request(Request::Run { selector: selector.clone() }).await?)?;
        session.screen.say(&outcome::uniform("run begun:", &begun))?;
        acted.extend(begun);
        if args.wait && !all_end_well(session, selector, &before).await? {
            exit = Exit::Failure;
        }
    }
    let finished = session.finish(&acted).await?;
    Ok(if exit == Exit::Success { finished } else { exit })
}

/// Waits for the ends of the runs that are newer than those before, and tells them.
async fn all_end_well(session: &mut Session<'_>, selector: Selector, before: &[Job]) -> Result<bool, Failure> {
    let newest = |job: &Job| {
        let known = before.iter().find(|known| known.id == job.id);
        known.and_then(|known| known.history.runs.last()).map_or(SpawnId(0), |run| run.run)
    };
    loop {
        let jobs = jobs::list(session, selector.clone()).await?;
        let run = |job: &Job| job.history.runs.iter().find(|run| run.run > newest(job)).copied();
        let runs: Vec<_> = jobs.iter().map(|job| (job, run(job))).collect();
        if runs.iter().any(|(_, run)| run.is_none_or(|run| run.is_under_way())) {
            tokio::time::sleep(POLL).await;
            continue;
        }
        for (job, run) in runs.iter().filter_map(|(job, run)| Some((job, (*run)?))) {
            let how = run.outcome.map_or_else(|| "nobody knows how".to_owned(), words::outcome);
            let late = if run.timed_out { " (it took longer than its job_timeout)" } else { "" };
            let who = outcome::app(&job.name, &[job.id]);
            if run.succeeded() {
                session.screen.say(&format!("{who} has ended: {how}\n"))?;
            } else {
                let hint = format!("what it said: rpm logs {} --nostream", job.name);
                session.screen.error(&format!("{who} has failed: {how}{late}"), Some(&hint));
            }
        }
        return Ok(runs.iter().all(|(_, run)| run.is_some_and(|run| run.succeeded())));
    }
}
