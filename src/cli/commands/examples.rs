//! `examples`: what is typed most.

use crate::cli::args::EXAMPLES;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

pub(super) fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    session.screen.data(EXAMPLES)?;
    Ok(Exit::Success)
}
