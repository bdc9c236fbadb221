//! The engine inside another program: on a thread of its own, ending with the program.

use super::parts::{Engine, EngineOptions};
use crate::api::{ApiError, Backend, Boxed, Code, Event, LogItem, LogQuery, Request, Response, Stream};
use crate::paths::Home;
use crate::supervisor::Handle;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

const SIGKILL: i32 = 9;

#[derive(Debug, Clone, Default)]
pub struct EmbeddedOptions {
    /// Where logs and pid files go; a temporary directory that is removed at the end when absent.
    pub home: Option<PathBuf>,
}

/// A supervisor in this process. Its apps end with it, also when the program is killed.
#[derive(Debug, Clone)]
pub struct Embedded {
    handle: Handle,
    running: Arc<Mutex<Option<Running>>>,
}

#[derive(Debug)]
struct Running {
    /// Dropped to end the engine.
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
        std::thread::Builder::new()
            .name("rpm-engine".into())
            .spawn(move || {
                run(home, &ready, stopped);
                let _ = over.send(());
            })
            .map_err(failed)?;
        let handle = answer.recv().map_err(|_| ApiError::new(Code::Internal, "the supervisor's thread ended"))?;
        let running = Running { stop, ended, _home: temporary };
        Ok(Self { handle: handle.map_err(failed)?, running: Arc::new(Mutex::new(Some(running))) })
    }

    /// Stops all apps in order. A second call has nothing left to do.
    pub async fn close(&self) -> Result<(), ApiError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return Ok(()) };
        let result = self.handle.request(Request::Kill).await.map(|_| ());
        drop(running.stop);
        let _ = running.ended.await;
        result
    }
}

fn run(home: Home, ready: &std::sync::mpsc::Sender<std::io::Result<Handle>>, stopped: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    LocalSet::new().block_on(&runtime, async {
        // The kernel ends the apps when this very thread ends, so that they cannot outlive the program.
        let options = EngineOptions { home, parent_death_signal: Some(SIGKILL), persistent: false, guarded: None };
        let (handle, engine) = match Engine::new(options) {
            Ok(made) => made,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let engine = tokio::task::spawn_local(engine.run());
        let leaving = handle.clone();
        let _ = ready.send(Ok(handle));
        // Ends when it is closed, or when the last holder is dropped without closing.
        let _ = stopped.await;
        let _ = leaving.request(Request::Kill).await;
        engine.abort();
    });
}

impl Backend for Embedded {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        self.handle.request(request)
    }

    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        self.handle.logs(query)
    }

    fn events(&self) -> Boxed<'_, Stream<Event>> {
        self.handle.events()
    }
}
