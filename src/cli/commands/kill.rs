//! `kill`: everything stops, the daemon last. Never launches one.

use crate::api::{Request, Response};
use crate::cli::args::KillArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::{self, Verb};
use crate::cli::render::progress::{Goal, Scope};
use crate::cli::session::Session;
use crate::clock;
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: KillArgs) -> Result<Exit, Failure> {
    let link = session.link;
    let before = match link.request_running(Request::List { selector: Selector::all() }).await? {
        None => return nothing_runs(session),
        Some(Response::Processes(before)) => before,
        // A daemon of another version still understands that it should go.
        Some(_) => Vec::new(),
    };
    let ids = before.iter().map(|process| process.id).collect();
    let goal = Goal { verb: Verb::Stop, scope: Scope::Ids(ids), total: before.len(), since: clock::unix_ms() };
    if session.watched(&goal, link.request_running(Request::Kill { force: args.force })).await?.is_none() {
        return nothing_runs(session);
    }
    if session.screen.wants_json() {
        session.screen.data_json(&before)?;
    }
    let alive: Vec<_> = before.into_iter().filter(|process| process.status.is_alive()).collect();
    session.screen.say(&outcome::uniform("stopped", &alive))?;
    session.screen.say("the daemon has ended\n")?;
    if !alive.is_empty() {
        session.screen.hint("to have them back as they were: rpm resurrect --last");
    }
    Ok(Exit::Success)
}

fn nothing_runs(session: &mut Session<'_>) -> Result<Exit, Failure> {
    if session.screen.wants_json() {
        session.screen.data_json::<[()]>(&[])?;
    }
    session.screen.say("no daemon is running, there is nothing to stop\n")?;
    Ok(Exit::Success)
}
