//! `reload`: one process after the other, the new one ready before the old one goes.

use super::apps::Manner;
use super::restart;
use crate::cli::args::ReloadArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &ReloadArgs) -> Result<Exit, Failure> {
    let manner = Manner { force: false, parallel: args.parallel };
    restart::each(session, Verb::Reload, &args.applied, manner).await
}

/// `startOrReload`, `startOrGracefulReload`.
pub(super) async fn or_start(session: &mut Session<'_>, args: &ReloadArgs) -> Result<Exit, Failure> {
    restart::only_files(&args.applied)?;
    run(session, args).await
}
