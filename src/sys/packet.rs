//! Pairs of packet sockets between parent and child: each packet whole, with at most one descriptor, and with the pid
//! of who sent it, which nobody can forge.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg, sendmsg,
    setsockopt, socketpair,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A packet that came.
#[derive(Debug)]
pub struct Packet {
    pub length: usize,
    pub descriptor: Option<OwnedFd>,
    /// Something did not fit: bytes, or a descriptor for which we had no number left.
    pub truncated: bool,
    /// Who sent it; 0 where the socket doesn't tell.
    pub sender: i32,
}

/// The parent's end, which is told who sends, and the child's. Both close-on-exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (parent, child) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    setsockopt(&parent, PassCred, &true)?;
    Ok((parent, child))
}

/// Sends a packet, without waiting: a full socket is [`io::ErrorKind::WouldBlock`].
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    let data = [IoSlice::new(bytes)];
    let raw = descriptor.map(|fd| [fd.as_raw_fd()]);
    let rights: Vec<ControlMessage<'_>> = raw.iter().map(|fds| ControlMessage::ScmRights(fds)).collect();
    loop {
        match sendmsg::<UnixAddr>(socket.as_raw_fd(), &data, &rights, flags, None) {
            Err(Errno::EINTR) => {}
            other => return other.map(|_| ()).map_err(Into::into),
        }
    }
}

/// Receives a packet, without waiting: an empty socket is [`io::ErrorKind::WouldBlock`]. `None` is the end: nobody is
/// left who could send.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
    let mut control = nix::cmsg_space!([std::os::fd::RawFd; 1], nix::sys::socket::UnixCredentials);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    loop {
        let mut data = [IoSliceMut::new(buffer)];
        let message = match recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut data, Some(&mut control), flags) {
            // A peer that died with unread packets: what it had sent before is still there to be read.
            Err(Errno::EINTR | Errno::ECONNRESET) => continue,
            other => other?,
        };
        let mut packet = Packet {
            length: message.bytes,
            descriptor: None,
            truncated: message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC),
            sender: 0,
        };
        let controls = match message.cmsgs() {
            Ok(controls) => controls,
            // Some did not fit, for want of a number: of those that did not fit none has arrived.
            Err(Errno::ENOBUFS) => return Ok(Some(packet)),
            Err(error) => return Err(error.into()),
        };
        for control in controls {
            match control {
                ControlMessageOwned::ScmRights(numbers) => {
                    for number in numbers {
                        // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
                        packet.descriptor = Some(unsafe { OwnedFd::from_raw_fd(number) });
                    }
                }
                ControlMessageOwned::ScmCredentials(credentials) => packet.sender = credentials.pid(),
                _ => {}
            }
        }
        // A packet of ours is never empty.
        return Ok((packet.length > 0).then_some(packet));
    }
}

/// Waits until a packet can be received (or the end), at most so long.
pub fn wait_readable(socket: BorrowedFd<'_>, milliseconds: u16) -> io::Result<bool> {
    wait(socket, PollFlags::POLLIN, milliseconds)
}

/// Waits until there is room for a packet (or nobody to read it), at most so long.
pub fn wait_writable(socket: BorrowedFd<'_>, milliseconds: u16) -> io::Result<bool> {
    wait(socket, PollFlags::POLLOUT, milliseconds)
}

/// Waits until nobody is left at the other end, at most so long.
pub fn wait_closed(socket: BorrowedFd<'_>, milliseconds: u16) -> io::Result<bool> {
    wait(socket, PollFlags::empty(), milliseconds)
}

fn wait(socket: BorrowedFd<'_>, events: PollFlags, milliseconds: u16) -> io::Result<bool> {
    loop {
        match poll(&mut [PollFd::new(socket, events)], PollTimeout::from(milliseconds)) {
            Err(Errno::EINTR) => {}
            other => return Ok(other? > 0),
        }
    }
}

/// Whether nobody is left at the other end.
pub fn is_closed(socket: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(socket, PollFlags::empty())];
    poll(&mut fds, PollTimeout::ZERO).is_ok()
        && fds[0].revents().is_some_and(|events| events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR))
}

/// The number by which `/proc` names a socket.
pub fn inode(socket: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(nix::sys::stat::fstat(socket.as_fd())?.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_whole_with_their_sender_and_descriptor() {
        let (parent, child) = pair().unwrap();
        let (reader, _writer) = io::pipe().unwrap();
        send(child.as_fd(), b"one", Some(reader.as_fd())).unwrap();
        send(child.as_fd(), b"two", None).unwrap();
        let mut buffer = [0; 16];
        let first = receive(parent.as_fd(), &mut buffer).unwrap().unwrap();
        assert_eq!((&buffer[..first.length], first.sender), (&b"one"[..], std::process::id() as i32));
        assert!(first.descriptor.is_some() && !first.truncated);
        let second = receive(parent.as_fd(), &mut buffer).unwrap().unwrap();
        assert!(second.descriptor.is_none());
        assert_eq!(receive(parent.as_fd(), &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_dead_peer_with_unread_packets_has_still_sent_its_own() {
        let (parent, child) = pair().unwrap();
        send(parent.as_fd(), b"never read", None).unwrap();
        send(child.as_fd(), b"last words", None).unwrap();
        drop(child);
        let mut buffer = [0; 16];
        let packet = receive(parent.as_fd(), &mut buffer).unwrap().unwrap();
        assert_eq!(&buffer[..packet.length], b"last words");
        assert!(receive(parent.as_fd(), &mut buffer).unwrap().is_none());
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let (parent, child) = pair().unwrap();
        send(child.as_fd(), &[7; 64], None).unwrap();
        assert!(receive(parent.as_fd(), &mut [0; 16]).unwrap().unwrap().truncated);
    }
}
