//! `send`: a line for the input of processes.

use crate::api::Request;
use crate::cli::args::SendArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome;
use crate::cli::session::{Session, processes_of};
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: SendArgs) -> Result<Exit, Failure> {
    let request = Request::Send { selector: Selector::new(args.target), text: format!("{}\n", args.line) };
    let sent = processes_of(session.link.request(request).await?)?;
    session.screen.say(&outcome::uniform("sent a line to", &sent))?;
    session.finish(&sent).await
}
