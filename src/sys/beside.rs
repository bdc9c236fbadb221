//! The supervisor that a container was made for (`rpm runtime`), and how a command beside it in that container finds it.
//!
//! By an address that is no file, and that the container's own namespaces name: there may be nothing that can be written,
//! no home, and another environment.

use super::socket::{peer_uid, set_nonblocking};
use super::user::effective_uid;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixStream};

/// What a command beside one may think of who answers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Ours,
    /// It is the container's, and another user's.
    Foreign(u32),
    /// Anybody may take the address: this one has no business there.
    Stranger,
}

/// Whoever shares the processes and the files shares the name.
fn name() -> io::Result<String> {
    let namespace = |kind: &str| fs::read_link(format!("/proc/self/ns/{kind}"));
    let [pid, mount] = [namespace("pid")?, namespace("mnt")?];
    Ok(format!("rpm-runtime/{}/{}", pid.display(), mount.display()))
}

fn address() -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name()?)
}

/// The socket at that address, where this program is what the container was made for; `None` elsewhere. One that finds it
/// taken has come second.
#[cfg(feature = "cli")]
pub fn listen() -> io::Result<Option<std::os::fd::OwnedFd>> {
    use super::init;
    use nix::unistd::getppid;

    /// The first process of the initial PID namespace of a machine is in this one, on any Linux.
    const INITIAL: &str = "pid:[4026531836]";

    // Who is started from outside of a namespace has no parent in it.
    let is_of_namespace = || {
        fs::read_link("/proc/self/ns/pid").is_ok_and(|namespace| namespace.as_os_str() != INITIAL)
            && getppid().as_raw() <= 1
    };
    if !init::is_first() && !init::is_child_of_first() && !is_of_namespace() {
        return Ok(None);
    }
    let listener = std::os::unix::net::UnixListener::bind_addr(&address()?)?;
    set_nonblocking(listener.as_fd())?;
    Ok(Some(listener.into()))
}

/// A connection to it, not to be waited on, and who is at its other end.
pub fn connect() -> io::Result<(UnixStream, Peer)> {
    let stream = UnixStream::connect_addr(&address()?)?;
    set_nonblocking(stream.as_fd())?;
    let owner = fs::metadata("/proc/1").map(|first| first.uid());
    let peer = judge(peer_uid(&stream)?, effective_uid(), owner.ok());
    Ok((stream, peer))
}

/// A container is its first process's owner's.
fn judge(theirs: u32, ours: u32, owner: Option<u32>) -> Peer {
    if theirs == ours {
        return Peer::Ours;
    }
    match (owner == Some(theirs), ours) {
        (true, 0) => Peer::Ours,
        (true, _) => Peer::Foreign(theirs),
        (false, _) => Peer::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers() {
        let table = [
            (1000, 1000, Some(0), Peer::Ours),
            (0, 0, None, Peer::Ours),
            // `docker exec -u 0` beside `USER node`.
            (1000, 0, Some(1000), Peer::Ours),
            (0, 1000, Some(0), Peer::Foreign(0)),
            // Somebody of this machine, who waits for what root says.
            (1000, 0, Some(0), Peer::Stranger),
            (1001, 1000, Some(0), Peer::Stranger),
            (1001, 1000, None, Peer::Stranger),
        ];
        for (theirs, ours, owner, peer) in table {
            assert_eq!(judge(theirs, ours, owner), peer, "{theirs} {ours} {owner:?}");
        }
    }

    #[test]
    fn the_address_is_that_of_these_namespaces() {
        assert_eq!(name().unwrap(), name().unwrap());
        assert!(name().unwrap().starts_with("rpm-runtime/pid:["));
    }
}
