//! Signals to the daemon: TERM, INT and QUIT end it in order, USR2 reopens logs, HUP is ignored.

use crate::api::{Backend, Request};
use crate::supervisor::Handle;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) struct Signals {
    end: [Signal; 3],
    hangup: Signal,
    reopen: Signal,
}

impl Signals {
    pub(super) fn watch() -> io::Result<Self> {
        Ok(Self {
            end: [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::quit())?],
            hangup: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined2())?,
        })
    }

    /// Serves until the first that means the end.
    pub(super) async fn serve(mut self, handle: Handle) {
        let [term, interrupt, quit] = &mut self.end;
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = interrupt.recv() => break,
                _ = quit.recv() => break,
                _ = self.hangup.recv() => {}
                _ = self.reopen.recv() => {
                    if let Err(error) = handle.request(Request::ReopenLogs).await {
                        tracing::error!("logs cannot be reopened: {error}");
                    }
                }
            }
        }
        tracing::info!("asked to end: stopping everything");
        if let Err(error) = handle.request(Request::Shutdown).await {
            tracing::error!("the orderly end failed: {error}");
        }
    }
}
