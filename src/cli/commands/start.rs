//! `start`: an application file, what is known by the word, or something new.

use super::reapply::{self, Wishes};
use super::{apps, attached, write};
use crate::api::Process;
use crate::api::request::Existing;
use crate::cli::args::StartArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;
use crate::config::{self, Caller, Loaded};
use crate::domain::Selector;
use std::path::Path;

pub(super) async fn run(session: &mut Session<'_>, args: &StartArgs) -> Result<Exit, Failure> {
    let caller = session.caller()?;
    let manner = apps::Manner { force: false, parallel: args.parallel };
    let given = Wishes::given((&args.app, &args.app_args), args.file.names(), manner)?;
    let wishes = Wishes { update_env: args.update_env, ..given };
    let found;
    let targets = if args.targets.is_empty() {
        found = [default_file(&caller)?];
        &found[..]
    } else {
        &args.targets
    };
    apps::tell_idle_only(session, wishes.only.as_deref(), targets);
    let mut acted = Vec::new();
    for target in targets {
        acted.extend(Box::pin(one(session, target, args.force, &wishes, &caller)).await?);
    }
    if args.write {
        write::file(session, &args.app, &args.app_args, &caller, targets)?;
    }
    attached::finish(session, &acted, args.attach).await
}

async fn one(
    session: &mut Session<'_>,
    target: &str,
    force: bool,
    wishes: &Wishes,
    caller: &Caller,
) -> Result<Vec<Process>, Failure> {
    if apps::is_file(target) {
        return Box::pin(reapply::target(session, Verb::Start, target, wishes, caller)).await;
    }
    // Not as a script path: a script that runs already is refused, unlike a name.
    let selector = Selector::new(target);
    if !force && may_be_known(target, &caller.cwd) && !session.list(selector.clone()).await?.is_empty() {
        return reapply::known(session, Verb::Start, selector, wishes, caller).await;
    }
    if target == "all" {
        return Err(Failure::new("the list is empty, there is nothing to start").hint("start an app: rpm start app.js"));
    }
    if wishes.profile.is_some() {
        session.screen.warn("--env is ignored: it chooses a profile of an application file");
    }
    let Loaded { mut apps, warnings } = config::from_target(target, wishes.options.clone(), caller)?;
    for warning in warnings {
        session.screen.warn(&warning);
    }
    for app in &mut apps {
        session.give_settings(app);
    }
    let existing = if force { Existing::Duplicate } else { Existing::Refuse };
    apps::apply(session, Verb::Start, apps, existing, apps::Manner::default()).await
}

/// A word that names a process, a namespace or an id, unless nothing is called so. What is a file is a file.
fn may_be_known(target: &str, cwd: &Path) -> bool {
    !target.contains(['/', ' ']) && (Path::new(target).extension().is_none() || !cwd.join(target).exists())
}

pub(super) fn default_file(caller: &Caller) -> Result<String, Failure> {
    let found = config::DEFAULT_FILES.into_iter().find(|name| caller.cwd.join(name).is_file());
    found.map(ToOwned::to_owned).ok_or_else(|| {
        Failure::new(format!("there is no ecosystem.config.js in {}", caller.cwd.display()))
            .hint("name what is meant, as in: rpm start app.js; or write such a file: rpm init")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_names_but_files_are_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("app.js"), "").unwrap();
        for (target, known) in [
            ("api", true),
            ("0", true),
            ("all", true),
            ("my.app", true),
            ("app.js", false),
            ("./api", false),
            ("node x", false),
        ] {
            assert_eq!(may_be_known(target, dir.path()), known, "{target}");
        }
    }
}
