//! The daemon from its first instruction to its last.

use super::home::{prepare, remove_pid, write_pid};
use super::log;
use super::preflight::check;
use super::signals::Signals;
use crate::api::{ApiError, Code};
use crate::boot;
use crate::engine::{Engine, EngineOptions, Guarded, Successor};
use crate::guardian::Link;
use crate::paths::Home;
use crate::server::{ControlSocket, router};
use crate::supervisor::Ending;
use crate::sys::fault::{self, Point};
use crate::sys::keep::Keep;
use crate::sys::launch::{become_guardian, ready_pipe, write_to};
use crate::sys::program;
use crate::sys::rest;
use crate::sys::socket::raise_open_files;
use crate::sys::thread;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

/// So soon after its start a daemon has done what it does only then.
const SETTLED: Duration = Duration::from_secs(1);
/// How often it gives back what rare commands have needed.
const TIDIES_EVERY: Duration = Duration::from_secs(30);

/// Runs the daemon of the home that the environment names, and returns the exit code. Without a guardian it becomes
/// one, in the foreground, which starts the daemon.
pub fn run() -> u8 {
    let own_log = log::begin(Home::from_env().ok());
    let link = match Link::find() {
        Ok(Some(link)) => link,
        Ok(None) => return fail(None, &guard().unwrap_err().to_string()),
        Err(error) => return fail(None, &format!("the guardian has left nothing to talk to it: {error}")),
    };
    thread::name(c"rpm");
    // Before anything is taken over: that may be more than the ordinary limit.
    let open_files = raise_open_files();
    die_by_panics();
    let mut launcher = ready_pipe();
    match serve(link, open_files, own_log, &mut launcher) {
        Ok(()) => 0,
        Err(error) => fail(launcher, &error.to_string()),
    }
}

/// A task that panics would be dropped, and its app forgotten; whoever comes after us takes all of them over.
fn die_by_panics() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!("{panic}");
        std::process::abort();
    }));
}

fn fail(mut launcher: Option<File>, why: &str) -> u8 {
    tracing::error!("{why}");
    say(&mut launcher, why);
    1
}

/// Returns only when there can be no guardian.
fn guard() -> Result<std::convert::Infallible, Box<dyn Error>> {
    let home = Home::from_env()?;
    prepare(&home)?;
    if ["RPM_BOOT", "JOURNAL_STREAM"].iter().any(|name| std::env::var_os(name).is_some()) {
        // Where every hint of ours says that it is, and `rpm flush` empties it.
        write_to(&home.daemon_log())?;
    }
    Err(become_guardian(home.root()).into())
}

/// Tells whoever launched us, once.
fn say(launcher: &mut Option<File>, word: &str) {
    if let Some(mut pipe) = launcher.take() {
        // It may have been killed while it waited; the daemon is no less ready for that.
        let _ = pipe.write_all(word.as_bytes());
    }
}

fn serve(
    link: Link,
    open_files: u64,
    own_log: mpsc::Receiver<String>,
    launcher: &mut Option<File>,
) -> Result<(), Box<dyn Error>> {
    let home = Home::from_env()?;
    prepare(&home)?;
    write_pid(&home);
    let mut legacy = link.inherit(open_files)?;
    let link = Rc::new(link);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().on_thread_park(rest::take).build()?;
    let local = LocalSet::new();
    let ending: Result<Ending, Box<dyn Error>> = local.block_on(&runtime, async {
        let signals = Signals::watch()?;
        // Before the engine, which takes over what the last daemon has left: a daemon that nobody could reach must not.
        let keep: Rc<dyn Keep> = Rc::clone(&link) as Rc<dyn Keep>;
        let (socket, files) = ControlSocket::open(&home, &keep, legacy.kept.take(ControlSocket::KEPT_AS))?;
        let (handle, engine) = Engine::new(EngineOptions {
            home: home.clone(),
            open_files: Some(open_files),
            parent_death_signal: None,
            leash: None,
            persistent: true,
            guarded: Some(Guarded { link: Rc::clone(&link), legacy, successor: successor(&link) }),
            own_log: Some(own_log),
        })?;
        let engine = tokio::task::spawn_local(engine.run());
        let server = {
            let router = router(handle.clone());
            let leaving = handle.clone();
            // Requests that are under way are answered before the socket goes.
            axum::serve(socket, router).with_graceful_shutdown(async move {
                leaving.ended().await;
            })
        };
        tokio::task::spawn_local(signals.serve(handle.clone()));
        tracing::info!("daemon {} ready, home {}", env!("CARGO_PKG_VERSION"), home.root().display());
        say(launcher, "ok");
        boot::refresh_beside(&home);
        tokio::task::spawn_local(stay_small());
        // A task of its own: else every wake-up of any task would look after it too.
        let server = tokio::task::spawn_local(server.into_future());
        tokio::select! {
            ended = server => ended??,
            () = stuck(handle.clone()) => {}
        }
        let ending = handle.ended().await;
        match ending {
            Ending::Closed => {
                engine.abort();
                files.remove();
                remove_pid(&home);
                link.quit();
                tracing::info!("daemon ended");
            }
            // Everything stays as it is, for the daemon after us.
            Ending::Replaced => tracing::info!("daemon makes room for another"),
        }
        Ok(ending)
    });
    if !matches!(ending, Ok(Ending::Closed)) {
        // What is dropped empties its slot and takes leave of its app: for whoever comes next all of it is as it was.
        std::mem::forget((local, runtime));
    }
    ending.map(|_| ())
}

/// How another program becomes the daemon.
fn successor(link: &Rc<Link>) -> Successor {
    let link = Rc::clone(link);
    Rc::new(move |program: PathBuf| {
        let link = Rc::clone(&link);
        Box::pin(async move {
            let failed = |why: String| {
                ApiError::new(Code::UpdateFailed, format!("{} cannot be the daemon: {why}", program.display()))
                    .hint("nothing was changed; the daemon that runs goes on")
            };
            let version = check(&program).await.map_err(failed)?;
            tracing::info!("{}, rpm {version}, is to be the daemon", program.display());
            fault::point(Point::UpdateTried);
            link.try_program(&program).map_err(|error| failed(error.to_string()))
        })
    })
}

/// Much of the program is needed once: it should not count as memory for years.
async fn stay_small() {
    let mut pause = SETTLED;
    loop {
        tokio::time::sleep(pause).await;
        program::trim();
        program::release();
        pause = TIDIES_EVERY;
    }
}

/// Streams never end by themselves: those that are open get a moment after the end, and are cut.
async fn stuck(handle: crate::supervisor::Handle) {
    handle.ended().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}
