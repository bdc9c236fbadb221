//! The control API of a supervisor that is no daemon: for its own apps, which know its home, and for commands beside it in
//! its container, which know nothing of it.

use super::router::router;
use super::socket::{ControlSocket, SocketFiles};
use crate::paths::Home;
use crate::supervisor::Handle;
use crate::sys::beside;
use crate::sys::keep::{Keep, LocalKeep};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Answers that are under way get so long after the end.
const LAST_ANSWERS: Duration = Duration::from_millis(200);

/// Both sockets, as far as they can be had.
#[derive(Debug, Default)]
pub struct Beside {
    files: Option<SocketFiles>,
    serving: Vec<JoinHandle<()>>,
}

impl Beside {
    /// `home`: where its file may be. Nobody depends on either: what cannot be had is a warning.
    pub fn open(handle: &Handle, home: Option<&Home>) -> Self {
        let mut beside = Self::default();
        if let Some(home) = home {
            let keep: Rc<dyn Keep> = Rc::new(LocalKeep::default());
            match ControlSocket::open(home, &keep, None) {
                Ok((socket, files)) => {
                    beside.serve(socket, handle);
                    beside.files = Some(files);
                }
                Err(error) => tracing::warn!("apps cannot reach this supervisor: {error}"),
            }
        }
        match beside::listen().and_then(|socket| socket.map(ControlSocket::of_container).transpose()) {
            Ok(Some(socket)) => beside.serve(socket, handle),
            Ok(None) => {}
            Err(error) => tracing::warn!("commands in this container cannot reach its apps: {error}"),
        }
        beside
    }

    fn serve(&mut self, socket: ControlSocket, handle: &Handle) {
        let (router, leaving) = (router(handle.clone()), handle.clone());
        let server = axum::serve(socket, router).with_graceful_shutdown(async move {
            leaving.ended().await;
        });
        self.serving.push(tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::warn!("commands are answered no more: {error}");
            }
        }));
    }

    /// The supervisor has ended.
    pub async fn close(self) {
        for serving in self.serving {
            // Streams never end by themselves.
            let _ = tokio::time::timeout(LAST_ANSWERS, serving).await;
        }
        if let Some(files) = self.files {
            files.remove();
        }
    }
}
