//! `ping`: whether a daemon is there, launching one as PM2 does.

use crate::api::{Request, Response};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::daemon;
use crate::cli::session::Session;
use crate::clock;

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    let Response::Daemon(info) = session.link.request(Request::Ping).await? else {
        return Err(Failure::unexpected_answer());
    };
    if session.screen.wants_json() {
        session.screen.data_json(&info)?;
    } else {
        session.screen.say("{ msg: 'pong' }\n")?;
        if session.screen.is_terminal() {
            session.screen.say(&daemon::line(&info, clock::unix_ms()))?;
        }
    }
    Ok(Exit::Success)
}
