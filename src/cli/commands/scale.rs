//! `scale`: how many processes an app has.

use crate::api::Request;
use crate::cli::args::ScaleArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::{self, Verb};
use crate::cli::render::progress::{Goal, Scope};
use crate::cli::session::{Session, processes_of};
use crate::clock;
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: ScaleArgs) -> Result<Exit, Failure> {
    let named = |list: Vec<crate::api::Process>| -> Vec<_> {
        list.into_iter().filter(|process| process.name == args.name).collect()
    };
    let before = named(session.list(Selector::new(&args.name)).await?).len();
    let count = match args.count.value {
        Some(count) => count,
        None => i32::try_from(session.caller()?.cores).unwrap_or(i32::MAX),
    };
    let request = Request::Scale { name: args.name.clone(), count, relative: args.count.relative };
    let wanted = if args.count.relative { count.saturating_add(before as i32) } else { count };
    let scope = Scope::Names(vec![args.name.clone()]);
    let goal = Goal { verb: Verb::Scale, scope, total: wanted.max(0) as usize, since: clock::unix_ms() };
    let link = session.link;
    let changed = processes_of(session.watched(&goal, link.request(request)).await?)?;
    if session.screen.is_decorated() {
        let after = named(session.list(Selector::new(&args.name)).await?);
        let ids: Vec<_> = after.iter().map(|process| process.id).collect();
        let text = format!("scaled {} from {before} to {}\n", outcome::app(&args.name, &ids), after.len());
        session.screen.say(&text)?;
    }
    session.finish(&changed).await
}
