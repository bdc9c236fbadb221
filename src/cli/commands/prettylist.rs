//! `prettylist`: what `jlist` gives, as Node shows an object.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::inspect::inspect;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    let bytes = session.link.raw_pm2_list().await?;
    let list = serde_json::from_slice(&bytes).map_err(|_| Failure::unexpected_answer())?;
    session.screen.data(inspect(&list))?;
    Ok(Exit::Success)
}
