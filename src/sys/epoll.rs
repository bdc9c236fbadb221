//! Waiting for many descriptors at once, and being woken from another thread.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Something has happened to a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    pub token: u64,
    /// Nobody writes to it any more.
    pub ended: bool,
}

/// Interest in readable descriptors, each known by a token.
#[derive(Debug)]
pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// `batch` is how many tokens one wait gives at most.
    pub fn new(batch: usize) -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let fd = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self { fd, events: vec![libc::epoll_event { events: 0, u64: 0 }; batch.max(1)] })
    }

    /// Reported as long as it is readable. The end of a stream and errors count as readable.
    pub fn add(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.add_for(libc::EPOLLIN, fd, token)
    }

    /// Reported once if it is readable now, and then once more whenever something was written to it, or it ends.
    pub fn add_news(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.add_for(libc::EPOLLIN | libc::EPOLLET, fd, token)
    }

    fn add_for(&self, events: libc::c_int, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: token };
        // SAFETY: both descriptors are open, and `event` lives through the call.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event) })
    }

    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        // SAFETY: both descriptors are open; the event is not looked at when removing.
        check(unsafe {
            libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), std::ptr::null_mut())
        })
    }

    /// Puts what is ready into `ready`; nothing after `timeout` (`None`: never) or an interruption.
    pub fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let timeout = timeout.map_or(-1, millis);
        let room = i32::try_from(self.events.len()).unwrap_or(i32::MAX);
        // SAFETY: `events` has room for `room` events, and the kernel writes no more than that.
        let count = unsafe { libc::epoll_wait(self.fd.as_raw_fd(), self.events.as_mut_ptr(), room, timeout) };
        if count == -1 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        let ended = (libc::EPOLLHUP | libc::EPOLLERR) as u32;
        let report = |event: &libc::epoll_event| Ready { token: event.u64, ended: event.events & ended != 0 };
        ready.extend(self.events[..count as usize].iter().map(report));
        Ok(())
    }
}

/// Wakes a thread that waits for it to become readable.
#[derive(Debug)]
pub struct Waker(OwnedFd);

impl Waker {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).map(Self)
    }

    pub fn wake(&self) {
        // It fails only when the counter is at its limit, and then the waiter is awake anyway.
        let _ = nix::unistd::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Forgets the wakes so far.
    pub fn clear(&self) {
        let _ = nix::unistd::read(&self.0, &mut [0; 8]);
    }

    /// Waits until it is woken, at most `timeout`. The wake is not forgotten.
    pub fn wait(&self, timeout: Duration) {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let timeout = libc::timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos().into() };
        // SAFETY: one pollfd is passed and counted; both it and the timespec live through the call.
        unsafe { libc::ppoll(&raw mut poll, 1, &raw const timeout, std::ptr::null()) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Rounded up: a wait that ends early would only be repeated.
fn millis(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    check(fd)?;
    // SAFETY: the call that gave `fd` succeeded, so it is open, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_seen_until_it_is_cleared() {
        let mut epoll = Epoll::new(4).unwrap();
        let waker = Waker::new().unwrap();
        epoll.add(waker.as_fd(), 7).unwrap();
        let mut ready = vec![Ready { token: 1, ended: true }];
        epoll.wait(Some(Duration::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty());
        waker.wake();
        waker.wait(Duration::from_mins(1));
        epoll.wait(None, &mut ready).unwrap();
        assert_eq!(ready, [Ready { token: 7, ended: false }]);
        waker.clear();
        epoll.wait(Some(Duration::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn what_is_removed_is_not_reported() {
        let mut epoll = Epoll::new(4).unwrap();
        let waker = Waker::new().unwrap();
        epoll.add(waker.as_fd(), 7).unwrap();
        waker.wake();
        epoll.remove(waker.as_fd()).unwrap();
        let mut ready = Vec::new();
        epoll.wait(Some(Duration::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn news_of_a_pipe_come_once_a_write_though_nobody_reads() {
        let mut epoll = Epoll::new(4).unwrap();
        let (ours, apps) = crate::sys::pipe::private(0).unwrap();
        epoll.add_news(ours.as_fd(), 7).unwrap();
        let mut ready = Vec::new();
        for _ in 0..3 {
            nix::unistd::write(&apps, b"news").unwrap();
            epoll.wait(None, &mut ready).unwrap();
            assert_eq!(ready, [Ready { token: 7, ended: false }]);
            epoll.wait(Some(Duration::ZERO), &mut ready).unwrap();
            assert!(ready.is_empty());
        }
        drop(apps);
        epoll.wait(None, &mut ready).unwrap();
        assert_eq!(ready, [Ready { token: 7, ended: true }]);
    }
}
