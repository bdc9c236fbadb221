//! A daemon when one is needed: found, or started once however many ask for it at the same time.

use super::transport::is_absence;
use crate::api::{ApiError, Code};
use crate::paths::Home;
use crate::sys::beside::{self, Peer};
use crate::sys::launch::{Bond, guardian_of, launch};
use crate::sys::lock::FileLock;
use crate::sys::time::boot_clock;
use crate::sys::user;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long whoever holds the home may take to bring a daemon back.
const RETURNING: Duration = Duration::from_secs(20);
/// How long whoever was told to end may take.
const LEAVING: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How the daemon came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Running,
    Launched,
}

/// Makes sure that a daemon answers for `home`. Blocks while one starts.
pub(super) fn ensure(home: &Home, program: &Path, bond: Bond) -> Result<Presence, ApiError> {
    if answers(home)? {
        return Ok(Presence::Running);
    }
    prepare(home)?;
    // Whoever launches holds this until the daemon has said that it is ready; the others wait here, then find it.
    let _launching =
        FileLock::take(&home.launch_lock()).map_err(|error| denied(home, &error, "its launch lock cannot be taken"))?;
    if answers(home)? {
        return Ok(Presence::Running);
    }
    let mut said = start(home, program, bond)?;
    if said.is_err() {
        // Somebody holds the home, and may be bringing a daemon back just now, or leaving it.
        match settle(home, RETURNING)? {
            Held::Answered => return Ok(Presence::Running),
            Held::Free { waited: true } => said = start(home, program, bond)?,
            Held::Free { waited: false } | Held::Silent => {}
        }
    }
    match said {
        Ok(()) => Ok(Presence::Launched),
        Err(why) => Err(unreachable(format!("the daemon did not start: {why}"))
            .hint(format!("see {} for what it wrote", home.daemon_log().display()))),
    }
}

/// The inner `Err` is what it said instead of being ready.
fn start(home: &Home, program: &Path, bond: Bond) -> Result<Result<(), String>, ApiError> {
    let guardian = guardian_of(program);
    if !guardian.exists() {
        let message = format!("the daemon cannot be started: {} is missing", guardian.display());
        return Err(
            unreachable(message).hint("it belongs beside rpm; install rpm-native again, or build it: npm run prepare")
        );
    }
    let daemon = program.to_string_lossy();
    launch(&guardian, &["--daemon", &daemon], home.root(), &home.daemon_log(), bond)
        .map_err(|error| unreachable(format!("the daemon cannot be started: {error}")))
}

/// What became of a home that was held.
enum Held {
    Answered,
    /// Nobody holds it; `waited`: any more.
    Free {
        waited: bool,
    },
    /// It is held still, and nobody answers.
    Silent,
}

/// Looks until the home's holder answers or has gone.
fn settle(home: &Home, limit: Duration) -> Result<Held, ApiError> {
    let deadline = boot_clock() + limit;
    let mut waited = false;
    loop {
        if answers(home)? {
            return Ok(Held::Answered);
        }
        if is_free(home)? {
            return Ok(Held::Free { waited });
        }
        if boot_clock() >= deadline {
            return Ok(Held::Silent);
        }
        waited = true;
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Who holds the home, or held it last.
pub(super) fn holder(home: &Home) -> String {
    fs::read_to_string(home.lock()).unwrap_or_default()
}

/// Waits until `before` holds the home no more: the daemon has gone, and who keeps it.
pub(super) fn wait_until_left(home: &Home, before: &str) -> Result<(), ApiError> {
    let deadline = boot_clock() + LEAVING;
    while !is_free(home)? {
        let holder = holder(home);
        if holder != before {
            // Another command has started another one.
            return Ok(());
        }
        if boot_clock() >= deadline {
            return Err(unreachable(format!("everything was stopped, but process {} doesn't leave", holder.trim()))
                .hint(format!("see {} for why", home.daemon_log().display())));
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(())
}

/// Looking takes the lock for a moment: whoever starts tries more than once.
fn is_free(home: &Home) -> Result<bool, ApiError> {
    if !home.lock().exists() {
        return Ok(true);
    }
    let taken = FileLock::try_take(&home.lock()).map_err(|error| denied(home, &error, "its lock cannot be read"))?;
    Ok(taken.is_some())
}

/// Whether somebody accepts connections on the home's socket.
fn answers(home: &Home) -> Result<bool, ApiError> {
    match super::transport::resolve(&home.socket()).and_then(UnixStream::connect) {
        Ok(_) => Ok(true),
        Err(error) if is_absence(&error) => answers_beside(),
        Err(error) => match error.kind() {
            // Its queue of connections is full: it is there, and busy.
            ErrorKind::WouldBlock => Ok(true),
            _ => Err(denied(home, &error, "its socket cannot be reached")),
        },
    }
}

/// Whether this program is in a container whose supervisor answers it.
pub(super) fn answers_beside() -> Result<bool, ApiError> {
    match beside::connect() {
        Ok((_, Peer::Ours)) => Ok(true),
        Ok((_, Peer::Foreign(owner))) => Err(of_other_user(owner)),
        Ok((_, Peer::Stranger)) | Err(_) => Ok(false),
    }
}

pub(super) fn of_other_user(owner: u32) -> ApiError {
    let name = user::name_of(owner).unwrap_or_else(|| format!("uid {owner}"));
    ApiError::new(Code::Permission, format!("the apps of this container are those of {name}"))
        .hint(format!("run the command as that user: docker exec --user {owner}"))
}

fn prepare(home: &Home) -> Result<(), ApiError> {
    let make = |path: &Path| match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) => Err(denied(home, &error, "it cannot be made")),
    };
    make(home.root())?;
    check_owner(home)?;
    make(&home.run())
}

fn check_owner(home: &Home) -> Result<(), ApiError> {
    let owner = fs::metadata(home.root()).map_err(|error| denied(home, &error, "it cannot be read"))?.uid();
    // Root too: files of root's in it would lock its owner out.
    if owner == user::effective_uid() {
        return Ok(());
    }
    Err(belongs_to(home, owner))
}

/// An error of the file system, told with whose home it is.
pub(super) fn denied(home: &Home, error: &io::Error, what: &str) -> ApiError {
    let owner = fs::metadata(home.root()).ok().map(|metadata| metadata.uid());
    match owner {
        Some(owner) if error.kind() == ErrorKind::PermissionDenied && owner != user::effective_uid() => {
            belongs_to(home, owner)
        }
        _ => ApiError::new(Code::Permission, format!("home {}: {what}: {error}", home.root().display()))
            .hint("set RPM_HOME to a directory that you own and can write to"),
    }
}

fn belongs_to(home: &Home, owner: u32) -> ApiError {
    let name = user::name_of(owner).unwrap_or_else(|| format!("uid {owner}"));
    let message = format!("home {} and its daemon belong to {name}", home.root().display());
    ApiError::new(Code::Permission, message)
        .hint(format!("run the command as {name}, or set RPM_HOME to a directory of your own"))
}

fn unreachable(message: String) -> ApiError {
    ApiError::new(Code::Unreachable, message)
}
