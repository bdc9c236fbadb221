//! Learning how a process ended, through a descriptor that names exactly that process.

use super::fault;
use super::time::boot_clock;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// How a process ended, with what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub ended: Ended,
    /// User and system time, microseconds.
    pub cpu_us: u64,
    /// Largest resident set, bytes.
    pub max_rss: u64,
    /// Boot clock, milliseconds.
    pub at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Code(i32),
    Signal(i32),
    /// Somebody else has waited for it.
    Unknown,
}

/// Waits for a child that has ended already (the descriptor is readable), and removes its zombie.
/// `None` while it still runs.
pub fn try_reap(pidfd: &impl AsFd) -> Option<Exit> {
    wait(pidfd, libc::WEXITED | libc::WNOHANG)
}

/// Waits until the child has ended.
pub fn reap(pidfd: &impl AsFd) -> Exit {
    wait(pidfd, libc::WEXITED).unwrap_or(Exit {
        ended: Ended::Unknown,
        cpu_us: 0,
        max_rss: 0,
        at: boot_clock().as_millis() as u64,
    })
}

fn wait(pidfd: &impl AsFd, options: libc::c_int) -> Option<Exit> {
    let at = boot_clock().as_millis() as u64;
    let unknown = Exit { ended: Ended::Unknown, cpu_us: 0, max_rss: 0, at };
    match wait_id(libc::P_PIDFD, pidfd.as_fd().as_raw_fd() as libc::id_t, options) {
        Ok(ended) => ended.map(|(_, exit)| exit),
        Err(_) => Some(unknown),
    }
}

/// Waits for whom `kind` and `id` name. An error where that is no child of ours.
pub(super) fn wait_id(kind: libc::idtype_t, id: libc::id_t, options: libc::c_int) -> io::Result<Option<(i32, Exit)>> {
    // SAFETY: both structures are plain data for the kernel to fill in. The raw call is used because glibc's wrapper
    // hides the rusage argument.
    let (info, usage) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let mut usage: libc::rusage = std::mem::zeroed();
        while libc::syscall(libc::SYS_waitid, kind, id, &raw mut info, options, &raw mut usage) != 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        (info, usage)
    };
    let at = boot_clock().as_millis() as u64;
    // SAFETY: waitid has filled in the fields of SIGCHLD (zero when nothing has ended yet).
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return Ok(None);
    }
    let ended = if info.si_code == libc::CLD_EXITED { Ended::Code(status) } else { Ended::Signal(status) };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    let cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime);
    Ok(Some((pid, Exit { ended, cpu_us, max_rss: usage.ru_maxrss as u64 * 1024, at })))
}

/// Whether the process runs no more. Its zombie may still be there.
pub fn has_ended(pidfd: &impl AsFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// How a process ended that is no child of ours: the kernel keeps it for those who hold its descriptor (since 6.15).
/// `None` while it runs. A zombie's is told before its parent has reaped it to root only.
pub fn exit_of(pidfd: &impl AsFd) -> Option<Exit> {
    if !has_ended(pidfd) {
        return None;
    }
    let ended = match status_of(pidfd) {
        Some(status) if libc::WIFEXITED(status) => Ended::Code(libc::WEXITSTATUS(status)),
        Some(status) => Ended::Signal(libc::WTERMSIG(status)),
        None => Ended::Unknown,
    };
    Some(Exit { ended, cpu_us: 0, max_rss: 0, at: boot_clock().as_millis() as u64 })
}

/// Whether the process is reaped: from then on nothing new can be learnt of its end. Where that is not told (before
/// 6.9) it never is.
pub fn is_reaped(pidfd: &impl AsFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok()
        && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

/// What the kernel tells of a process through its descriptor, as far as its first version goes.
#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    pid: u32,
    /// The group of threads, the parent, and eight ids of users and groups.
    _others: [u32; 10],
    exit_code: i32,
}

const INFO_PID: u64 = 1;
const INFO_EXIT: u64 = 8;
/// `_IOWR(0xFF, 11, struct pidfd_info)`
const GET_INFO: u32 = 3 << 30 | (size_of::<Info>() as u32) << 16 | 0xFF << 8 | 11;

/// The status as `wait` gives it.
fn status_of(pidfd: &impl AsFd) -> Option<i32> {
    if fault::simulated("no-pidfd-info") {
        return None;
    }
    let mut info = Info { mask: INFO_PID | INFO_EXIT, ..Info::default() };
    // SAFETY: the request's number says how large the structure is that the kernel reads and writes.
    if unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), GET_INFO as _, &raw mut info) } != 0 {
        return None;
    }
    if info.mask & INFO_EXIT != 0 { Some(info.exit_code) } else { status_of_zombie(info.pid) }
}

/// From the last field of its stat line, which is 0 for whoever may not see it; so that only root can tell.
fn status_of_zombie(pid: u32) -> Option<i32> {
    if super::user::effective_uid() != 0 {
        return None;
    }
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let is_dead = super::proc::Stat::parse(&line)?.is_dead();
    line.split_ascii_whitespace().last().filter(|_| is_dead)?.parse().ok()
}

