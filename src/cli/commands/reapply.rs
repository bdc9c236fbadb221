//! A target of `restart`, `reload`, or `start` of something known: its spec is made anew where something says so
//! (the application file it came from, flags, `--update-env`), and it runs as it was otherwise.

use super::fresh::{self, Asked, Files, Fresh};
use super::{apps, changes};
use crate::api::request::Existing;
use crate::api::{Process, Request, Response};
use crate::cli::failure::Failure;
use crate::cli::render::outcome::{self, Verb};
use crate::cli::session::{About, Session};
use crate::config::{AppOptions, Caller, FileOptions};
use crate::domain::{AppSpec, ProcessId, Selector};

use super::amend::{amend, refuse_identity, toggle_watch};

/// What the command line wants beside the verb.
pub(super) struct Wishes {
    pub(super) options: AppOptions,
    /// `--env`.
    pub(super) profile: Option<String>,
    pub(super) only: Option<Vec<String>>,
    pub(super) update_env: bool,
    pub(super) as_is: bool,
    /// What is replaced is killed.
    pub(super) force: bool,
}

impl Wishes {
    fn change_something(&self) -> bool {
        !self.as_is || self.update_env || self.profile.is_some() || self.options != AppOptions::default()
    }
}

/// One app of the list, as far as it is meant.
struct Known {
    spec: AppSpec,
    ids: Vec<ProcessId>,
    /// Not all its processes are meant, or they differ, so that one new spec can't speak for them.
    partial: bool,
}

/// Acts on a word: an application file, or what is known by it.
pub(super) async fn target(
    session: &mut Session<'_>,
    verb: Verb,
    target: &str,
    wishes: &Wishes,
    caller: &Caller,
) -> Result<Vec<Process>, Failure> {
    if apps::is_file(target) {
        let overrides = AppOptions { name: None, ..wishes.options.clone() };
        if wishes.options.name.is_some() {
            session.screen.warn("--name is ignored: an application file names its apps itself");
        }
        let only = wishes.only.clone().unwrap_or_default();
        let options = FileOptions { profile: wishes.profile.clone(), only, overrides };
        let apps = apps::load(session, target, caller, &options)?;
        tell_changes(session, &apps).await?;
        return apps::apply(session, verb, apps, existing(verb), wishes.force).await;
    }
    known(session, verb, apps::selector(target, caller), wishes, caller).await
}

/// Acts on what a selector means.
pub(super) async fn known(
    session: &mut Session<'_>,
    verb: Verb,
    selector: Selector,
    wishes: &Wishes,
    caller: &Caller,
) -> Result<Vec<Process>, Failure> {
    let force = wishes.force;
    let plain = plain_request(verb, selector.clone(), force);
    if !wishes.change_something() {
        return session.act(verb, plain, About::Selected(selector)).await;
    }
    let meant = meant(session, selector.clone()).await?;
    let mut renewed = Vec::with_capacity(meant.len());
    let mut files = Files::default();
    for app in &meant {
        renewed.push(renew(session, app, wishes, caller, &mut files)?);
    }
    if renewed.iter().all(Option::is_none) {
        return session.act(verb, plain, About::Selected(selector)).await;
    }
    let mut acted = Vec::new();
    for (app, spec) in meant.into_iter().zip(renewed) {
        acted.extend(match spec {
            Some(spec) => apps::apply(session, verb, vec![spec], existing(verb), force).await?,
            None => as_it_is(session, verb, app, force).await?,
        });
    }
    Ok(acted)
}

/// What a file says otherwise than what is in the list.
async fn tell_changes(session: &mut Session<'_>, apps: &[AppSpec]) -> Result<(), Failure> {
    let known = apps::known(session).await?;
    for app in apps {
        let of_app: Vec<_> = known.iter().filter(|(_, spec)| spec.name == app.name).collect();
        let Some((_, old)) = of_app.first() else { continue };
        // Mode and number are what was started.
        let new = AppSpec { mode: old.mode, instances: old.instances, ..app.clone() };
        let changes = changes::between(old, &new);
        if !changes.is_empty() {
            let ids: Vec<_> = of_app.iter().map(|(id, _)| *id).collect();
            let who = outcome::app(&app.name, &ids);
            session.screen.say(&format!("{who} changes: {}\n", changes.join(", ")))?;
        }
    }
    Ok(())
}

