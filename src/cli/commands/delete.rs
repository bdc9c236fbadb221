//! `delete`: stopped and forgotten.

use super::apps;
use crate::api::Request;
use crate::cli::args::EndArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &EndArgs) -> Result<Exit, Failure> {
    let force = args.force;
    let request = move |selector| Request::Delete { selector, force };
    let deleted = apps::each(session, Verb::Delete, &args.targets, args.file.names(), request).await?;
    session.finish(&deleted).await
}
