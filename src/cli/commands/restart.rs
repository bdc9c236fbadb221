//! `restart`: by name with what the application file says now, or a whole application file.

use super::apps::Manner;
use super::reapply::{self, Wishes};
use super::{apps, attached};
use crate::cli::args::{Applied, RestartArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;
use crate::config::{self, Caller};

pub(super) async fn run(session: &mut Session<'_>, args: &RestartArgs) -> Result<Exit, Failure> {
    let manner = Manner { force: args.force, parallel: args.parallel };
    each(session, Verb::Restart, &args.applied, manner).await
}

/// `startOrRestart`: a restart of an application file starts what is missing anyway.
pub(super) async fn or_start(session: &mut Session<'_>, args: &RestartArgs) -> Result<Exit, Failure> {
    only_files(&args.applied)?;
    run(session, args).await
}

/// These verbs of PM2 take application files alone.
pub(super) fn only_files(args: &Applied) -> Result<(), Failure> {
    match args.targets.iter().find(|target| !apps::is_file(target)) {
        None => Ok(()),
        Some(target) => Err(Failure::new(format!("{target} is no application file"))
            .hint("for a name or an id: rpm restart, rpm reload")),
    }
}

/// Restart and reload differ in how an old process gives way, not in what is meant.
pub(super) async fn each(
    session: &mut Session<'_>,
    verb: Verb,
    args: &Applied,
    manner: Manner,
) -> Result<Exit, Failure> {
    let caller = session.caller()?;
    let parallel = match manner.parallel {
        None => concurrent_actions(&caller)?,
        given => given,
    };
    let manner = Manner { parallel, ..manner };
    let given = Wishes::given((&args.app, &args.app_args), args.file.names(), manner)?;
    let wishes = Wishes { update_env: args.update_env, as_is: args.as_is, ..given };
    apps::tell_idle_only(session, wishes.only.as_deref(), &args.targets);
    let mut acted = Vec::new();
    for target in &args.targets {
        acted.extend(Box::pin(reapply::target(session, verb, target, &wishes, &caller)).await?);
    }
    attached::finish(session, &acted, args.attach).await
}

/// PM2's setting of how many processes are acted on at a time.
fn concurrent_actions(caller: &Caller) -> Result<Option<u32>, Failure> {
    let Some(value) = config::setting(caller, "CONCURRENT_ACTIONS") else { return Ok(None) };
    match value.trim().parse() {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => Err(Failure::new(format!("RPM_CONCURRENT_ACTIONS cannot be {value:?}")).hint("it is a number from 1")),
    }
}
