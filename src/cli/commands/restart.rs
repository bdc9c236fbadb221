//! `restart`: by name with what the application file says now, or a whole application file.

use super::apps::Manner;
use super::flags;
use super::reapply::{self, Wishes};
use crate::cli::args::{Applied, RestartArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &RestartArgs) -> Result<Exit, Failure> {
    each(session, Verb::Restart, &args.applied, Manner { force: args.force, parallel: None }).await
}

/// Restart and reload differ in how an old process gives way, not in what is meant.
pub(super) async fn each(
    session: &mut Session<'_>,
    verb: Verb,
    args: &Applied,
    manner: Manner,
) -> Result<Exit, Failure> {
    let caller = session.caller()?;
    let wishes = Wishes {
        options: flags::options(&args.app, &args.app_args)?,
        profile: args.app.env.clone(),
        only: args.file.names(),
        update_env: args.update_env,
        as_is: args.as_is,
        manner,
    };
    let mut acted = Vec::new();
    for target in &args.targets {
        acted.extend(reapply::target(session, verb, target, &wishes, &caller).await?);
    }
    session.finish(&acted).await
}
