//! `save` and `cleardump`: the list into `dump.pm2`.

use crate::api::{Request, Response, SaveReport};
use crate::cli::args::SaveArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: SaveArgs) -> Result<Exit, Failure> {
    // PM2 reads this one too.
    let force = args.force || std::env::var_os("FORCE").is_some_and(|value| !value.is_empty());
    let report = ask(session, Request::Save { force }).await?;
    if session.screen.wants_json() {
        session.screen.data_json(&report)?;
    }
    let SaveReport { file, apps, processes, written } = report;
    if written {
        let what = match (apps, processes) {
            (0, _) => "an empty list".to_owned(),
            (1, 1) => "1 app".to_owned(),
            (apps, processes) if apps == processes => format!("{apps} apps"),
            (apps, processes) => format!("{apps} {} ({processes} processes)", if apps == 1 { "app" } else { "apps" }),
        };
        session.screen.say(&format!("saved {what} in {}\n", file.display()))?;
    } else {
        session.screen.warn("the list is empty, and was not saved");
        session.screen.hint("what was saved before is as it was; to save an empty list: rpm save --force");
    }
    Ok(Exit::Success)
}

pub(super) async fn clear(session: &mut Session<'_>) -> Result<Exit, Failure> {
    let report = ask(session, Request::ClearSaved).await?;
    if session.screen.wants_json() {
        session.screen.data_json(&report)?;
    }
    let backup = report.file.with_extension("pm2.bak");
    session.screen.say(&format!("{} is empty now\n", report.file.display()))?;
    if backup.exists() {
        session.screen.hint(&format!("what was in it: rpm resurrect --from {}", backup.display()));
    }
    Ok(Exit::Success)
}

async fn ask(session: &Session<'_>, request: Request) -> Result<SaveReport, Failure> {
    match session.link.request(request).await? {
        Response::Saved(report) => Ok(report),
        _ => Err(Failure::unexpected_answer()),
    }
}