/// Sends a signal to exactly this process. An ended one is no error.
pub fn signal(pidfd: &OwnedFd, signal: i32) -> io::Result<()> {
    // SAFETY: plain system call on a descriptor we hold.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, std::ptr::null::<libc::siginfo_t>(), 0)
    };
    let error = io::Error::last_os_error();
    if result == 0 || error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(error) }
}

/// Takes a copy of descriptor `number` of the process.
pub fn take_descriptor(pidfd: &OwnedFd, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: on success the kernel returns a new descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd as i32)) }
    }
}

/// Opens the descriptor of a process that need not be a child.
pub fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: on success the kernel returns a new descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd as i32)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::refusal::refuse;
    use crate::sys::spawn::{Parent, Program, SpawnPlan, c_string, spawn};
    use std::io::{Read, Write};

    /// A process that ends as the script says once a byte is written; its parent is `sh`, which waits for it if told.
    struct Stranger {
        pidfd: OwnedFd,
        go: io::PipeWriter,
        parent: OwnedFd,
    }

    fn stranger(script: &str, after: &str) -> Stranger {
        let (input, go) = io::pipe().unwrap();
        let (mut output, theirs) = io::pipe().unwrap();
        let line = format!("(read x; {script}) <&0 & echo $!; {after}");
        let argv = ["sh", "-c", &line].map(|word| c_string(word).unwrap()).to_vec();
        let fds = vec![(input.as_fd(), 0), (theirs.as_fd(), 1)];
        let program = Program::Path(c_string("/bin/sh").unwrap());
        let plan = SpawnPlan { fds, ..SpawnPlan::new(program, argv, vec![], c_string("/").unwrap()) };
        let shell = spawn(&plan).unwrap();
        assert_eq!(shell.parentage, Parent::Us);
        let mut pid = Vec::new();
        let mut byte = [0];
        while output.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
            pid.push(byte[0]);
        }
        let pid = String::from_utf8(pid).unwrap().parse().unwrap();
        Stranger { pidfd: open(pid).unwrap(), go, parent: shell.pidfd }
    }

    /// Once it has ended, and been reaped.
    fn end_of(stranger: &mut Stranger) -> Ended {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        assert_eq!(exit_of(&stranger.pidfd), None);
        assert!(!has_ended(&stranger.pidfd));
        stranger.go.write_all(b"\n").unwrap();
        poll(&mut [PollFd::new(stranger.pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        reap(&stranger.parent);
        exit_of(&stranger.pidfd).unwrap().ended
    }

    fn tells_of_exits() -> bool {
        let mut info = Info { mask: INFO_EXIT, ..Info::default() };
        let ours = open(std::process::id() as i32).unwrap();
        // SAFETY: as in `status_of`.
        let tells = unsafe { libc::ioctl(ours.as_raw_fd(), GET_INFO as _, &raw mut info) } == 0;
        let release = nix::sys::utsname::uname().unwrap().release().to_string_lossy().into_owned();
        let version: Vec<u32> = release.split(['.', '-']).take(2).map_while(|part| part.parse().ok()).collect();
        let tells = tells && version >= vec![6, 15];
        if !tells {
            eprintln!("skipped in part: Linux {release} does not tell how a stranger ended");
        }
        tells
    }

    #[test]
    fn a_strangers_end_is_known_after_its_parent_has_reaped_it() {
        for (script, expected) in [("exit 7", Ended::Code(7)), ("kill -9 $(exec sh -c 'echo $PPID')", Ended::Signal(9))]
        {
            let ended = end_of(&mut stranger(script, "wait"));
            assert_eq!(ended, if tells_of_exits() { expected } else { Ended::Unknown }, "{script}");
        }
    }

    #[test]
    fn a_strangers_zombie_tells_root() {
        let mut stranger = stranger("exit 7", "exec sleep 1000");
        stranger.go.write_all(b"\n").unwrap();
        while !has_ended(&stranger.pidfd) {
            std::thread::yield_now();
        }
        assert!(!is_reaped(&stranger.pidfd));
        let root = crate::sys::user::effective_uid() == 0;
        let expected = if root && tells_of_exits() { Ended::Code(7) } else { Ended::Unknown };
        assert_eq!(exit_of(&stranger.pidfd).unwrap().ended, expected);
        signal(&stranger.parent, libc::SIGKILL).unwrap();
        reap(&stranger.parent);
    }

    #[test]
    fn an_older_kernel_leaves_it_unknown() {
        let ended = std::thread::spawn(|| {
            refuse(libc::SYS_ioctl, 1, u32::MAX, GET_INFO, libc::ENOTTY).unwrap();
            end_of(&mut stranger("exit 7", "wait"))
        });
        assert_eq!(ended.join().unwrap(), Ended::Unknown);
    }
}
