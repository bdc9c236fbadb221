//! `reset`: restart counters to 0.

use crate::api::Request;
use crate::cli::args::SelectorArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome;
use crate::cli::session::{Session, processes_of};
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: SelectorArgs) -> Result<Exit, Failure> {
    let mut acted = Vec::new();
    for target in args.targets {
        let reset = processes_of(session.link.request(Request::Reset { selector: Selector::new(target) }).await?)?;
        session.screen.say(&outcome::uniform("reset", &reset))?;
        acted.extend(reset);
    }
    session.finish(&acted).await
}
