//! Listening sockets, the connections they give, and who is at the other end.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{Ipv6V6Only, Linger, PeerCredentials, ReuseAddr, SockType as SockTypeOf};
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr, accept4, bind,
    connect, getpeername, getsockname, getsockopt, setsockopt, shutdown, socket,
};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

const FLAGS: SockFlag = SockFlag::SOCK_NONBLOCK.union(SockFlag::SOCK_CLOEXEC);

/// Bytes of a unix socket's address, without the 0 at its end.
const LONGEST_ADDRESS: usize = 107;

/// A bound TCP socket that listens. `v6only` concerns IPv6 addresses: without it `::` takes IPv4 too.
pub fn listen_tcp(address: SocketAddr, v6only: bool, backlog: i32) -> io::Result<OwnedFd> {
    let listener = unbound_tcp(address, v6only)?;
    bind_tcp(&listener, address)?;
    listen(listener.as_fd(), backlog)?;
    Ok(listener)
}

/// A TCP socket for an address, which it does not have yet.
pub(super) fn unbound_tcp(address: SocketAddr, v6only: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let listener = socket(family, SockType::Stream, FLAGS, None)?;
    setsockopt(&listener, ReuseAddr, &true)?;
    if address.is_ipv6() {
        setsockopt(&listener, Ipv6V6Only, &v6only)?;
    }
    Ok(listener)
}

pub(super) fn bind_tcp(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    Ok(bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?)
}

/// A bound UDP socket.
pub fn bind_udp(address: SocketAddr, v6only: bool, reuse_address: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let bound = socket(family, SockType::Datagram, FLAGS, None)?;
    setsockopt(&bound, ReuseAddr, &reuse_address)?;
    if address.is_ipv6() {
        setsockopt(&bound, Ipv6V6Only, &v6only)?;
    }
    bind(bound.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(bound)
}

/// A bound unix socket that listens. The file must not exist. Its path may be longer than an address of a socket can be.
pub fn listen_unix(path: &Path, backlog: i32) -> io::Result<OwnedFd> {
    let listener = socket(AddressFamily::Unix, SockType::Stream, FLAGS, None)?;
    through_short_path(path, |path| Ok(bind(listener.as_raw_fd(), &UnixAddr::new(path)?)?))?;
    listen(listener.as_fd(), backlog)?;
    Ok(listener)
}

/// The same under a name that no file has.
pub fn listen_abstract(name: &[u8], backlog: i32) -> io::Result<OwnedFd> {
    let listener = socket(AddressFamily::Unix, SockType::Stream, FLAGS, None)?;
    bind(listener.as_raw_fd(), &UnixAddr::new_abstract(name)?)?;
    listen(listener.as_fd(), backlog)?;
    Ok(listener)
}

/// The same as [`listen_unix`]; a socket's file that nobody listens behind is replaced.
pub fn listen_unix_anew(path: &Path, backlog: i32) -> io::Result<OwnedFd> {
    let is_socket = || fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    match listen_unix(path, backlog) {
        Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) && is_socket() && !answers(path) => {
            fs::remove_file(path)?;
            listen_unix(path, backlog)
        }
        other => other,
    }
}

/// A long path has a short one as long as its directory is open.
fn through_short_path<T>(path: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return work(path) };
    if path.as_os_str().len() <= LONGEST_ADDRESS {
        return work(path);
    }
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = nix::fcntl::open(directory, flags, nix::sys::stat::Mode::empty())?;
    work(&Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name))
}

pub fn listen(socket: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    let backlog = Backlog::new(backlog).unwrap_or(Backlog::MAXCONN);
    Ok(nix::sys::socket::listen(&socket, backlog)?)
}

/// Nobody gets an answer from this socket any more, whoever has another copy of it. What waits in it is refused.
pub fn stop_listening(listener: BorrowedFd<'_>) {
    let _ = shutdown(listener.as_raw_fd(), Shutdown::Both);
}

/// Whether [`stop_listening`] was called on it, through whichever copy.
pub fn has_stopped(listener: BorrowedFd<'_>) -> bool {
    let mut look = [PollFd::new(listener, PollFlags::POLLIN)];
    let _ = poll(&mut look, PollTimeout::ZERO);
    look[0].revents().is_some_and(|seen| seen.contains(PollFlags::POLLHUP))
}

/// The next waiting connection: non-blocking and close-on-exec from its first moment.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    loop {
        match accept4(listener.as_raw_fd(), FLAGS) {
            // SAFETY: the kernel has just made this descriptor for us.
            Ok(number) => return Ok(unsafe { OwnedFd::from_raw_fd(number) }),
            Err(Errno::EINTR | Errno::ECONNABORTED) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A TCP connection that is being made, or is there already. It doesn't block.
pub(super) fn begin_connect(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let client = socket(family, SockType::Stream, FLAGS, None)?;
    match connect(client.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(client),
        Err(error) => Err(error.into()),
    }
}

/// The address a TCP or UDP socket is bound to.
pub fn local_address(socket: BorrowedFd<'_>) -> io::Result<Option<SocketAddr>> {
    Ok(internet(&getsockname(socket.as_raw_fd())?))
}

/// The address at the other end of a TCP connection; `None` for other kinds, and when the client has gone already.
pub fn peer_address(connection: BorrowedFd<'_>) -> Option<SocketAddr> {
    internet(&getpeername(connection.as_raw_fd()).ok()?)
}

fn internet(storage: &SockaddrStorage) -> Option<SocketAddr> {
    match storage.family()? {
        AddressFamily::Inet => storage.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into())),
        AddressFamily::Inet6 => storage.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into())),
        _ => None,
    }
}

/// What a socket is that somebody else has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    pub datagrams: bool,
    /// Of a unix socket that has a file.
    pub path: Option<PathBuf>,
}

