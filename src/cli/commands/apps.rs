//! Targets that are application files.

use crate::api::request::{Existing, Start};
use crate::api::{Code, Process, Request, Response};
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::{About, Session};
use crate::config::{self, Caller, FileOptions, Loaded};
use crate::domain::{AppSpec, ProcessId, Selector};
use std::io::{self, Read};
use std::path::Path;

/// Standard input, as a target.
pub(super) const STDIN: &str = "-";

/// How what runs gives way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// It is killed.
    pub(super) force: bool,
    /// How many of an app are replaced at a time by a reload, instead of its own number.
    pub(super) parallel: Option<u32>,
}

/// Whether the word means an application file, on disk or on standard input.
pub(super) fn is_file(target: &str) -> bool {
    target == STDIN || config::is_application_file(target)
}

/// `--only` chooses among the apps of a file; where there is none it does nothing, which is told.
pub(super) fn tell_idle_only(session: &mut Session<'_>, only: Option<&[String]>, targets: &[String]) {
    if only.is_some() && !targets.iter().any(|target| is_file(target)) {
        session.screen.warn("--only is ignored: it chooses apps of an application file, and none is named");
    }
}

/// The word as a selector, which may be a script of the working directory.
pub(super) fn selector(target: &str, caller: &Caller) -> Selector {
    Selector { text: target.to_owned(), cwd: Some(caller.cwd.clone()) }
}

pub(super) fn unknown(target: &str) -> Failure {
    Failure::new(format!("nothing is called {target}")).hint("what there is: rpm ls")
}

/// Reads an application file; what is odd in it is told.
pub(super) fn load(
    session: &mut Session<'_>,
    target: &str,
    caller: &Caller,
    options: &FileOptions,
) -> Result<Vec<AppSpec>, Failure> {
    let Loaded { mut apps, warnings } = if target == STDIN {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|source| Failure::new(format!("cannot read an application file from standard input: {source}")))?;
        config::load_text(&text, caller, options).map_err(|error| {
            let failure = Failure::new(format!("{}: {error}", title(target)));
            error.hint().into_iter().fold(failure, Failure::hint)
        })?
    } else {
        config::load_file(Path::new(target), caller, options)?
    };
    for warning in warnings {
        session.screen.warn(&warning);
    }
    if apps.is_empty() {
        return Err(Failure::new(format!("{} names no app to act on", title(target))));
    }
    for app in &mut apps {
        session.give_settings(app);
    }
    Ok(apps)
}

/// All processes of the list with their settings; an empty list is none.
pub(super) async fn known(session: &Session<'_>) -> Result<Vec<(ProcessId, AppSpec)>, Failure> {
    match session.link.request(Request::Specs { selector: Selector::all() }).await {
        Ok(Response::Specs(specs)) => Ok(specs),
        Ok(_) => Err(Failure::unexpected_answer()),
        Err(error) if error.code == Code::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Applies apps as they are specified: what is missing is started, what is there treated as `existing` says.
pub(super) async fn apply(
    session: &mut Session<'_>,
    verb: Verb,
    apps: Vec<AppSpec>,
    existing: Existing,
    Manner { force, parallel }: Manner,
) -> Result<Vec<Process>, Failure> {
    let names = apps.iter().map(|app| app.name.clone()).collect();
    let processes = apps.iter().map(|app| app.instances as usize).sum();
    let about = About::Apps { names, processes };
    session.act(verb, Request::Start(Start { apps, existing, force, parallel }), about).await
}

/// Stops or deletes, word by word; the apps of a file by their names.
pub(super) async fn each(
    session: &mut Session<'_>,
    verb: Verb,
    targets: &[String],
    only: Option<Vec<String>>,
    request: impl Fn(Selector) -> Request,
) -> Result<Vec<Process>, Failure> {
    let caller = session.caller()?;
    tell_idle_only(session, only.as_deref(), targets);
    let options = FileOptions { only: only.unwrap_or_default(), ..FileOptions::default() };
    let mut acted = Vec::new();
    for target in targets {
        let selectors = if is_file(target) {
            named_by(session, target, &caller, &options).await?
        } else {
            vec![selector(target, &caller)]
        };
        for selector in selectors {
            acted.extend(session.act(verb, request(selector.clone()), About::Selected(selector)).await?);
        }
    }
    Ok(acted)
}

/// The apps of a file that are in the list; those that are not are told.
async fn named_by(
    session: &mut Session<'_>,
    target: &str,
    caller: &Caller,
    options: &FileOptions,
) -> Result<Vec<Selector>, Failure> {
    let apps = load(session, target, caller, options)?;
    let known = session.list(Selector::all()).await?;
    let (there, absent): (Vec<_>, Vec<_>) =
        apps.into_iter().map(|app| app.name).partition(|name| known.iter().any(|process| process.name == *name));
    if there.is_empty() {
        return Err(Failure::new(format!("no app of {} is in the list", title(target))).hint("what there is: rpm ls"));
    }
    for name in absent {
        session.screen.warn(&format!("{name} is not in the list"));
    }
    Ok(there.into_iter().map(Selector::new).collect())
}

pub(super) fn title(target: &str) -> &str {
    if target == STDIN { "standard input" } else { target }
}