async fn as_it_is(session: &mut Session<'_>, verb: Verb, app: Known, force: bool) -> Result<Vec<Process>, Failure> {
    let words = if app.partial { app.ids.iter().map(ToString::to_string).collect() } else { vec![app.spec.name] };
    let mut acted = Vec::new();
    for selector in words.into_iter().map(Selector::new) {
        acted.extend(session.act(verb, plain_request(verb, selector.clone(), force), About::Selected(selector)).await?);
    }
    Ok(acted)
}

/// The apps behind a selector, with their specs.
async fn meant(session: &Session<'_>, selector: Selector) -> Result<Vec<Known>, Failure> {
    let Response::Specs(specs) = session.link.request(Request::Specs { selector }).await? else {
        return Err(Failure::unexpected_answer());
    };
    let all = session.list(Selector::all()).await?;
    let mut meant: Vec<Known> = Vec::new();
    for (id, spec) in specs {
        match meant.iter_mut().find(|app| app.spec.name == spec.name) {
            Some(app) => {
                app.partial |= app.spec != spec;
                app.ids.push(id);
            }
            None => meant.push(Known { spec, ids: vec![id], partial: false }),
        }
    }
    for app in &mut meant {
        app.partial |= all.iter().filter(|process| process.name == app.spec.name).count() != app.ids.len();
    }
    Ok(meant)
}

/// The app's new spec, if it is another one; what is new is told.
fn renew(
    session: &mut Session<'_>,
    app: &Known,
    wishes: &Wishes,
    caller: &Caller,
    files: &mut Files,
) -> Result<Option<AppSpec>, Failure> {
    let who = outcome::app(&app.spec.name, &app.ids);
    if app.partial {
        if wishes.update_env || wishes.options != AppOptions::default() {
            return Err(Failure::new(format!("{who}: settings belong to all processes of an app"))
                .hint(format!("name the app: {}", app.spec.name)));
        }
        return Ok(None);
    }
    refuse_identity(&app.spec.name, &wishes.options)?;
    let now = if wishes.as_is { Ok(Fresh::Same) } else { files.app(&app.spec, &Asked::of(wishes), caller) };
    let from_file = app.spec.source.is_some() && !wishes.as_is;
    let mut spec = match now {
        Ok(Fresh::Now(spec)) if from_file => *spec,
        Ok(Fresh::Gone(file)) => {
            session.screen.warn(&format!("{who} is no longer in {}; it stays as it was", file.display()));
            app.spec.clone()
        }
        Err(error) if from_file => {
            session.screen.warn(&format!("{error}; {who} stays as it was"));
            app.spec.clone()
        }
        _ if wishes.profile.is_some() => {
            return Err(Failure::new(format!("--env chooses a profile of an application file, and {who} has none"))
                .hint("to take over the variables of this shell: --update-env"));
        }
        now => {
            let mut spec = match now {
                Ok(Fresh::Now(spec)) => *spec,
                Ok(_) => app.spec.clone(),
                Err(error) => {
                    session.screen.warn(&format!("{error}; the variables of {who} stay as they were"));
                    app.spec.clone()
                }
            };
            amend(&mut spec, &wishes.options, caller)?;
            spec
        }
    };
    toggle_watch(&mut spec, &app.spec, &wishes.options);
    if wishes.update_env {
        fresh::inherit_anew(&mut spec.env, caller);
    }
    let changes = changes::between(&app.spec, &spec);
    if changes.is_empty() {
        // What does nothing is taken over without a word.
        return Ok((spec.recorded != app.spec.recorded).then_some(spec));
    }
    session.screen.say(&format!("{who} changes: {}\n", changes.join(", ")))?;
    Ok(Some(spec))
}

const fn existing(verb: Verb) -> Existing {
    match verb {
        Verb::Reload => Existing::Reload,
        Verb::Start | Verb::Restart | Verb::Scale | Verb::Stop | Verb::Delete => Existing::Restart,
    }
}

fn plain_request(verb: Verb, selector: Selector, force: bool) -> Request {
    match existing(verb) {
        Existing::Reload => Request::Reload { selector },
        Existing::Restart | Existing::Refuse | Existing::Duplicate | Existing::Keep => {
            Request::Restart { selector, force }
        }
    }
}
