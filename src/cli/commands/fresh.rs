//! What the files of an app say now: its application file and its `.env` files.

use super::reapply::Wishes;
use crate::config::{self, AppOptions, Caller, ConfigError, FileOptions, Loaded};
use crate::domain::AppSpec;
use crate::domain::spec::{Environment, Source};
use std::path::PathBuf;
use std::sync::Arc;

/// What is asked beside the files themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked<'a> {
    /// Another profile than the one of then.
    pub(super) profile: Option<&'a str>,
    pub(super) overrides: AppOptions,
    /// The variables of this shell, not those of the one that started it.
    pub(super) update_env: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn of(wishes: &'a Wishes) -> Self {
        Self { profile: wishes.profile.as_deref(), overrides: wishes.options.clone(), update_env: wishes.update_env }
    }
}

/// An app as its files have it.
pub(super) enum Fresh {
    Now(Box<AppSpec>),
    /// It has no files.
    Same,
    /// Its application file has it no more.
    Gone(PathBuf),
}

/// Application files, each read once a command.
#[derive(Default)]
pub(super) struct Files {
    read: Vec<(Source, Result<Vec<AppSpec>, String>)>,
}

impl Files {
    /// How many processes an app has, and of which mode, is what it is: a restart does not undo `scale`.
    pub(super) fn app(&mut self, old: &AppSpec, asked: &Asked<'_>, caller: &Caller) -> Result<Fresh, String> {
        let Some(source) = &old.source else {
            if old.env.files.is_empty() {
                return Ok(Fresh::Same);
            }
            let mut spec = old.clone();
            config::reread_env_files(&mut spec.env).map_err(|error| error.to_string())?;
            return Ok(Fresh::Now(Box::new(spec)));
        };
        let profile = asked.profile.map(str::to_owned).or_else(|| source.profile.clone());
        let source = Source { file: source.file.clone(), profile };
        let position = self.read.iter().position(|(known, _)| *known == source).unwrap_or_else(|| {
            let apps = read(&source, &asked.overrides, caller).map_err(|error| error.to_string());
            self.read.push((source.clone(), apps));
            self.read.len() - 1
        });
        let apps = self.read[position].1.as_ref().map_err(Clone::clone)?;
        let Some(spec) = apps.iter().find(|spec| spec.name == old.name) else { return Ok(Fresh::Gone(source.file)) };
        let mut spec = spec.clone();
        carry_over(&mut spec, old, asked.update_env).map_err(|error| error.to_string())?;
        Ok(Fresh::Now(Box::new(spec)))
    }
}

/// What stays of an app that is known when its file is read again: what it is, and what it has inherited.
pub(super) fn carry_over(new: &mut AppSpec, old: &AppSpec, update_env: bool) -> Result<(), ConfigError> {
    new.instances = old.instances;
    new.mode = old.mode;
    new.username.clone_from(&old.username);
    if !update_env && new.env.inherit == old.env.inherit {
        new.env.inherited.clone_from(&old.env.inherited);
        // What they refer to is another one now.
        config::reread_env_files(&mut new.env)?;
    }
    Ok(())
}

/// Takes over the variables of the caller, as far as the app wants them.
pub(super) fn inherit_anew(env: &mut Environment, caller: &Caller) {
    env.inherited = Arc::new(config::inherited(&env.inherit, &caller.env));
    // They have been read a moment ago; what is wrong with them has been told.
    let _ = config::reread_env_files(env);
}

fn read(source: &Source, overrides: &AppOptions, caller: &Caller) -> Result<Vec<AppSpec>, ConfigError> {
    let options = FileOptions { profile: source.profile.clone(), only: Vec::new(), overrides: overrides.clone() };
    let Loaded { apps, .. } = config::load_file(&source.file, caller, &options)?;
    Ok(apps)
}
