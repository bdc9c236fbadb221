//! Several listeners on one address, each with a queue of its own, and which of them a new connection goes to.

use super::socket::{bind_tcp, listen, unbound_tcp};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{AttachReusePortCbpf, ReusePort};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// More are refused by the kernel.
pub const MOST_INSTRUCTIONS: usize = libc::BPF_MAXINSNS as usize;

/// Where the length of the accept queue stands in `struct tcp_info`, for a listener.
const QUEUE_AT: usize = 24;

/// One instruction of the classic Berkeley packet filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    pub code: u16,
    /// How many instructions to skip when a condition is true, and when it is not.
    pub then: u8,
    pub otherwise: u8,
    pub value: u32,
}

impl Instruction {
    /// A random number.
    pub const RANDOM: Self = Self::new(0x20, (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM) as u32);
    /// The number so far is the answer.
    pub const ANSWER: Self = Self::new(0x16, 0);

    pub const fn modulo(value: u32) -> Self {
        Self::new(0x94, value)
    }

    pub const fn add(value: u32) -> Self {
        Self::new(0x04, value)
    }

    /// The answer, whatever the number so far.
    pub const fn answer(value: u32) -> Self {
        Self::new(0x06, value)
    }

    /// Skips so many unless the number so far is at least `value`.
    pub const fn skip_below(value: u32, skip: u8) -> Self {
        Self { otherwise: skip, ..Self::new(0x35, value) }
    }

    const fn new(code: u16, value: u32) -> Self {
        Self { code, then: 0, otherwise: 0, value }
    }
}

/// The first listener of an address. What anybody else listens there is an error, also where that one would share it.
pub fn listen_first(address: SocketAddr, v6only: bool, backlog: i32) -> io::Result<OwnedFd> {
    let listener = unbound_tcp(address, v6only)?;
    bind_tcp(&listener, address)?;
    // After the bind, which has looked for others as one does who shares with nobody.
    setsockopt(&listener, ReusePort, &true)?;
    listen(listener.as_fd(), backlog)?;
    Ok(listener)
}

/// One more, where the first is bound.
pub fn listen_beside(address: SocketAddr, v6only: bool, backlog: i32) -> io::Result<OwnedFd> {
    let listener = unbound_tcp(address, v6only)?;
    setsockopt(&listener, ReusePort, &true)?;
    bind_tcp(&listener, address)?;
    listen(listener.as_fd(), backlog)?;
    Ok(listener)
}

/// From now on the program's answer is the number of the listener that a new connection goes to: they are counted from
/// 0, in the order in which they began to listen. `listener` is any of them. An answer that is no number of theirs
/// leaves the choice to the kernel, as no program does.
pub fn choose(listener: BorrowedFd<'_>, program: &[Instruction]) -> io::Result<()> {
    let raw = |one: &Instruction| libc::sock_filter { code: one.code, jt: one.then, jf: one.otherwise, k: one.value };
    let mut filter: Vec<libc::sock_filter> = program.iter().map(raw).collect();
    let len = u16::try_from(filter.len()).map_err(|_| io::Error::from(Errno::E2BIG))?;
    // `filter` lives until the kernel has copied it.
    setsockopt(&listener, AttachReusePortCbpf, &libc::sock_fprog { len, filter: filter.as_mut_ptr() })?;
    Ok(())
}

/// How many connections wait to be accepted there.
pub fn queued(listener: BorrowedFd<'_>) -> io::Result<u32> {
    let mut info = [0_u8; QUEUE_AT + 4];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `info`, which lives through the call as `length` does.
    let result = unsafe {
        let (into, length) = (info.as_mut_ptr().cast(), &raw mut length);
        libc::getsockopt(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, into, length)
    };
    Errno::result(result)?;
    let mut count = [0; 4];
    count.copy_from_slice(&info[QUEUE_AT..]);
    Ok(u32::from_ne_bytes(count))
}

#[cfg(test)]
mod tests {
    use super::super::socket::{accept, listen_tcp, local_address};
    use super::*;
    use std::net::TcpStream;

    fn three() -> (Vec<OwnedFd>, SocketAddr) {
        let first = listen_first("[::]:0".parse().unwrap(), false, 511).unwrap();
        let address = local_address(first.as_fd()).unwrap().unwrap();
        let others = (0..2).map(|_| listen_beside(address, false, 511).unwrap());
        (std::iter::once(first).chain(others.collect::<Vec<_>>()).collect(), address)
    }

    fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
        (0..count).map(|_| TcpStream::connect(("127.0.0.1", address.port())).unwrap()).collect()
    }

    fn queues(listeners: &[OwnedFd]) -> Vec<u32> {
        listeners.iter().map(|listener| queued(listener.as_fd()).unwrap()).collect()
    }

    #[test]
    fn each_has_its_queue_and_a_program_chooses() {
        let (listeners, address) = three();
        for chosen in [1, 2, 0] {
            choose(listeners[2].as_fd(), &[Instruction::answer(chosen)]).unwrap();
            let _clients = connect(address, 5);
            let mut wanted = vec![0; 3];
            wanted[chosen as usize] = 5;
            assert_eq!(queues(&listeners), wanted);
            for _ in 0..5 {
                accept(listeners[chosen as usize].as_fd()).unwrap();
            }
            assert_eq!(queues(&listeners), [0; 3]);
        }
        choose(listeners[0].as_fd(), &[Instruction::answer(77)]).unwrap();
        let _clients = connect(address, 60);
        assert!(queues(&listeners).iter().all(|length| *length > 0), "{:?}", queues(&listeners));
    }

    #[test]
    fn a_strangers_address_is_taken_even_if_it_would_share() {
        let (_listeners, address) = three();
        assert_eq!(listen_first(address, false, 8).unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
        assert_eq!(listen_tcp(address, false, 8).unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
        let alone = listen_tcp("127.0.0.1:0".parse().unwrap(), false, 8).unwrap();
        let address = local_address(alone.as_fd()).unwrap().unwrap();
        assert_eq!(listen_first(address, false, 8).unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
    }

    #[test]
    fn an_impossible_program_is_refused() {
        let (listeners, _) = three();
        assert!(choose(listeners[0].as_fd(), &[]).is_err());
        assert!(choose(listeners[0].as_fd(), &[Instruction::skip_below(1, 9)]).is_err());
        assert!(choose(listeners[0].as_fd(), &vec![Instruction::add(1); MOST_INSTRUCTIONS + 1]).is_err());
    }
}
