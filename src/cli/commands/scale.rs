//! `scale`: how many processes an app has.

use crate::api::Request;
use crate::cli::args::ScaleArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome;
use crate::cli::session::{Session, processes_of};
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: ScaleArgs) -> Result<Exit, Failure> {
    let named = |list: Vec<crate::api::Process>| -> Vec<_> {
        list.into_iter().filter(|process| process.name == args.name).collect()
    };
    let before = named(session.list(Selector::new(&args.name)).await?).len();
    let request = Request::Scale { name: args.name.clone(), count: args.count.value, relative: args.count.relative };
    let acted = processes_of(session.link.request(request).await?)?;
    if session.screen.is_decorated() {
        let after = named(session.list(Selector::new(&args.name)).await?);
        let ids: Vec<_> = after.iter().map(|process| process.id).collect();
        let line = format!("scaled {} from {before} to {}\n", outcome::app(&args.name, &ids), after.len());
        session.screen.say(&line)?;
    }
    session.finish(&acted).await
}
