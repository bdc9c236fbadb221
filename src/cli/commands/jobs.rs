//! `jobs`: when they run next, and how they ran.

use crate::api::{Job, Request, Response};
use crate::cli::args::JobsArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::session::Session;
use crate::clock;
use crate::domain::Selector;

use super::apps;

pub(super) async fn run(session: &mut Session<'_>, args: JobsArgs) -> Result<Exit, Failure> {
    let selector = args.target.as_ref().map_or_else(Selector::all, Selector::new);
    let jobs = list(session, selector).await?;
    if session.screen.wants_json() {
        session.screen.data_json(&jobs)?;
        return Ok(Exit::Success);
    }
    let (width, now) = (session.screen.width(), clock::unix_ms());
    let text = match &args.target {
        Some(target) if jobs.is_empty() => {
            return Err(apps::unknown(target).hint("it is no job; all jobs: rpm jobs"));
        }
        Some(_) => jobs.iter().map(|job| render::jobs::history(job, width, now)).collect::<Vec<_>>().join("\n"),
        None => render::jobs::table(&jobs, width, now),
    };
    session.screen.data(text)?;
    Ok(Exit::Success)
}

pub(super) async fn list(session: &Session<'_>, selector: Selector) -> Result<Vec<Job>, Failure> {
    match session.link.request(Request::Jobs { selector }).await? {
        Response::Jobs(jobs) => Ok(jobs),
        _ => Err(Failure::unexpected_answer()),
    }
}
