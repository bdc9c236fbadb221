//! `id`: the ids of an app's processes, as Node shows an array.

use crate::cli::args::IdArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::inspect::inspect;
use crate::cli::session::Session;
use crate::domain::{ProcessId, Selector};

pub(super) async fn run(session: &mut Session<'_>, args: &IdArgs) -> Result<Exit, Failure> {
    // Not by selector: a word that is no name is an id or a namespace there.
    let mut all = session.list(Selector::all()).await?;
    all.retain(|process| process.name == args.name);
    let ids: Vec<ProcessId> = all.iter().map(|process| process.id).collect();
    if session.screen.wants_json() {
        session.screen.data_json(&ids)?;
    } else {
        session.screen.data(inspect(&serde_json::json!(ids)) + "\n")?;
    }
    Ok(Exit::Success)
}
