//! The daemon from its first instruction to its last.

use super::home::OwnHome;
use super::log;
use super::signals::Signals;
use crate::engine::{Engine, EngineOptions};
use crate::paths::Home;
use crate::server::{ControlSocket, router};
use crate::sys::launch::{leave_launcher, ready_pipe};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use tokio::task::LocalSet;

/// Runs the daemon of the home that the environment names, and returns the exit code.
pub fn run() -> u8 {
    let mut launcher = ready_pipe();
    log::begin(Home::from_env().ok());
    if launcher.is_some()
        && let Err(error) = leave_launcher()
    {
        tracing::warn!("the daemon stays a child of the program that launched it: {error}");
    }
    match serve(&mut launcher) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!("{error}");
            say(&mut launcher, &error.to_string());
            1
        }
    }
}

/// Tells whoever launched us, once.
fn say(launcher: &mut Option<File>, word: &str) {
    if let Some(mut pipe) = launcher.take() {
        // It may have been killed while it waited; the daemon is no less ready for that.
        let _ = pipe.write_all(word.as_bytes());
    }
}

fn serve(launcher: &mut Option<File>) -> Result<(), Box<dyn Error>> {
    let own = OwnHome::take(Home::from_env()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let signals = Signals::watch()?;
        let options =
            EngineOptions { home: own.home().clone(), parent_death_signal: None, leash: None, persistent: true };
        // Before the engine, which takes over what the last daemon has left: a daemon that nobody could reach must not.
        let socket = ControlSocket::bind(own.home())?;
        let (handle, engine) = Engine::new(options)?;
        let engine = tokio::task::spawn_local(engine.run());
        let server = {
            let router = router(handle.clone());
            let leaving = handle.clone();
            // Requests that are under way are answered before the socket goes.
            axum::serve(socket, router).with_graceful_shutdown(async move { leaving.closed().await })
        };
        tokio::task::spawn_local(signals.serve(handle.clone()));
        tracing::info!("daemon {} ready, home {}", env!("CARGO_PKG_VERSION"), own.home().root().display());
        say(launcher, "ok");
        // A task of its own: else every wake-up of any task would look after it too.
        let server = tokio::task::spawn_local(server.into_future());
        tokio::select! {
            ended = server => ended??,
            () = stuck(handle.clone()) => {}
        }
        engine.abort();
        tracing::info!("daemon ended");
        Ok(())
    })
}

/// Streams never end by themselves: those that are open get a moment after the end, and are cut.
async fn stuck(handle: crate::supervisor::Handle) {
    handle.closed().await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
}
