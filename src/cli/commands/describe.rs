//! `describe`: all that is known of a process.

use crate::api::{Request, Response};
use crate::cli::args::DescribeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::detail;
use crate::cli::session::Session;
use crate::clock;
use crate::domain::Selector;

use super::apps;

pub(super) async fn run(session: &mut Session<'_>, args: DescribeArgs) -> Result<Exit, Failure> {
    let selector = Selector::new(&args.target);
    let Response::Details(details) = session.link.request(Request::Describe { selector }).await? else {
        return Err(Failure::unexpected_answer());
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
