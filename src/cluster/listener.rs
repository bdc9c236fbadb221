//! Binding what a worker asked for.

use super::kept::Tag;
use super::query::Address;
use crate::sys::{reuseport, socket};
use serde::{Deserialize, Serialize};
use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a listener can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Bound {
    /// With its real port.
    Tcp(SocketAddr),
    Udp(SocketAddr),
    Unix(PathBuf),
    /// A unix socket without a file.
    Abstract(String),
}

/// A listening socket of the app. It outlives this: only [`Self::close`] ends it.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Arc<OwnedFd>,
    bound: Bound,
    /// A worker has bound it, and may use it for something else too.
    is_given: bool,
}

impl Listener {
    /// Binds and listens; an error is the `errno` for the worker.
    pub(super) fn bind(address: &Address, backlog: i32) -> Result<Self, i32> {
        let bound = match address {
            Address::AnyTcp { port } => {
                Self::any(*port, |address| Self::tcp(address, socket::listen_tcp(address, false, backlog)))
            }
            Address::Tcp { address, v6only } => Self::tcp(*address, socket::listen_tcp(*address, *v6only, backlog)),
            Address::Unix { path, readable_all, writable_all } => {
                Self::unix(path, *readable_all, *writable_all, backlog)
            }
            Address::Abstract { name } => Self::without_file(name, backlog),
            Address::Udp { address, v6only, reuse_address } => Self::udp(*address, *v6only, *reuse_address),
            Address::Given { .. } | Address::Unsupported => Err(io::Error::from_raw_os_error(libc::ENOTSUP)),
        };
        bound.map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
    }

    /// The first of several at one TCP address.
    pub(super) fn bind_first(address: &Address, backlog: i32) -> Result<Self, i32> {
        let bound = match address {
            Address::AnyTcp { port } => {
                Self::any(*port, |address| Self::tcp(address, reuseport::listen_first(address, false, backlog)))
            }
            Address::Tcp { address, v6only } => {
                Self::tcp(*address, reuseport::listen_first(*address, *v6only, backlog))
            }
            _ => Err(io::Error::from_raw_os_error(libc::ENOTSUP)),
        };
        bound.map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
    }

    /// One more, where this one is.
    pub(super) fn bind_beside(&self, of: &Address, backlog: i32) -> Result<Self, i32> {
        let v6only = matches!(of, Address::Tcp { v6only: true, .. });
        let bound = match &self.bound {
            Bound::Tcp(address) => Self::tcp(*address, reuseport::listen_beside(*address, v6only, backlog)),
            Bound::Udp(_) | Bound::Unix(_) | Bound::Abstract(_) => Err(io::Error::from_raw_os_error(libc::ENOTSUP)),
        };
        bound.map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
    }

