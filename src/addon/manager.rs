//! The class that JavaScript holds: one supervisor, in the daemon or in this program.

use super::calls::{Action, Done, Site, act, processes, start};
use super::failure::{settle, thrown, unexpected};
use super::process::{DaemonInfo, ProcessDetails, ProcessInfo};
use super::stream::{NativeEventStream, NativeLogStream};
use super::target::caller;
use crate::api::{ApiError, Backend, Code, LogQuery, OutputStream, Request, Response};
use crate::client::Client;
use crate::config::Caller;
use crate::domain::Selector;
use crate::engine::{Embedded, EmbeddedOptions};
use crate::paths::Home;
use crate::settings::Store;
use napi::bindgen_prelude::{Env, PromiseRaw};
use napi_derive::napi;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// `process.env`.
pub(super) type Variables = BTreeMap<String, String>;

/// The processes that a call was about, as they are afterwards, and what the caller should know besides.
#[napi(object, object_from_js = false)]
pub struct ActionResult {
    pub processes: Vec<ProcessInfo>,
    pub warnings: Vec<String>,
}

impl From<Done> for ActionResult {
    fn from(done: Done) -> Self {
        Self { processes: infos(done.processes), warnings: done.warnings }
    }
}

/// Which lines a log stream carries.
#[napi(object, object_to_js = false)]
pub struct LogOptions {
    /// A name, id, namespace, `all` or `/regex/`.
    pub target: String,
    /// How many of the last lines of each file come first.
    pub lines: u32,
    /// Whether what is written from now on follows.
    pub follow: bool,
    /// Only one stream.
    #[napi(ts_type = "'out' | 'err'")]
    pub stream: Option<String>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Daemon(Arc<Client>),
    Embedded(Embedded),
}

impl Kind {
    pub(super) fn backend(&self) -> &dyn Backend {
        match self {
            Self::Daemon(client) => client.as_ref(),
            Self::Embedded(embedded) => embedded,
        }
    }

    /// The answer of a supervisor that runs already; `None` when none does.
    pub(super) async fn request_running(&self, request: Request) -> Result<Option<Response>, ApiError> {
        match self {
            Self::Daemon(client) => client.request_running(request).await,
            Self::Embedded(embedded) => embedded.request(request).await.map(Some),
        }
    }
}

/// A supervisor.
#[napi]
pub struct NativeManager {
    pub(super) kind: Kind,
    /// `None` where its files are in a temporary directory of its own.
    home: Option<Home>,
}

#[napi]
impl NativeManager {
    /// The daemon of a home, started by the first call when it does not run. `program` is the native `rpm`.
    #[napi(factory)]
    pub fn connect(env: Env, home: Option<String>, program: String) -> napi::Result<Self> {
        let home = match home {
            Some(home) => Home::new(home),
            None => Home::from_env().map_err(|error| thrown(env, &ApiError::new(Code::Invalid, error.to_string())))?,
        };
        let kind = Kind::Daemon(Arc::new(Client::new(home.clone(), PathBuf::from(program))));
        Ok(Self { kind, home: Some(home) })
    }

    /// A supervisor in this program, which ends with it. `guardian` is the native `rpm-guardian`, which ends what apps
    /// have detached when this program is killed.
    #[napi(factory)]
    pub fn embedded(env: Env, home: Option<String>, guardian: Option<String>) -> napi::Result<Self> {
        let home = home.map(Home::new);
        let directory = home.as_ref().map(|home| home.root().to_owned());
        let options =
            EmbeddedOptions { home: directory, guardian: guardian.map(PathBuf::from), ..EmbeddedOptions::default() };
        let embedded = Embedded::start(options).map_err(|failure| thrown(env, &failure))?;
        Ok(Self { kind: Kind::Embedded(embedded), home })
    }

    /// Where it keeps its files; `null` where that is a temporary directory.
    #[napi(getter)]
    pub fn home(&self) -> Option<String> {
        self.home.as_ref().map(|home| home.root().to_string_lossy().into_owned())
    }

