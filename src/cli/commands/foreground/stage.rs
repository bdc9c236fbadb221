//! The engine in this program: no daemon, no socket, and hardly a file.

use crate::api::{
    ApiError, Backend, Boxed, BusItem, BusQuery, Code, Event, LogItem, LogQuery, Request, Response, Stream,
};
use crate::cli::failure::Failure;
use crate::cli::link::Link;
use crate::engine::{Embedded, EmbeddedOptions};
use crate::paths::Home;
use crate::server::Beside;
use crate::sys::{companion, init};
use bytes::Bytes;
use std::env;
use std::path::PathBuf;
use tempfile::TempDir;

/// What ends with this program.
pub(super) struct Stage {
    embedded: Embedded,
    /// Pid files, what Node runs before workers, and the socket for what apps ask.
    home: Option<TempDir>,
}

impl Stage {
    pub(super) fn open() -> Result<Self, Failure> {
        let home =
            places().into_iter().find_map(|place| tempfile::Builder::new().prefix("rpm-").tempdir_in(place).ok());
        let named = home.as_ref().map(|home| home.path().to_owned());
        // Where nothing can be written everything works but that.
        let path = named.unwrap_or_else(|| env::temp_dir().join(format!("rpm-{}", std::process::id())));
        let options =
            EmbeddedOptions { home: Some(path), guardian: companion::guardian(), contained: init::is_child_of_first() };
        Ok(Self { embedded: Embedded::start(options)?, home })
    }

    /// From now on commands and apps reach it, too. To be called where tasks can be spawned.
    pub(super) fn open_to_others(&self) -> Beside {
        let home = self.home.as_ref().map(|home| Home::new(home.path()));
        Beside::open(self.embedded.handle(), home.as_ref())
    }

    /// Waits until somebody has had everything stopped.
    pub(super) async fn ended(&self) {
        self.embedded.handle().ended().await;
    }

    pub(super) async fn close(&self) -> Result<(), Failure> {
        self.embedded.close().await.map_err(Failure::from)
    }
}

/// Where something may be written, best first: a container may have a root that is only read, a user without a home, and
/// nothing but memory.
fn places() -> Vec<PathBuf> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()).map(PathBuf::from);
    let fixed = ["/dev/shm", "/run", "/var/tmp"].map(PathBuf::from);
    runtime.into_iter().chain([env::temp_dir()]).chain(fixed).collect()
}

impl Backend for Stage {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        self.embedded.request(request)
    }

    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        self.embedded.logs(query)
    }

    fn events(&self) -> Boxed<'_, Stream<Event>> {
        self.embedded.events()
    }

    fn bus(&self, query: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>> {
        self.embedded.bus(query)
    }
}

impl Link for Stage {
    fn request_running(&self, request: Request) -> Boxed<'_, Option<Response>> {
        Box::pin(async move { self.embedded.request(request).await.map(Some) })
    }

    fn raw_pm2_list(&self) -> Boxed<'_, Bytes> {
        Box::pin(async move {
            match self.embedded.request(Request::Pm2List).await? {
                Response::Pm2(list) => Ok(list.into_bytes()),
                _ => Err(ApiError::new(Code::Internal, "it answers with something else than its list")),
            }
        })
    }
}
