//! `sysinfos`: figures of the machine, under PM2's names.

use crate::api::{Request, Response};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::host;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    let Response::Host(figures) = session.link.request(Request::Host).await? else {
        return Err(Failure::unexpected_answer());
    };
    if session.screen.wants_json() {
        session.screen.data_json(&figures)?;
    } else {
        session.screen.data(host::text(&figures))?;
    }
    Ok(Exit::Success)
}