    /// Starts a script, an application file, an app or a list of apps.
    #[napi(ts_return_type = "Promise<ActionResult>")]
    pub fn start<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "unknown")] target: Value,
        #[napi(ts_arg_type = "unknown")] options: Value,
        #[napi(ts_arg_type = "Record<string, string | undefined>")] variables: Variables,
        cwd: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ActionResult>> {
        let kind = self.kind.clone();
        let (caller, store) = (calling(*env, variables, cwd)?, self.store());
        settle(
            env,
            async move { start(Site { backend: kind.backend(), store: store.ok() }, target, options, caller).await },
            Into::into,
        )
    }

    /// Acts on processes by name or id, or on the apps of an application file.
    #[napi(ts_return_type = "Promise<ActionResult>")]
    pub fn act<'env>(
        &self,
        env: &'env Env,
        action: Action,
        #[napi(ts_arg_type = "unknown")] target: Value,
        #[napi(ts_arg_type = "unknown")] options: Value,
        #[napi(ts_arg_type = "Record<string, string | undefined>")] variables: Variables,
        cwd: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ActionResult>> {
        let kind = self.kind.clone();
        let (caller, store) = (calling(*env, variables, cwd)?, self.store());
        settle(
            env,
            async move { act(Site { backend: kind.backend(), store: store.ok() }, action, target, options, caller).await },
            Into::into,
        )
    }

    /// Sets, or with `relative` changes, how many processes an app has.
    #[napi(ts_return_type = "Promise<Array<ProcessInfo>>")]
    pub fn scale<'env>(
        &self,
        env: &'env Env,
        name: String,
        count: i32,
        relative: bool,
    ) -> napi::Result<PromiseRaw<'env, Vec<ProcessInfo>>> {
        self.processes(env, Request::Scale { name, count, relative })
    }

    #[napi(ts_return_type = "Promise<Array<ProcessInfo>>")]
    pub fn list<'env>(&self, env: &'env Env, target: String) -> napi::Result<PromiseRaw<'env, Vec<ProcessInfo>>> {
        self.processes(env, Request::List { selector: Selector::new(target) })
    }

    #[napi(ts_return_type = "Promise<Array<ProcessDetails>>")]
    pub fn describe<'env>(
        &self,
        env: &'env Env,
        target: String,
    ) -> napi::Result<PromiseRaw<'env, Vec<ProcessDetails>>> {
        self.ask(env, Request::Describe { selector: Selector::new(target) }, |response| match response {
            Response::Details(details) => Ok(details.into_iter().map(Into::into).collect()),
            _ => Err(unexpected("describe")),
        })
    }

    /// The list in PM2's shape: the elements of `jlist`.
    #[napi(ts_return_type = "Promise<Array<unknown>>")]
    pub fn pm2_list<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<Value>>> {
        self.ask(env, Request::Pm2List, |response| match response {
            Response::Pm2(list) => list.elements().map_err(|error| ApiError::new(Code::Internal, error.to_string())),
            _ => Err(unexpected("list")),
        })
    }

    /// Sends a signal, by number; gives the processes that it was sent to.
    #[napi(ts_return_type = "Promise<Array<ProcessInfo>>")]
    pub fn signal<'env>(
        &self,
        env: &'env Env,
        target: String,
        signal: i32,
    ) -> napi::Result<PromiseRaw<'env, Vec<ProcessInfo>>> {
        self.processes(env, Request::Signal { selector: Selector::new(target), signal })
    }

    /// Empties log files; without a target also the daemon's own.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn flush<'env>(&self, env: &'env Env, target: Option<String>) -> napi::Result<PromiseRaw<'env, ()>> {
        self.ask(env, Request::Flush { selector: target.map(Selector::new) }, |_| Ok(()))
    }

    /// Who answers.
    #[napi(ts_return_type = "Promise<DaemonInfo>")]
    pub fn ping<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, DaemonInfo>> {
        self.ask(env, Request::Ping, |response| match response {
            Response::Daemon(info) => Ok(info.into()),
            _ => Err(unexpected("ping")),
        })
    }

    /// Ends all apps, at once with `force`, then the supervisor. `false` when no daemon ran.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn kill<'env>(&self, env: &'env Env, force: bool) -> napi::Result<PromiseRaw<'env, bool>> {
        let kind = self.kind.clone();
        let work = async move {
            match kind {
                Kind::Daemon(client) => Ok(client.request_running(Request::Kill { force }).await?.is_some()),
                Kind::Embedded(embedded) => embedded.close().await.map(|()| true),
            }
        };
        settle(env, work, |ran| ran)
    }

    #[napi(ts_return_type = "Promise<NativeLogStream>")]
    pub fn logs<'env>(&self, env: &'env Env, options: LogOptions) -> napi::Result<PromiseRaw<'env, NativeLogStream>> {
        let kind = self.kind.clone();
        let stream =
            options.stream.as_deref().map(|name| if name == "err" { OutputStream::Err } else { OutputStream::Out });
        let LogOptions { target, lines, follow, .. } = options;
        let query = LogQuery { selector: Selector::new(target), lines, follow, stream };
        settle(env, async move { kind.backend().logs(query).await }, NativeLogStream::new)
    }

    #[napi(ts_return_type = "Promise<NativeEventStream>")]
    pub fn events<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, NativeEventStream>> {
        let kind = self.kind.clone();
        settle(env, async move { kind.backend().events().await }, NativeEventStream::new)
    }

    /// Where its files are.
    pub(super) fn place(&self) -> Result<Home, ApiError> {
        let home = self.home.clone();
        home.ok_or_else(|| ApiError::new(Code::Invalid, "a supervisor without a home keeps nothing"))
    }

    /// Where its settings are.
    pub(super) fn store(&self) -> Result<Store, ApiError> {
        self.place().map(|home| Store::new(&home))
    }

    fn processes<'env>(&self, env: &'env Env, request: Request) -> napi::Result<PromiseRaw<'env, Vec<ProcessInfo>>> {
        let kind = self.kind.clone();
        settle(env, async move { processes(kind.backend(), request).await }, infos)
    }

    fn ask<'env, T: napi::bindgen_prelude::ToNapiValue + Send + 'static>(
        &self,
        env: &'env Env,
        request: Request,
        answer: impl FnOnce(Response) -> Result<T, ApiError> + Send + 'static,
    ) -> napi::Result<PromiseRaw<'env, T>> {
        let kind = self.kind.clone();
        settle(env, async move { answer(kind.backend().request(request).await?) }, |shown| shown)
    }
}

pub(super) fn calling(env: Env, variables: Variables, cwd: Option<String>) -> napi::Result<Caller> {
    caller(variables, cwd).map_err(|failure| thrown(env, &failure))
}

fn infos(processes: Vec<crate::api::Process>) -> Vec<ProcessInfo> {
    processes.into_iter().map(Into::into).collect()
}
