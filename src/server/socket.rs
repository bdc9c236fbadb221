//! The control socket: for its owner alone, at an address that fits.

use crate::paths::Home;
use crate::sys::keep::{Keep, Kept};
use crate::sys::{socket, user};
use axum::serve::Listener;
use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// What fits a unix socket's address.
const LONGEST_ADDRESS: usize = 107;
/// Commands that may wait while there is no daemon.
const BACKLOG: i32 = 1024;
/// Pause after an accept that failed for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("the control socket {path} cannot be made: {source}")]
    Bind { path: PathBuf, source: io::Error },
    #[error("{path} is not ours: its owner is uid {owner}; remove it, or set XDG_RUNTIME_DIR")]
    Foreign { path: PathBuf, owner: u32 },
}

/// The listening control socket.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    /// Only those are let in whose processes we see: other machines' users may have our user's number in a container.
    sees_all: bool,
    /// Connections cannot be accepted: told once, until one can.
    is_failing: bool,
}

/// The files by which it is found. They stay when the daemon ends, unless it ends in order.
#[derive(Debug)]
pub struct SocketFiles {
    address: PathBuf,
    named: PathBuf,
    keep: Rc<dyn Keep>,
}

impl ControlSocket {
    /// The name under which it is kept: who connects while there is no daemon waits for the next one.
    pub const KEPT_AS: &str = "api/socket";

    /// The socket that was kept, as long as its files are there; else a new one. Whoever calls holds the home's lock, so
    /// that what is in the way is stale.
    pub fn open(home: &Home, keep: &Rc<dyn Keep>, kept: Option<Kept>) -> Result<(Self, SocketFiles), BindError> {
        let named = home.socket();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BindError::Bind { path, source }
        };
        let is_long = named.as_os_str().len() > LONGEST_ADDRESS;
        let address = if is_long { elsewhere(home)? } else { named.clone() };
        let files = SocketFiles { address, named, keep: Rc::clone(keep) };
        let socket = match kept.filter(|_| files.are_there()) {
            Some(kept) => kept.fd,
            None => Arc::new(files.bind()?),
        };
        keep.put(Self::KEPT_AS, b"", &socket).and_then(|()| keep.settle()).map_err(failed(&files.address))?;
        let listener = socket.try_clone().map(std::os::unix::net::UnixListener::from);
        let listener = listener.and_then(|listener| {
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        });
        Ok((Self { listener: listener.map_err(failed(&files.address))?, sees_all: false, is_failing: false }, files))
    }
}

impl ControlSocket {
    /// One that has no file, for commands beside the runtime of a container.
    pub(super) fn of_container(socket: OwnedFd) -> io::Result<Self> {
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
        Ok(Self { listener, sees_all: true, is_failing: false })
    }
}

impl SocketFiles {
    fn are_there(&self) -> bool {
        let is_socket = |path: &Path| fs::metadata(path).is_ok_and(|file| file.file_type().is_socket());
        is_socket(&self.address) && is_socket(&self.named)
    }

    fn bind(&self) -> Result<OwnedFd, BindError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BindError::Bind { path, source }
        };
        remove(&self.named).map_err(failed(&self.named))?;
        if self.named != self.address {
            remove(&self.address).map_err(failed(&self.address))?;
            symlink(&self.address, &self.named).map_err(failed(&self.named))?;
        }
        let socket = socket::listen_unix(&self.address, BACKLOG).map_err(failed(&self.address))?;
        fs::set_permissions(&self.address, Permissions::from_mode(0o600)).map_err(failed(&self.address))?;
        Ok(socket)
    }

    /// The end: nobody answers any more.
    pub fn remove(self) {
        for file in [&self.address, &self.named] {
            let _ = fs::remove_file(file);
        }
        self.keep.forget(ControlSocket::KEPT_AS);
    }
}

impl Listener for ControlSocket {
    type Io = UnixStream;
    type Addr = ();

    /// Only the owner and root are let in; the file's mode says the same, this holds where it was changed.
    async fn accept(&mut self) -> (UnixStream, ()) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.sees_all && !socket::is_peer_visible(&stream) => {
                    tracing::warn!("a connection from outside of this container was refused");
                }
                Ok((stream, _)) => match socket::peer_uid(&stream) {
                    Ok(uid) if uid == 0 || uid == user::effective_uid() => {
                        self.is_failing = false;
                        return (stream, ());
                    }
                    Ok(uid) => tracing::warn!(
                        "a connection of uid {uid} was refused: only the owner of the apps and root are let in"
                    ),
                    Err(error) => tracing::warn!("a connection was refused, its user is unknown: {error}"),
                },
                Err(error) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!("control connections cannot be accepted: {error}");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A short path in a directory of ours, named after the home.
fn elsewhere(home: &Home) -> Result<PathBuf, BindError> {
    let mut hasher = DefaultHasher::new();
    home.root().hash(&mut hasher);
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = runtime.unwrap_or_else(|| std::env::temp_dir().join(format!("rpm-{}", user::effective_uid())));
    let failed = |source| BindError::Bind { path: directory.clone(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
    let owner = fs::symlink_metadata(&directory).map_err(failed)?.uid();
    if owner != user::effective_uid() {
        return Err(BindError::Foreign { path: directory, owner });
    }
    Ok(directory.join(format!("{:016x}.sock", hasher.finish())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::keep::LocalKeep;
    use tempfile::tempdir;

    fn keep() -> Rc<dyn Keep> {
        Rc::new(LocalKeep::default())
    }

    #[tokio::test]
    async fn a_stale_socket_is_no_obstacle() {
        let directory = tempdir().unwrap();
        let home = Home::new(directory.path());
        drop(std::os::unix::net::UnixListener::bind(home.socket()).unwrap());
        let (_socket, files) = ControlSocket::open(&home, &keep(), None).unwrap();
        assert_eq!(fs::metadata(home.socket()).unwrap().permissions().mode() & 0o777, 0o600);
        files.remove();
        assert!(!home.socket().exists());
    }

    #[tokio::test]
    async fn who_connects_between_two_daemons_waits_for_the_second() {
        let directory = tempdir().unwrap();
        let home = Home::new(directory.path());
        let (first, _files) = ControlSocket::open(&home, &keep(), None).unwrap();
        let fd = Arc::new(OwnedFd::from(first.listener.into_std().unwrap()));
        let _client = UnixStream::connect(home.socket()).await.unwrap();
        let kept = Kept { name: ControlSocket::KEPT_AS.into(), tag: vec![], fd };
        let (mut second, files) = ControlSocket::open(&home, &keep(), Some(kept.clone())).unwrap();
        second.accept().await;
        // Somebody has removed the file: nobody would find that socket any more.
        fs::remove_file(home.socket()).unwrap();
        let (_third, _files) = ControlSocket::open(&home, &keep(), Some(kept)).unwrap();
        UnixStream::connect(home.socket()).await.unwrap();
        files.remove();
    }

    #[tokio::test]
    async fn a_home_too_deep_for_an_address() {
        let directory = tempdir().unwrap();
        let deep = directory.path().join("d".repeat(90)).join("e".repeat(60));
        fs::create_dir_all(&deep).unwrap();
        let home = Home::new(&deep);
        let (_socket, _files) = ControlSocket::open(&home, &keep(), None).unwrap();
        let address = fs::read_link(home.socket()).unwrap();
        assert!(address.as_os_str().len() <= LONGEST_ADDRESS);
        UnixStream::connect(&address).await.unwrap();
    }
}
