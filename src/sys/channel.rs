//! Stream socket pairs that carry bytes and descriptors: the wire of Node's IPC.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, recv, recvmsg, sendmsg, socketpair,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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

/// Descriptors of one message: the kernel lets nobody send more.
const MOST_DESCRIPTORS: usize = 253;
/// Room for them, and for what stands before them.
const CONTROL: usize = (MOST_DESCRIPTORS * size_of::<RawFd>() + 64) / size_of::<u64>();

/// Receives bytes; descriptors that come with them are pushed to `descriptors`. 0 is the end.
///
/// Each that the kernel has opened for us is there, also where it had no room for all of them: others would stay open.
pub fn receive(channel: BorrowedFd<'_>, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    // Words: control messages are aligned as these are.
    let mut control = [0_u64; CONTROL];
    let mut data = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: it is plain data, for which zeroes are a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut data;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    let count = loop {
        // SAFETY: the header names buffers that live longer than the call, with their true lengths.
        let count =
            unsafe { libc::recvmsg(channel.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC) };
        match Errno::result(count) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    // SAFETY: the kernel has written whole control messages, and the length of them all; the descriptors in them were
    // made for us just now.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&raw const header);
        while let Some(head) = message.as_ref() {
            if (head.cmsg_level, head.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let numbers = libc::CMSG_DATA(message);
                let length = head.cmsg_len - libc::CMSG_LEN(0) as usize;
                for at in (0..length).step_by(size_of::<RawFd>()) {
                    let mut number = [0; size_of::<RawFd>()];
                    numbers.add(at).copy_to_nonoverlapping(number.as_mut_ptr(), number.len());
                    descriptors.push(OwnedFd::from_raw_fd(RawFd::from_ne_bytes(number)));
                }
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
    }
    Ok(count as usize)
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
    fn a_bunch_of_descriptors_stays_open_nowhere() {
        let (a, b) = pair().unwrap();
        let raw = [a.as_raw_fd(); MOST_DESCRIPTORS];
        let control = [ControlMessage::ScmRights(&raw)];
        sendmsg::<UnixAddr>(a.as_raw_fd(), &[IoSlice::new(b"x")], &control, MsgFlags::empty(), None).unwrap();
        let mut fds = Vec::new();
        assert_eq!(receive(b.as_fd(), &mut [0; 8], &mut fds).unwrap(), 1);
        assert_eq!(fds.len(), MOST_DESCRIPTORS);
        let numbers: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        assert!(numbers.iter().all(|number| !raw.contains(number)));
    }

    #[test]
    fn an_empty_channel_would_block() {
        let (a, _b) = pair().unwrap();
        let error = receive(a.as_fd(), &mut [0; 8], &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
