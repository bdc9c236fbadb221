//! A target of `restart`, `reload`, or `start` of something known: its spec is made anew where something says so
//! (the application file it came from, flags, `--update-env`), and it runs as it was otherwise.

use super::apps::Manner;
use super::flags::{self, Given};
use super::fresh::{self, Asked, Files, Fresh};
use super::groups::{existing, groups_of, in_groups, of_file, plain_request};
use super::removed::remove;
use super::{apps, changes, rename};
use crate::api::request::{Existing, Start};
use crate::api::{Process, Request, Response};
use crate::cli::args::AppFlags;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::{self, Verb};
use crate::cli::session::{About, Session, processes_of};
use crate::config::{AppOptions, Caller, FileOptions};
use crate::domain::{AppSpec, ProcessId, Selector};
use std::sync::Arc;

use super::amend::{amend, toggle_watch};

/// What the command line wants beside the verb.
pub(super) struct Wishes {
    pub(super) options: AppOptions,
    /// Fields that the command line takes away.
    pub(super) removed: Vec<&'static str>,
    /// `--env`.
    pub(super) profile: Option<String>,
    pub(super) only: Option<Vec<String>>,
    pub(super) update_env: bool,
    pub(super) as_is: bool,
    pub(super) manner: Manner,
}

impl Wishes {
    /// What a command line says about apps.
    pub(super) fn given(
        (flags, args): (&AppFlags, &[String]),
        only: Option<Vec<String>>,
        manner: Manner,
    ) -> Result<Self, Failure> {
        let Given { options, removed, .. } = flags::options(flags, args)?;
        let profile = flags.env.clone();
        Ok(Self { options, removed, profile, only, update_env: false, as_is: false, manner })
    }

    fn are_settings(&self) -> bool {
        !self.removed.is_empty() || self.options != AppOptions::default()
    }

    fn change_something(&self) -> bool {
        !self.as_is || self.update_env || self.profile.is_some() || self.are_settings()
    }
}

/// One app of the list, as far as it is meant.
pub(super) struct Known {
    pub(super) spec: AppSpec,
    pub(super) ids: Vec<ProcessId>,
    /// Not all its processes are meant, or they differ, so that one new spec can't speak for them.
    pub(super) partial: bool,
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
        let mut apps = apps::load(session, target, caller, &options)?;
        for app in &mut apps {
            take_away(session, app, &wishes.removed, caller)?;
        }
        tell_changes(session, &apps).await?;
        if let Some(count) = groups_of(verb, wishes.manner) {
            return of_file(session, verb, apps, wishes.manner, count).await;
        }
        return apps::apply(session, verb, apps, existing(verb), wishes.manner).await;
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
    let manner = wishes.manner;
    let plain = plain_request(verb, selector.clone(), manner);
    let at_once = groups_of(verb, manner).is_none();
    if at_once && !wishes.change_something() {
        return session.act(verb, plain, About::Selected(selector)).await;
    }
    let meant = meant(session, selector.clone()).await?;
    let mut renewed = Vec::with_capacity(meant.len());
    let mut files = Files::default();
    if let Some(new) = &wishes.options.name {
        rename::refuse(&meant, new)?;
    }
    for app in &meant {
        let new = if wishes.change_something() { renew(session, app, wishes, caller, &mut files)? } else { None };
        renewed.push(new);
    }
    let same = wishes.options.name.is_none() && renewed.iter().all(Option::is_none);
    if at_once && same {
        return session.act(verb, plain, About::Selected(selector)).await;
    }
    let mut acted = Vec::new();
    for (app, spec) in meant.into_iter().zip(renewed) {
        acted.extend(match (spec, &wishes.options.name) {
            (spec, Some(new)) if *new != app.spec.name => rename::carry_out(session, verb, app, spec, new).await?,
            (Some(spec), _) if !at_once => {
                let keep = Start { apps: vec![spec], existing: Existing::Keep, force: false, parallel: None };
                processes_of(session.link.request(Request::Start(keep)).await?)?;
                as_it_is(session, verb, app, manner).await?
            }
            (Some(spec), _) => apps::apply(session, verb, vec![spec], existing(verb), manner).await?,
            (None, _) => as_it_is(session, verb, app, manner).await?,
        });
    }
    Ok(acted)
}

fn take_away(
    session: &mut Session<'_>,
    app: &mut AppSpec,
    removed: &[&'static str],
    caller: &Caller,
) -> Result<(), Failure> {
    for field in removed {
        if remove(app, field, caller)? {
            Arc::make_mut(&mut app.given).remove(*field);
        } else {
            session.screen.warn(&format!("{} cannot be without {field}; it stays as it was", app.name));
        }
    }
    Ok(())
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

async fn as_it_is(session: &mut Session<'_>, verb: Verb, app: Known, manner: Manner) -> Result<Vec<Process>, Failure> {
    if let Some(groups) = groups_of(verb, manner) {
        return in_groups(session, verb, &app.ids, manner, groups).await;
    }
    let words = if app.partial { app.ids.iter().map(ToString::to_string).collect() } else { vec![app.spec.name] };
    let mut acted = Vec::new();
    for selector in words.into_iter().map(Selector::new) {
        acted
            .extend(session.act(verb, plain_request(verb, selector.clone(), manner), About::Selected(selector)).await?);
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
        if wishes.update_env || wishes.are_settings() {
            return Err(Failure::new(format!("{who}: settings belong to all processes of an app"))
                .hint(format!("name the app: {}", app.spec.name)));
        }
        return Ok(None);
    }
    if wishes.options.instances.is_some() {
        session
            .screen
            .warn(&format!("a restart does not change how many processes {who} has: rpm scale {}", app.spec.name));
    }
    if wishes.options.exec_mode.is_some_and(|mode| mode != app.spec.mode) {
        session.screen.warn(&format!("a restart does not change the mode of {who}: delete it, and start it anew"));
    }
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
    take_away(session, &mut spec, &wishes.removed, caller)?;
    toggle_watch(&mut spec, &app.spec, &wishes.options);
    if wishes.update_env {
        fresh::inherit_anew(&mut spec.env, caller);
    } else if !wishes.as_is {
        tell_shell(session, &spec, caller);
    }
    if !wishes.as_is {
        session.give_settings(&mut spec);
    }
    let changes = changes::between(&app.spec, &spec);
    if changes.is_empty() {
        // What does nothing is taken over without a word.
        return Ok((spec.recorded != app.spec.recorded).then_some(spec));
    }
    session.screen.say(&format!("{who} changes: {}\n", changes.join(", ")))?;
    Ok(Some(spec))
}

/// PM2's hint, where there is something to hint at.
fn tell_shell(session: &mut Session<'_>, spec: &AppSpec, caller: &Caller) {
    let mut now = spec.clone();
    fresh::inherit_anew(&mut now.env, caller);
    if let Some(differences) = changes::of_shell(&spec.env, &now.env) {
        session.hint_once(&format!(
            "the variables of this shell are not those of {} ({differences}): --update-env takes them over",
            spec.name
        ));
    }
}
