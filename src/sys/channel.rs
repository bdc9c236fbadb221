//! Stream socket pairs that carry bytes and descriptors: the wire of Node's IPC.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recv, recvmsg, sendmsg,
    socketpair,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Our end (non-blocking) and the one for a child (blocking; Node changes it itself). Both close-on-exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    super::socket::set_nonblocking(ours.as_fd())?;
    Ok((ours, theirs))
}

/// Sends bytes, with at most one descriptor, which travels with the first of them. May send fewer bytes.
pub fn send(channel: BorrowedFd<'_>, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let data = [IoSlice::new(bytes)];
    let raw = descriptor.map(|fd| [fd.as_raw_fd()]);
    loop {
        let sent = match &raw {
            Some(fds) => {
                let control = [ControlMessage::ScmRights(fds)];
                sendmsg::<UnixAddr>(channel.as_raw_fd(), &data, &control, flags, None)
            }
            None => sendmsg::<UnixAddr>(channel.as_raw_fd(), &data, &[], flags, None),
        };
        match sent {
            Err(Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

/// Receives bytes; descriptors that come with them are pushed to `descriptors`. 0 is the end.
pub fn receive(channel: BorrowedFd<'_>, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut control = nix::cmsg_space!([std::os::fd::RawFd; 16]);
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    loop {
        let mut data = [IoSliceMut::new(buffer)];
        let message = match recvmsg::<UnixAddr>(channel.as_raw_fd(), &mut data, Some(&mut control), flags) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(numbers) = control {
                // SAFETY: the kernel has just made these descriptors for us; nobody else owns them.
                descriptors.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
            }
        }
        return Ok(message.bytes);
    }
}

/// What a look into a channel finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peeked {
    /// Bytes that are there; 0 is the end.
    pub count: usize,
    /// A descriptor came with the last of them.
    pub descriptor: bool,
}

/// The same bytes as [`receive`] would give, without taking them. Descriptors are not looked at.
pub fn peek(channel: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Peeked> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
    loop {
        let mut data = [IoSliceMut::new(buffer)];
        match recvmsg::<UnixAddr>(channel.as_raw_fd(), &mut data, None, flags) {
            Err(Errno::EINTR) => {}
            // Where there is room for no descriptor, one that is there is reported as cut off.
            Ok(message) => {
                let descriptor = message.flags.contains(MsgFlags::MSG_CTRUNC);
                return Ok(Peeked { count: message.bytes, descriptor });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes as many bytes as `seen` is long, which [`peek`] has found without a descriptor. `seen` is overwritten.
pub fn consume(channel: BorrowedFd<'_>, seen: &mut [u8]) -> io::Result<()> {
    let mut taken = 0;
    while taken < seen.len() {
        match recv(channel.as_raw_fd(), &mut seen[taken..], MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EINTR) => {}
            Ok(0) => break,
            other => taken += other?,
        }
    }
    Ok(())
}

/// Memory that holds what the other end has not read: 0 when it has read all, and never less than its bytes.
pub fn unread_by_peer(channel: BorrowedFd<'_>) -> io::Result<usize> {
    let mut memory: libc::c_int = 0;
    // SAFETY: the request stores one int, into a variable that lives as long as the call.
    let result = unsafe { libc::ioctl(channel.as_raw_fd(), libc::TIOCOUTQ, &raw mut memory) };
    Errno::result(result)?;
    Ok(usize::try_from(memory).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_look_takes_nothing_and_tells_of_descriptors() {
        let (a, b) = pair().unwrap();
        let mut buffer = [0; 64];
        send(a.as_fd(), b"one\ntwo\n", None).unwrap();
        for _ in 0..2 {
            assert_eq!(peek(b.as_fd(), &mut buffer).unwrap(), Peeked { count: 8, descriptor: false });
        }
        consume(b.as_fd(), &mut buffer[..4]).unwrap();
        send(a.as_fd(), b"with\n", Some(a.as_fd())).unwrap();
        send(a.as_fd(), b"after\n", None).unwrap();
        assert_eq!(peek(b.as_fd(), &mut buffer).unwrap(), Peeked { count: 9, descriptor: true });
        assert_eq!(&buffer[..9], b"two\nwith\n");
        let mut fds = Vec::new();
        assert_eq!(receive(b.as_fd(), &mut buffer[..9], &mut fds).unwrap(), 9);
        assert_eq!(fds.len(), 1);
        drop((a, fds));
        assert_eq!(peek(b.as_fd(), &mut buffer).unwrap(), Peeked { count: 6, descriptor: false });
        consume(b.as_fd(), &mut buffer[..6]).unwrap();
        assert_eq!(peek(b.as_fd(), &mut buffer).unwrap(), Peeked { count: 0, descriptor: false });
    }

    #[test]
    fn what_the_peer_has_not_read_is_known() {
        let (a, b) = pair().unwrap();
        assert_eq!(unread_by_peer(a.as_fd()).unwrap(), 0);
        let text = [b'x'; 5000];
        assert_eq!(send(a.as_fd(), &text, None).unwrap(), text.len());
        assert!(unread_by_peer(a.as_fd()).unwrap() >= text.len());
        consume(b.as_fd(), &mut text.clone()).unwrap();
        assert_eq!(unread_by_peer(a.as_fd()).unwrap(), 0);
    }

    #[test]
    fn bytes_and_a_descriptor_travel_together() {
        let (a, b) = pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        send(a.as_fd(), b"take this\n", Some(writer.as_fd())).unwrap();
        drop(writer);
        let (mut buffer, mut fds) = ([0; 64], Vec::new());
        let length = receive(b.as_fd(), &mut buffer, &mut fds).unwrap();
        assert_eq!((&buffer[..length], fds.len()), (&b"take this\n"[..], 1));
        drop(fds);
        let mut nothing = String::new();
        reader.read_to_string(&mut nothing).unwrap();
        drop(a);
        assert_eq!(receive(b.as_fd(), &mut buffer, &mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn an_empty_channel_would_block() {
        let (a, _b) = pair().unwrap();
        let error = receive(a.as_fd(), &mut [0; 8], &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
