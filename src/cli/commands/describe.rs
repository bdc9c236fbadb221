//! `describe`: all that is known of a process, or of the daemon.

use crate::api::{Code, Request, Response};
use crate::cli::args::DescribeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::{self, detail};
use crate::cli::session::Session;
use crate::clock;
use crate::domain::Selector;

use super::apps;

pub(super) async fn run(session: &mut Session<'_>, args: DescribeArgs) -> Result<Exit, Failure> {
    let selector = Selector::new(&args.target);
    let details = match session.link.request(Request::Describe { selector }).await {
        Ok(Response::Details(details)) => details,
        Ok(_) => return Err(Failure::unexpected_answer()),
        // An app of that name comes first.
        Err(error) if error.code == Code::NotFound && args.target == "daemon" => return daemon(session).await,
        Err(error) => return Err(error.into()),
    };
    if details.is_empty() {
        return Err(apps::unknown(&args.target));
    }
    if session.screen.wants_json() {
        session.screen.data_json(&details)?;
        return Ok(Exit::Success);
    }
    let (caller, now) = (session.caller()?, clock::unix_ms());
    let texts: Vec<_> = details.iter().map(|detail| detail::text(detail, &caller.env, now)).collect();
    session.screen.data(texts.join("\n"))?;
    Ok(Exit::Success)
}

async fn daemon(session: &mut Session<'_>) -> Result<Exit, Failure> {
    let Response::Daemon(info) = session.link.request(Request::Ping).await? else {
        return Err(Failure::unexpected_answer());
    };
    if session.screen.wants_json() {
        session.screen.data_json(&info)?;
    } else {
        session.screen.data(render::daemon::text(&info, clock::unix_ms()))?;
    }
    Ok(Exit::Success)
}
