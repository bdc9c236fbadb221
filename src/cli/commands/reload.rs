//! `reload`: cluster workers one at a time, the new one ready before the old one goes.

use super::restart;
use crate::cli::args::Applied;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &Applied) -> Result<Exit, Failure> {
    restart::each(session, Verb::Reload, args, false).await
}
