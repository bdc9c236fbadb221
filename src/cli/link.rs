//! The daemon as commands see it.

use crate::api::{
    ApiError, Backend, Boxed, BusItem, BusQuery, Code, Event, LogItem, LogQuery, Request, Response, Stream,
};
use crate::client::{Client, Presence};
use crate::paths::Home;
use bytes::Bytes;
use std::io::{IsTerminal, Write};

/// A backend that can also be left alone: some commands must not launch a daemon.
pub(crate) trait Link: Backend {
    /// Asks a daemon that runs already; `None` when there is none.
    fn request_running(&self, request: Request) -> Boxed<'_, Option<Response>>;
    /// `jlist`'s bytes as the daemon made them.
    fn raw_pm2_list(&self) -> Boxed<'_, Bytes>;
}

/// The client, which says so when it had to launch a daemon.
pub(crate) struct Daemon {
    client: Client,
    home: Home,
    quiet: bool,
    /// That a daemon was launched is nobody's business.
    discreet: bool,
}

impl Daemon {
    pub(crate) fn new(client: Client, home: Home, quiet: bool, discreet: bool) -> Self {
        let quiet = quiet || !std::io::stderr().is_terminal();
        // Over a line of progress, if there is one.
        let client = client.telling(move || {
            if !quiet {
                _ = writeln!(anstream::stderr(), "\r\x1b[2Kthe daemon was lost; waiting for the next one");
            }
        });
        Self { client, home, quiet, discreet }
    }

    pub(crate) const fn home(&self) -> &Home {
        &self.home
    }

    /// Tells that the daemon is another version than this command, where somebody reads it.
    pub(crate) fn notice(&self) {
        let ours = env!("CARGO_PKG_VERSION");
        if let Some(theirs) = self.client.daemon_version().filter(|theirs| *theirs != ours && !self.quiet) {
            _ = writeln!(
                anstream::stderr(),
                "the daemon is rpm {theirs}, this command {ours}: rpm update has this version take over, no app notices"
            );
        }
    }

    /// Starts a daemon that ends with this thread, unless one answers.
    pub(crate) fn attend(&self) -> Result<Presence, ApiError> {
        self.client.attend_daemon()
    }

    async fn ensure(&self) -> Result<(), ApiError> {
        if self.client.ensure_daemon().await? == Presence::Launched && !self.quiet && !self.discreet {
            _ = writeln!(anstream::stderr(), "daemon started (home {})", self.home.root().display());
        }
        Ok(())
    }
}

impl Backend for Daemon {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        Box::pin(async move {
            if self.quiet {
                return self.client.request(request).await;
            }
            if request.changes_something() {
                // The client's own way to ask is the one that may be tried again.
                self.ensure().await?;
                return self.client.request(request).await;
            }
            match self.client.request_running(request.clone()).await {
                Ok(Some(response)) => return Ok(response),
                Ok(None) => self.ensure().await?,
                Err(error) if error.code == Code::Unreachable && !request.speaks() => {}
                Err(error) => return Err(error),
            }
            self.client.request(request).await
        })
    }

    fn logs(&self, query: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        Box::pin(async move {
            self.ensure().await?;
            self.client.logs(query).await
        })
    }

    fn bus(&self, query: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>> {
        Box::pin(async move {
            self.ensure().await?;
            self.client.bus(query).await
        })
    }

    fn events(&self) -> Boxed<'_, Stream<Event>> {
        self.client.events()
    }
}

impl Link for Daemon {
    fn request_running(&self, request: Request) -> Boxed<'_, Option<Response>> {
        Box::pin(self.client.request_running(request))
    }

    fn raw_pm2_list(&self) -> Boxed<'_, Bytes> {
        Box::pin(self.client.raw_pm2_list())
    }
}