/// Streams and datagrams, of the internet and unix; an error for all else.
pub fn kind_of(socket: BorrowedFd<'_>) -> io::Result<Kind> {
    let kind = getsockopt(&socket, SockTypeOf)?;
    let storage: SockaddrStorage = getsockname(socket.as_raw_fd())?;
    let family = storage.family();
    let is_served = match kind {
        SockType::Stream => matches!(family, Some(AddressFamily::Inet | AddressFamily::Inet6 | AddressFamily::Unix)),
        SockType::Datagram => matches!(family, Some(AddressFamily::Inet | AddressFamily::Inet6)),
        _ => false,
    };
    if !is_served {
        return Err(io::Error::from_raw_os_error(libc::ENOTSUP));
    }
    let path = storage.as_unix_addr().and_then(UnixAddr::path).map(Path::to_owned);
    Ok(Kind { datagrams: kind == SockType::Datagram, path })
}

/// A number that no other living socket has.
pub fn identity(socket: BorrowedFd<'_>) -> u64 {
    nix::sys::stat::fstat(socket).map_or(0, |status| status.st_ino)
}

/// Its last close doesn't wait for what is still to be sent. Of what is no socket nothing is changed.
pub fn never_linger(socket: BorrowedFd<'_>) {
    let _ = setsockopt(&socket, Linger, &libc::linger { l_onoff: 0, l_linger: 0 });
}

/// The number of a network interface, by its name or the number itself.
pub fn scope_id(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok().or_else(|| name.parse().ok())
}

/// Whether anybody answers at a unix socket's path.
pub fn answers(path: &Path) -> bool {
    let connected = through_short_path(path, |path| std::os::unix::net::UnixStream::connect(path));
    !matches!(connected, Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The user at the other end of a unix connection.
pub fn peer_uid(connection: &impl AsFd) -> io::Result<u32> {
    Ok(getsockopt(&connection.as_fd(), PeerCredentials)?.uid())
}

/// Whether the process at the other end of a unix connection is in our PID namespace, or one below it.
pub fn is_peer_visible(connection: &impl AsFd) -> bool {
    getsockopt(&connection.as_fd(), PeerCredentials).is_ok_and(|peer| peer.pid() != 0)
}

pub fn set_nonblocking(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    fcntl(descriptor, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

pub fn set_blocking(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    fcntl(descriptor, FcntlArg::F_SETFL(flags & !OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Raises our soft limit of open files to the hard one, and returns what it was.
pub fn raise_open_files() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    soft
}

/// How many descriptors this program can have open.
pub fn most_open_files() -> u64 {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn dual_stack_on_a_free_port() {
        let listener = listen_tcp("[::]:0".parse().unwrap(), false, 8).unwrap();
        let port = local_address(listener.as_fd()).unwrap().unwrap().port();
        assert_ne!(port, 0);
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        accept(listener.as_fd()).unwrap();
        assert_eq!(accept(listener.as_fd()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let first = listen_tcp("127.0.0.1:0".parse().unwrap(), false, 8).unwrap();
        let address = local_address(first.as_fd()).unwrap().unwrap();
        let error = listen_tcp(address, false, 8).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EADDRINUSE));
    }

    #[test]
    fn a_stopped_listener_answers_through_no_copy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        for listener in [listen_tcp("127.0.0.1:0".parse().unwrap(), false, 8).unwrap(), listen_unix(&path, 8).unwrap()]
        {
            assert!(!has_stopped(listener.as_fd()));
            let copy = listener.try_clone().unwrap();
            stop_listening(listener.as_fd());
            assert!(has_stopped(copy.as_fd()));
            let Some(address) = local_address(copy.as_fd()).unwrap() else {
                assert!(!answers(&path));
                continue;
            };
            assert!(TcpStream::connect(address).is_err());
            listen_tcp(address, false, 8).expect("its address is free though a copy is open");
        }
    }

    #[test]
    fn a_path_may_be_longer_than_an_address() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(90)).join("e".repeat(90));
        fs::create_dir_all(&deep).unwrap();
        let path = deep.join("app.sock");
        let listener = listen_unix(&path, 8).unwrap();
        assert!(path.exists() && answers(&path));
        drop(listener);
        assert!(!answers(&path));
        let named = deep.join("n".repeat(120));
        assert_eq!(listen_unix(&named, 8).unwrap_err().raw_os_error(), Some(libc::ENAMETOOLONG));
    }

    #[test]
    fn what_a_socket_is() {
        let udp = bind_udp("127.0.0.1:0".parse().unwrap(), false, false).unwrap();
        assert_eq!(kind_of(udp.as_fd()).unwrap(), Kind { datagrams: true, path: None });
        let tcp = listen_tcp("127.0.0.1:0".parse().unwrap(), false, 8).unwrap();
        assert_eq!(kind_of(tcp.as_fd()).unwrap(), Kind { datagrams: false, path: None });
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let unix = listen_unix(&path, 8).unwrap();
        assert_eq!(kind_of(unix.as_fd()).unwrap(), Kind { datagrams: false, path: Some(path) });
        assert_ne!(identity(unix.as_fd()), identity(tcp.as_fd()));
        assert_eq!(identity(unix.as_fd()), identity(unix.try_clone().unwrap().as_fd()));
        let file = fs::File::open("/dev/null").unwrap();
        assert!(kind_of(file.as_fd()).is_err());
        never_linger(file.as_fd());
    }

    #[test]
    fn unix_peers_are_known() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let listener = listen_unix(&path, 8).unwrap();
        let client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        assert_eq!(peer_uid(&client).unwrap(), super::super::user::effective_uid());
        assert!(is_peer_visible(&client));
        assert!(answers(&path));
        drop(listener);
        assert!(!answers(&path));
    }
}
