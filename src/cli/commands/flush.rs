//! `flush` empties log files, `reloadLogs` opens them anew.

use crate::api::{Code, Request};
use crate::cli::args::FlushArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome;
use crate::cli::session::{Session, processes_of};
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: FlushArgs) -> Result<Exit, Failure> {
    let selector = args.target.as_ref().map(Selector::new);
    let flushed = match session.link.request(Request::Flush { selector }).await {
        Ok(response) => processes_of(response)?,
        // PM2's scripts flush what may not be there.
        Err(error) if error.code == Code::NotFound => {
            session.screen.warn(&error.message);
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    if session.screen.wants_json() {
        session.screen.data_json(&flushed)?;
    } else if args.target.is_none() {
        session.screen.say("emptied all logs, the daemon's too\n")?;
    } else {
        session.screen.say(&outcome::uniform("emptied the logs of", &flushed))?;
    }
    Ok(Exit::Success)
}

pub(super) async fn reload(session: &mut Session<'_>) -> Result<Exit, Failure> {
    session.link.request(Request::ReopenLogs).await?;
    session.screen.say("opened all log files anew\n")?;
    Ok(Exit::Success)
}
