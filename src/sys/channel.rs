//! Stream socket pairs that carry bytes and descriptors: the wire of Node's IPC.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg, sendmsg,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

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
