//! `pid`: pids for scripts, a line each; 0 of what doesn't run.

use crate::cli::args::PidArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::domain::Selector;
use std::fmt::Write as _;

pub(super) async fn run(session: &mut Session<'_>, args: PidArgs) -> Result<Exit, Failure> {
    let selector = args.target.map_or_else(Selector::all, Selector::new);
    let pids: Vec<i32> = session.list(selector).await?.iter().map(|process| process.pid.unwrap_or(0)).collect();
    let lines = |pids: &[i32]| {
        pids.iter().fold(String::new(), |mut lines, pid| {
            _ = writeln!(lines, "{pid}");
            lines
        })
    };
    if session.screen.wants_json() {
        session.screen.data_json(&pids)?;
    } else {
        session.screen.data(lines(&pids))?;
    }
    Ok(Exit::Success)
}
