//! `monitor`, `unmonitor`: the mark that PM2's dashboards look for.

use crate::api::{Code, Request};
use crate::cli::args::SelectorArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome;
use crate::cli::session::{Session, processes_of};
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: SelectorArgs, on: bool) -> Result<Exit, Failure> {
    let mut acted = Vec::new();
    for target in args.targets {
        let request = Request::Monitor { selector: Selector::new(target), on };
        let marked = match session.link.request(request).await {
            Ok(response) => processes_of(response)?,
            // PM2's scripts mark what may not be there.
            Err(error) if error.code == Code::NotFound => {
                session.screen.warn(&error.message);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        session.screen.say(&outcome::uniform(if on { "marked" } else { "no longer marked:" }, &marked))?;
        acted.extend(marked);
    }
    session.finish(&acted).await
}
