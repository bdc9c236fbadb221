//! The engine inside another program: on a thread of its own, ending with the program.

use super::parts::{Engine, EngineOptions};
use crate::api::{
    ApiError, Backend, Boxed, BusItem, BusQuery, Code, Event, LogItem, LogQuery, Request, Response, Stream,
};
use crate::paths::Home;
use crate::process::Leash;
use crate::supervisor::Handle;
use crate::sys::rest;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

const SIGKILL: i32 = 9;

#[derive(Debug, Clone, Default)]
pub struct EmbeddedOptions {
    /// Where logs and pid files go; a temporary directory that is removed at the end when absent.
    pub home: Option<PathBuf>,
    /// The guardian's program, which ends what apps have detached when this program is killed. Without it only the
    /// apps themselves end.
    pub guardian: Option<PathBuf>,
    /// All that this program has started ends with it anyway: it is what its PID namespace stands and falls with.
    pub contained: bool,
}

/// A supervisor in this process. Its apps end with it, also when the program is killed.
#[derive(Debug, Clone)]
pub struct Embedded {
    handle: Handle,
    running: Arc<Mutex<Option<Running>>>,
}

#[derive(Debug)]
struct Running {
    /// Ends the engine: told when its apps have ended, dropped when nobody knows.
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
    _home: Option<tempfile::TempDir>,
}

impl Embedded {
    pub fn start(options: EmbeddedOptions) -> Result<Self, ApiError> {
        let failed =
            |error: std::io::Error| ApiError::new(Code::Internal, format!("the supervisor cannot be started: {error}"));
        let (home, temporary) = if let Some(home) = options.home {
            (Home::new(home), None)
        } else {
            let directory = tempfile::Builder::new().prefix("rpm-").tempdir().map_err(failed)?;
            (Home::new(directory.path()), Some(directory))
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (over, ended) = oneshot::channel();
        let (ready, answer) = std::sync::mpsc::channel();
        let (guardian, contained) = (options.guardian, options.contained);
        std::thread::Builder::new()
            .name("rpm-engine".into())
            .spawn(move || {
                run(home, guardian.as_deref().filter(|_| !contained), contained, &ready, stopped);
                let _ = over.send(());
            })
            .map_err(failed)?;
        let handle = answer.recv().map_err(|_| ApiError::new(Code::Internal, "the supervisor's thread ended"))?;
        let running = Running { stop, ended, _home: temporary };
        Ok(Self { handle: handle.map_err(failed)?, running: Arc::new(Mutex::new(Some(running))) })
    }

    /// Its door, for who hands it on.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Stops all apps in order. A second call has nothing left to do.
    pub async fn close(&self) -> Result<(), ApiError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return Ok(()) };
        let result = self.handle.request(Request::Kill { force: false }).await.map(|_| ());
        if result.is_ok() {
            // A thread that has ended needs no telling.
            let _ = running.stop.send(());
        } else {
            drop(running.stop);
        }
        let _ = running.ended.await;
        result
    }
}

fn run(
    home: Home,
    guardian: Option<&Path>,
    contained: bool,
    ready: &std::sync::mpsc::Sender<std::io::Result<Handle>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().on_thread_park(rest::take).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let leash = guardian.and_then(leash);
    if leash.is_none() && !contained {
        tracing::warn!("should this program be killed, its apps end, but what they have detached goes on");
    }
    // The kernel ends the apps when this very thread ends, so that they cannot outlive the program.
    let options = EngineOptions {
        home,
        open_files: None,
        parent_death_signal: Some(SIGKILL),
        leash: leash.clone(),
        persistent: false,
        guarded: None,
        own_log: None,
    };
    LocalSet::new().block_on(&runtime, async {
        let (handle, engine) = match Engine::new(options) {
            Ok(made) => made,
            Err(error) => {
                if let Some(leash) = leash {
                    leash.let_go();
                }
                let _ = ready.send(Err(error));
                return;
            }
        };
        let engine = tokio::task::spawn_local(engine.run());
        let leaving = handle.clone();
        let _ = ready.send(Ok(handle));
        // Ends when it is closed, or when the last holder is dropped without closing.
        let in_order = stopped.await.is_ok() || leaving.request(Request::Kill { force: false }).await.is_ok();
        engine.abort();
        if let Some(leash) = leash.filter(|_| in_order) {
            leash.let_go();
        }
    });
}

/// Marks this supervisor's apps by a number that no other has.
fn leash(guardian: &Path) -> Option<Rc<Leash>> {
    let started = getrandom::u64()
        .map_err(std::io::Error::other)
        .and_then(|number| Leash::start(guardian, format!("{}-{number:016x}", std::process::id())));
    started.inspect_err(|error| tracing::warn!("{} cannot be started: {error}", guardian.display())).ok().map(Rc::new)
}

impl Backend for Embedded {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        self.handle.request(request)
    }

    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        self.handle.logs(query)
    }

    fn bus(&self, query: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>> {
        self.handle.bus(query)
    }

    fn events(&self) -> Boxed<'_, Stream<Event>> {
        self.handle.events()
    }
}
