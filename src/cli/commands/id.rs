//! `id`: the ids of an app's processes, as Node shows an array.

use crate::api::{Request, Response};
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
    let mut ids: Vec<ProcessId> = all.iter().map(|process| process.id).collect();
    if ids.is_empty() {
        ids = called(session, &args.name).await?;
    }
    if session.screen.wants_json() {
        session.screen.data_json(&ids)?;
    } else {
        session.screen.data(inspect(&serde_json::json!(ids)) + "\n")?;
    }
    Ok(Exit::Success)
}

/// Those that call themselves so.
async fn called(session: &Session<'_>, name: &str) -> Result<Vec<ProcessId>, Failure> {
    let Response::Pm2(list) = session.link.request(Request::Pm2List).await? else {
        return Err(Failure::unexpected_answer());
    };
    let elements = list.elements().map_err(|_| Failure::unexpected_answer())?;
    let called = elements.iter().filter(|element| element["name"] == name);
    Ok(called.filter_map(|element| Some(ProcessId(element["pm_id"].as_u64()? as u32))).collect())
}
