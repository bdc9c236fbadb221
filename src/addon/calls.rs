//! Calls that take more than one request, or a look at an application file first.

use super::failure::unexpected;
use super::renew::renewed;
use super::target::{Origin, Target, Wanted, resolve, wanted};
use crate::api::request::Existing;
use crate::api::{ApiError, Backend, Code, Process, Request, Response, Start};
use crate::config::{Caller, Loaded};
use crate::domain::Selector;
use crate::settings::Store;
use napi_derive::napi;
use serde_json::Value;
use std::collections::HashSet;

/// What is done to processes that are there.
#[napi(string_enum = "lowercase")]
#[derive(Debug, Clone, Copy)]
pub enum Action {
    Stop,
    Restart,
    Reload,
    Delete,
    Reset,
}

/// How what runs gives way.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    force: bool,
    parallel: Option<u32>,
}

impl Action {
    const fn request(self, selector: Selector, Manner { force, parallel }: Manner) -> Request {
        match self {
            Self::Stop => Request::Stop { selector, force },
            Self::Restart => Request::Restart { selector, force },
            Self::Reload => Request::Reload { selector, parallel },
            Self::Delete => Request::Delete { selector, force },
            Self::Reset => Request::Reset { selector },
        }
    }

    /// Whether it ends what runs, so that it can be told to kill.
    const fn takes_force(self) -> bool {
        matches!(self, Self::Stop | Self::Restart | Self::Delete)
    }

    /// What becomes of the running apps of an application file; `None` when the file only names them.
    const fn applies(self) -> Option<Existing> {
        match self {
            Self::Restart => Some(Existing::Restart),
            Self::Reload => Some(Existing::Reload),
            Self::Stop | Self::Delete | Self::Reset => None,
        }
    }
}

/// Where a call goes.
pub(super) struct Site<'a> {
    pub backend: &'a dyn Backend,
    /// What is set for apps; a supervisor without a home has nothing.
    pub store: Option<Store>,
}

/// The processes that a call was about, as they are afterwards, and what the caller should know besides.
pub(super) struct Done {
    pub processes: Vec<Process>,
    pub warnings: Vec<String>,
}

pub(super) async fn start(site: Site<'_>, target: Value, options: Value, caller: Caller) -> Result<Done, ApiError> {
    let Wanted { loaded, origin } = off_thread(move || wanted(target, options, &caller)).await?;
    let existing = match origin {
        Origin::Script { force: true } => Existing::Duplicate,
        Origin::Script { force: false } => Existing::Refuse,
        Origin::Declared => Existing::Restart,
    };
    apply(&site, loaded, existing, Manner::default()).await
}

pub(super) async fn act(
    site: Site<'_>,
    action: Action,
    target: Value,
    mut options: Value,
    caller: Caller,
) -> Result<Done, ApiError> {
    let backend = site.backend;
    let force = action.takes_force() && take_force(&mut options);
    let parallel = if matches!(action, Action::Reload) { take_parallel(&mut options)? } else { None };
    let manner = Manner { force, parallel };
    let renews = take_update_env(&mut options);
    let surroundings = caller.clone();
    match off_thread(move || resolve(target, options, &caller)).await? {
        Target::Selector(selector) => {
            if let Some(existing) = action.applies().filter(|_| renews) {
                let apps = renewed(backend, selector, &surroundings).await?;
                return apply(&site, Loaded { apps, warnings: Vec::new() }, existing, manner).await;
            }
            Ok(Done { processes: processes(backend, action.request(selector, manner)).await?, warnings: Vec::new() })
        }
        Target::Apps(loaded) => match action.applies() {
            Some(existing) => apply(&site, loaded, existing, manner).await,
            None => by_name(backend, action, loaded, manner).await,
        },
    }
}

pub(super) async fn processes(backend: &dyn Backend, request: Request) -> Result<Vec<Process>, ApiError> {
    match backend.request(request).await? {
        Response::Processes(processes) => Ok(processes),
        _ => Err(unexpected("a request for processes")),
    }
}

async fn apply(site: &Site<'_>, loaded: Loaded, existing: Existing, manner: Manner) -> Result<Done, ApiError> {
    let Loaded { mut apps, mut warnings } = loaded;
    match site.store.as_ref().map(Store::load) {
        None => {}
        Some(Ok(settings)) => apps.iter_mut().for_each(|app| settings.give(app)),
        Some(Err(error)) => {
            warnings.push(format!("{error}; the variables of apps that are set there stay as they were"));
        }
    }
    let Manner { force, parallel } = manner;
    let start = Request::Start(Start { apps, existing, force, parallel });
    Ok(Done { processes: processes(site.backend, start).await?, warnings })
}

/// Acts on the apps that a file names, in its order. One that is not there is no reason to leave the others.
async fn by_name(backend: &dyn Backend, action: Action, loaded: Loaded, manner: Manner) -> Result<Done, ApiError> {
    let mut done = Done { processes: Vec::new(), warnings: loaded.warnings };
    let mut missing = None;
    let mut seen = HashSet::new();
    for app in loaded.apps {
        if !seen.insert(app.name.clone()) {
            continue;
        }
        match processes(backend, action.request(Selector::new(app.name), manner)).await {
            Ok(mut acted) => done.processes.append(&mut acted),
            Err(error) if error.code == Code::NotFound => missing = missing.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if done.processes.is_empty() => Err(error),
        _ => Ok(done),
    }
}

/// The option `force`, which is none of the fields that the others are.
fn take_force(options: &mut Value) -> bool {
    let force = options.as_object_mut().and_then(|options| options.remove("force"));
    force == Some(Value::Bool(true))
}

/// The option `updateEnv`: what a file or an object says is made anew anyway.
fn take_update_env(options: &mut Value) -> bool {
    let Some(options) = options.as_object_mut() else { return false };
    let given = ["updateEnv", "update_env"].map(|name| options.remove(name));
    given.contains(&Some(Value::Bool(true)))
}

/// The option `parallel` of a reload, likewise.
fn take_parallel(options: &mut Value) -> Result<Option<u32>, ApiError> {
    let Some(value) = options.as_object_mut().and_then(|options| options.remove("parallel")) else { return Ok(None) };
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    match number {
        None if !value.is_null() => Err(ApiError::new(Code::Invalid, "the option parallel must be a number from 1")),
        number => Ok(number),
    }
}

/// Reading an application file waits for the disk, and for Node where the file is a program.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::new(Code::Internal, format!("reading the application file failed: {error}"))),
    }
}
