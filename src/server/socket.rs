//! The control socket: for its owner alone, at an address that fits.

use crate::paths::Home;
use crate::sys::{socket, user};
use axum::serve::Listener;
use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// What fits a unix socket's address.
const LONGEST_ADDRESS: usize = 107;
/// Pause after an accept that failed for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("the control socket {path} cannot be made: {source}")]
    Bind { path: PathBuf, source: io::Error },
    #[error("{path} is not ours: its owner is uid {owner}; remove it, or set XDG_RUNTIME_DIR")]
    Foreign { path: PathBuf, owner: u32 },
}

/// The listening control socket. Its files go with it.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    files: Vec<PathBuf>,
}

impl ControlSocket {
    /// Binds for `home`. Whoever calls holds the home's lock, so that what is there already is stale.
    pub fn bind(home: &Home) -> Result<Self, BindError> {
        let named = home.socket();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BindError::Bind { path, source }
        };
        remove(&named).map_err(failed(&named))?;
        let (address, files) = if named.as_os_str().len() <= LONGEST_ADDRESS {
            (named.clone(), vec![named.clone()])
        } else {
            let address = elsewhere(home)?;
            remove(&address).map_err(failed(&address))?;
            symlink(&address, &named).map_err(failed(&named))?;
            (address.clone(), vec![address, named.clone()])
        };
        let listener = UnixListener::bind(&address).map_err(failed(&address))?;
        fs::set_permissions(&address, Permissions::from_mode(0o600)).map_err(failed(&address))?;
        Ok(Self { listener, files })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
    }
}

impl Listener for ControlSocket {
    type Io = UnixStream;
    type Addr = ();

    /// Only the owner and root are let in; the file's mode says the same, this holds where it was changed.
    async fn accept(&mut self) -> (UnixStream, ()) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match socket::peer_uid(&stream) {
                    Ok(uid) if uid == 0 || uid == user::effective_uid() => return (stream, ()),
                    Ok(uid) => tracing::warn!("a connection of uid {uid} was refused: the daemon is its owner's alone"),
                    Err(error) => tracing::warn!("a connection was refused, its user is unknown: {error}"),
                },
                Err(error) => {
                    tracing::warn!("a control connection cannot be accepted: {error}");
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
    use tempfile::tempdir;

    #[tokio::test]
    async fn a_stale_socket_is_no_obstacle() {
        let directory = tempdir().unwrap();
        let home = Home::new(directory.path());
        drop(std::os::unix::net::UnixListener::bind(home.socket()).unwrap());
        let socket = ControlSocket::bind(&home).unwrap();
        assert_eq!(fs::metadata(home.socket()).unwrap().permissions().mode() & 0o777, 0o600);
        drop(socket);
        assert!(!home.socket().exists());
    }

    #[tokio::test]
    async fn a_home_too_deep_for_an_address() {
        let directory = tempdir().unwrap();
        let deep = directory.path().join("d".repeat(90)).join("e".repeat(60));
        fs::create_dir_all(&deep).unwrap();
        let home = Home::new(&deep);
        let _socket = ControlSocket::bind(&home).unwrap();
        let address = fs::read_link(home.socket()).unwrap();
        assert!(address.as_os_str().len() <= LONGEST_ADDRESS);
        UnixStream::connect(&address).await.unwrap();
    }
}
