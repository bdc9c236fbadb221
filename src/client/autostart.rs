//! A daemon when one is needed: found, or started once however many ask for it at the same time.

use crate::api::{ApiError, Code};
use crate::paths::Home;
use crate::sys::launch::{guardian_of, launch};
use crate::sys::lock::FileLock;
use crate::sys::user;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// How the daemon came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Running,
    Launched,
}

/// Makes sure that a daemon answers for `home`. Blocks while one starts.
pub(super) fn ensure(home: &Home, program: &Path) -> Result<Presence, ApiError> {
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
    let guardian = guardian_of(program);
    let daemon = program.to_string_lossy();
    let said = launch(&guardian, &["--daemon", &daemon], home.root(), &home.daemon_log())
        .map_err(|error| unreachable(format!("the daemon cannot be started: {error}")))?;
    match said {
        Ok(()) => Ok(Presence::Launched),
        Err(why) => Err(unreachable(format!("the daemon did not start: {why}"))
            .hint(format!("see {} for what it wrote", home.daemon_log().display()))),
    }
}

/// Whether somebody accepts connections on the home's socket.
fn answers(home: &Home) -> Result<bool, ApiError> {
    match super::transport::resolve(&home.socket()).and_then(UnixStream::connect) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            // A socket file that nobody listens behind is what a killed daemon leaves.
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Ok(false),
            // Its queue of connections is full: it is there, and busy.
            ErrorKind::WouldBlock => Ok(true),
            _ => Err(denied(home, &error, "its socket cannot be reached")),
        },
    }
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
