//! `stop`: nothing of them lives afterwards; they stay in the list.

use super::apps;
use crate::api::Request;
use crate::cli::args::EndArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &EndArgs) -> Result<Exit, Failure> {
    let force = args.force;
    let request = move |selector| Request::Stop { selector, force };
    let stopped = apps::each(session, Verb::Stop, &args.targets, args.file.names(), request).await?;
    session.finish(&stopped).await
}
