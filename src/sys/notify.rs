//! The socket on which an app says how it is (`sd_notify`): datagrams, each with the pid of who sent it, which nobody
//! can forge.

use nix::errno::Errno;
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, bind, getsockname, recvmsg, sendmsg,
    setsockopt, socket,
};
use nix::unistd::{Pid, getsid};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A message of `sd_notify` is shorter.
pub const LONGEST: usize = 4096;

/// A message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    pub length: usize,
    pub sender: i32,
}

/// A socket of its own under a name that the kernel chooses, and the name as `NOTIFY_SOCKET` has it. The name is in no
/// directory: an app that runs as another user reaches it too.
pub fn open() -> io::Result<(OwnedFd, String)> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    // Before it has a name: nobody's message is without its sender.
    setsockopt(&fd, PassCred, &true)?;
    bind(fd.as_raw_fd(), &UnixAddr::new_unnamed())?;
    let name = name(fd.as_fd())?;
    Ok((fd, name))
}

/// The name as `NOTIFY_SOCKET` has it.
fn name(fd: BorrowedFd<'_>) -> io::Result<String> {
    let address: UnixAddr = getsockname(fd.as_raw_fd())?;
    let name = address.as_abstract().ok_or_else(|| io::Error::other("the socket has got no name"))?;
    Ok(format!("@{}", String::from_utf8_lossy(name)))
}

/// The next message, without waiting; [`io::ErrorKind::WouldBlock`] where there is none. It stays in the socket.
/// Descriptors that come with it are closed, which is what who sends them (`sd_notify_barrier`) waits for.
pub fn peek(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Datagram> {
    take(fd, buffer, MsgFlags::MSG_PEEK)
}

/// Drops the message that was looked at.
pub fn drop_next(fd: BorrowedFd<'_>) -> io::Result<()> {
    take(fd, &mut [0; 1], MsgFlags::empty()).map(drop)
}

fn take(fd: BorrowedFd<'_>, buffer: &mut [u8], how: MsgFlags) -> io::Result<Datagram> {
    // What does not fit is closed by the kernel.
    let mut control = nix::cmsg_space!([RawFd; 4], nix::sys::socket::UnixCredentials);
    let flags = how | MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    loop {
        let mut data = [IoSliceMut::new(buffer)];
        let message = match recvmsg::<UnixAddr>(fd.as_raw_fd(), &mut data, Some(&mut control), flags) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        let mut datagram = Datagram { length: message.bytes, sender: 0 };
        // Control data that were cut off hold nothing of ours.
        for control in message.cmsgs().into_iter().flatten() {
            match control {
                ControlMessageOwned::ScmRights(numbers) => {
                    for number in numbers {
                        // SAFETY: the kernel has just made these descriptors for us; nobody else owns them.
                        drop(unsafe { OwnedFd::from_raw_fd(number) });
                    }
                }
                ControlMessageOwned::ScmCredentials(credentials) => datagram.sender = credentials.pid(),
                _ => {}
            }
        }
        return Ok(datagram);
    }
}

/// Says something to whoever has given us this address, as `NOTIFY_SOCKET` has it. Never waits:
/// [`io::ErrorKind::WouldBlock`] where there is no room.
pub fn say(address: &str, text: &str) -> io::Result<()> {
    let to = match address.strip_prefix('@') {
        Some(name) => UnixAddr::new_abstract(name.as_bytes())?,
        None => UnixAddr::new(address)?,
    };
    let fd = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    sendmsg(fd.as_raw_fd(), &[IoSlice::new(text.as_bytes())], &[], flags, Some(&to))?;
    Ok(())
}

/// Whether a process is the first one of a session, or one of those that live in it.
pub fn is_in_session(pid: i32, first: i32) -> bool {
    pid > 0 && (pid == first || getsid(Some(Pid::from_raw(pid))).is_ok_and(|session| session.as_raw() == first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::ControlMessage;
    use std::io::Read;

    fn send(name: &str, text: &[u8], fd: Option<BorrowedFd<'_>>) {
        let sender = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).unwrap();
        let address = UnixAddr::new_abstract(name.strip_prefix('@').unwrap().as_bytes()).unwrap();
        let numbers: Vec<_> = fd.iter().map(AsRawFd::as_raw_fd).collect();
        let rights: Vec<_> = fd.iter().map(|_| ControlMessage::ScmRights(&numbers)).collect();
        sendmsg(sender.as_raw_fd(), &[IoSlice::new(text)], &rights, MsgFlags::empty(), Some(&address)).unwrap();
    }

    #[test]
    fn messages_come_with_their_sender_and_stay_until_they_are_dropped() {
        let (fd, name) = open().unwrap();
        let mut buffer = [0; 64];
        assert_eq!(peek(fd.as_fd(), &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        send(&name, b"READY=1", None);
        send(&name, b"STATUS=x", None);
        let us = std::process::id() as i32;
        for _ in 0..2 {
            let datagram = peek(fd.as_fd(), &mut buffer).unwrap();
            assert_eq!((&buffer[..datagram.length], datagram.sender), (&b"READY=1"[..], us));
        }
        drop_next(fd.as_fd()).unwrap();
        let datagram = peek(fd.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..datagram.length], b"STATUS=x");
        assert!(is_in_session(us, us) && !is_in_session(us, 1) && !is_in_session(0, 0));
    }

    #[test]
    fn a_barrier_is_let_through() {
        let (fd, name) = open().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        send(&name, b"BARRIER=1", Some(writer.as_fd()));
        drop(writer);
        peek(fd.as_fd(), &mut [0; 64]).unwrap();
        drop_next(fd.as_fd()).unwrap();
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0, "nobody has it open any more");
    }
}