    fn any(port: u16, bind: impl Fn(SocketAddr) -> io::Result<Self>) -> io::Result<Self> {
        let v6 = bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port));
        match v6.as_ref().map_err(io::Error::raw_os_error) {
            Err(Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL | libc::EINVAL)) => {
                bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
            }
            _ => v6,
        }
    }

    fn tcp(address: SocketAddr, socket: io::Result<OwnedFd>) -> io::Result<Self> {
        let socket = socket?;
        let bound = socket::local_address(socket.as_fd())?.unwrap_or(address);
        Ok(Self { socket: Arc::new(socket), bound: Bound::Tcp(bound), is_given: false })
    }

    fn udp(address: SocketAddr, v6only: bool, reuse_address: bool) -> io::Result<Self> {
        let socket = socket::bind_udp(address, v6only, reuse_address)?;
        let bound = socket::local_address(socket.as_fd())?.unwrap_or(address);
        Ok(Self { socket: Arc::new(socket), bound: Bound::Udp(bound), is_given: false })
    }

    fn unix(path: &Path, readable_all: bool, writable_all: bool, backlog: i32) -> io::Result<Self> {
        let socket = match socket::listen_unix_anew(path, backlog) {
            // As libuv does: a missing directory is EACCES.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(io::Error::from_raw_os_error(libc::EACCES));
            }
            other => other?,
        };
        if readable_all || writable_all {
            let mode = fs::metadata(path)?.permissions().mode();
            let added = if readable_all { 0o444 } else { 0 } | if writable_all { 0o222 } else { 0 };
            fs::set_permissions(path, Permissions::from_mode(mode | added))?;
        }
        Ok(Self { socket: Arc::new(socket), bound: Bound::Unix(path.to_owned()), is_given: false })
    }

    fn without_file(name: &str, backlog: i32) -> io::Result<Self> {
        let socket = socket::listen_abstract(name.as_bytes(), backlog)?;
        Ok(Self { socket: Arc::new(socket), bound: Bound::Abstract(name.to_owned()), is_given: false })
    }

    /// One that a daemon before this one has bound; `None` when it was closed meanwhile.
    pub(super) fn adopt(socket: Arc<OwnedFd>, tag: &Tag) -> Option<Self> {
        // One whose file is gone was about to be closed, or nobody would find it.
        let is_found = tag.given || !matches!(&tag.address, Bound::Unix(file) if !file.exists());
        let is_open = is_found && !socket::has_stopped(socket.as_fd());
        is_open.then(|| Self { socket, bound: tag.address.clone(), is_given: tag.given })
    }

    /// A socket of a worker's own; an error is the `errno` for it.
    pub(super) fn given(socket: OwnedFd, datagrams: bool, backlog: i32) -> Result<Self, i32> {
        let take = || {
            let kind = socket::kind_of(socket.as_fd())?;
            if kind.datagrams != datagrams {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            socket::set_nonblocking(socket.as_fd())?;
            if !datagrams {
                socket::listen(socket.as_fd(), backlog)?;
            }
            Ok(match (socket::local_address(socket.as_fd())?, kind.path) {
                (Some(address), _) if datagrams => Bound::Udp(address),
                (Some(address), _) => Bound::Tcp(address),
                (None, path) => Bound::Unix(path.unwrap_or_default()),
            })
        };
        let bound = take().map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))?;
        Ok(Self { socket: Arc::new(socket), bound, is_given: true })
    }

    pub(super) fn is_given(&self) -> bool {
        self.is_given
    }

    /// A name for this very socket, by whichever number a worker knows it.
    pub(super) fn identity(&self) -> String {
        format!("fd:{}", socket::identity(self.socket.as_fd()))
    }

    /// Ends it, whoever else has a copy. The file goes first: a listener that has stopped has none. A UDP socket ends
    /// with its last copy only, and so do a name without a file and what a worker has bound: then it is false.
    pub(super) fn close(&self) -> bool {
        match &self.bound {
            Bound::Udp(_) => return false,
            _ if self.is_given => return false,
            Bound::Unix(file) => {
                let _ = fs::remove_file(file);
            }
            Bound::Tcp(_) | Bound::Abstract(_) => {}
        }
        socket::stop_listening(self.socket.as_fd());
        !matches!(self.bound, Bound::Abstract(_))
    }

    pub(super) fn socket(&self) -> &Arc<OwnedFd> {
        &self.socket
    }

    pub(super) fn bound(&self) -> &Bound {
        &self.bound
    }

    /// For people: `[::]:3000`, `udp 0.0.0.0:53`, or the path.
    pub(super) fn describe(&self) -> String {
        match &self.bound {
            Bound::Tcp(address) => address.to_string(),
            Bound::Udp(address) => format!("udp {address}"),
            Bound::Abstract(name) => format!("@{name}"),
            Bound::Unix(file) if file.as_os_str().is_empty() => "a unix socket without a name".to_owned(),
            Bound::Unix(file) => file.display().to_string(),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &Path) -> Result<Listener, i32> {
        Listener::bind(&Address::Unix { path: path.into(), readable_all: false, writable_all: true }, 8)
    }

    #[test]
    fn the_file_of_a_unix_socket_comes_and_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.sock");
        let listener = unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o222, 0o222);
        assert_eq!(unix(&path).unwrap_err(), libc::EADDRINUSE);
        let tag = Tag {
            app: "app".into(),
            key: "k".into(),
            number: 0,
            address: listener.bound.clone(),
            shared: false,
            given: false,
            data: serde_json::Value::Null,
            place: None,
        };
        let again = Listener::adopt(Arc::clone(&listener.socket), &tag).unwrap();
        drop(listener);
        assert!(path.exists(), "it outlives whoever made it");
        again.close();
        assert!(!path.exists());
        assert!(Listener::adopt(again.socket, &tag).is_none(), "what was closed is nobody's");
    }

    #[test]
    fn a_stale_file_is_replaced_and_another_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let stale = directory.path().join("stale.sock");
        drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
        unix(&stale).unwrap();
        let text = directory.path().join("text");
        fs::write(&text, "precious").unwrap();
        assert_eq!(unix(&text).unwrap_err(), libc::EADDRINUSE);
        assert_eq!(fs::read_to_string(&text).unwrap(), "precious");
    }

    #[test]
    fn a_missing_directory_is_no_access() {
        assert_eq!(unix(Path::new("/no/such/directory/x.sock")).unwrap_err(), libc::EACCES);
    }
}
