//! `jlist`: PM2's JSON, byte for byte as the daemon made it.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    let bytes = session.link.raw_pm2_list().await?;
    session.screen.data(&bytes)?;
    Ok(Exit::Success)
}
