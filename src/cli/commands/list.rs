//! `list`: the table, with a line about the machine on terminals.

use super::live;
use crate::api::response::RAN_BEFORE_BOOT;
use crate::api::{Process, Request, Response};
use crate::cli::args::ListArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::host;
use crate::cli::session::Session;
use crate::domain::Selector;

pub(super) async fn run(session: &mut Session<'_>, args: &ListArgs) -> Result<Exit, Failure> {
    if args.watch && live::is_possible(session) {
        return live::run(session).await;
    }
    let all = session.list(Selector::all());
    let (mut processes, machine) = match session.screen.width() {
        Some(width) if session.screen.is_decorated() && !session.mini => {
            let (processes, host) = tokio::join!(all, session.link.request(Request::Host));
            (processes?, host.ok().zip(Some(width)))
        }
        _ => (all.await?, None),
    };
    session.sort(&mut processes);
    if session.screen.wants_json() {
        session.screen.data_json(&processes)?;
    } else {
        session.show(&processes).await?;
        tell_asleep(session, &processes);
        if let Some((Response::Host(host), width)) = machine {
            session.screen.say(&host::line(&host, width))?;
        }
    }
    if args.watch {
        session.screen.hint("--watch needs a terminal; this is the list as it is now");
    }
    Ok(Exit::Success)
}

/// After a start of the machine that started nothing.
fn tell_asleep(session: &mut Session<'_>, processes: &[Process]) {
    let count = processes.iter().filter(|process| process.reason.as_deref() == Some(RAN_BEFORE_BOOT)).count();
    if count > 0 && session.screen.is_decorated() {
        let what = if count == 1 { "1 process".to_owned() } else { format!("{count} processes") };
        session.screen.hint(&format!(
            "{what} ran until the machine was started anew: start with rpm resurrect; from now on by itself: rpm startup"
        ));
    }
}
