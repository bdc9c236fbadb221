//! `stop`: nothing of them lives afterwards; they stay in the list.

use super::apps;
use crate::api::Request;
use crate::cli::args::EndArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::{self, Verb};
use crate::cli::render::timestamp;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &EndArgs) -> Result<Exit, Failure> {
    let force = args.force;
    let request = move |selector| Request::Stop { selector, force };
    let stopped = apps::each(session, Verb::Stop, &args.targets, args.file.names(), request).await?;
    for process in stopped.iter().filter(|process| !process.status.is_alive()) {
        if let Some(next) = process.next_run {
            let when = timestamp::iso8601(next);
            let name = outcome::app(&process.name, &[process.id]);
            let what = if process.job { "runs it" } else { "starts it" };
            session.screen.warn(&format!("the schedule of {name} {what} again at {when}"));
        }
    }
    session.finish(&stopped).await
}
