//! The parent's half: prepares all that the child needs, clones, and learns how far the child came.

use super::child::{ChildPlan, Executable, PID_ROOM, run_child};
use super::into::clone_into;
use super::plan::{Parent, Program, SpawnPlan, Spawned};
use super::{SpawnError, Stage};
use crate::sys::children::awaited;
use crate::sys::{fault, pidfd};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const STACK_SIZE: usize = 64 * 1024;

/// Starts a process and waits until it has been executed (or could not be).
pub fn spawn(plan: &SpawnPlan<'_>) -> Result<Spawned, SpawnError> {
    let argv = pointers(&plan.argv, None);
    let own_pid = plan.own_pid.map(OwnPid::of);
    let envp = pointers(&plan.env, own_pid.as_ref().map(OwnPid::variable));
    let fds: Vec<(RawFd, RawFd)> = plan.fds.iter().map(|(source, target)| (source.as_raw_fd(), *target)).collect();
    let moved = vec![Cell::new(-1); fds.len()];
    let oom_score_adj = plan.oom_score_adj.map(|score| score.to_string());
    let affinity = cores(&plan.cpu_affinity);
    let awaited = awaited();
    let signals = if plan.signals_wait { *awaited.as_ref() } else { empty_signal_set() };
    let mut child = ChildPlan {
        program: match &plan.program {
            Program::Path(path) => Executable::Path(path),
            Program::Open(fd) => Executable::Open(fd.as_raw_fd()),
            Program::Inherited(number) => Executable::Inherited(*number),
        },
        argv: argv.as_ptr(),
        envp: envp.as_ptr(),
        cwd: &plan.cwd,
        // Above every target, so that sources moved there are in nobody's way.
        first_free: fds.iter().map(|(_, target)| *target).max().unwrap_or(2).max(2) + 1,
        fds: &fds,
        moved: &moved,
        new_session: plan.new_session,
        cgroup_procs: plan.cgroup_procs.map(|fd| fd.as_raw_fd()),
        birth: plan.birth.as_ref().map(|(fd, bytes)| (fd.as_raw_fd(), bytes.as_slice())),
        oom_score_adj: oom_score_adj.as_ref().map(String::as_bytes),
        open_files: plan.open_files,
        limits: &plan.limits,
        nice: plan.nice,
        affinity: affinity.as_deref(),
        umask: plan.umask,
        ids: plan.ids.as_ref(),
        death_signal: plan.parent_death_signal,
        own_pid: own_pid.as_ref().map(OwnPid::room),
        parent: 0,
        signals: &signals,
        failed: Cell::new(None),
        refused: Cell::new(None),
    };
    let group = plan.cgroup.map(|group| group.as_raw_fd());
    let (pid, pidfd, parentage) = clone_for(plan.parent, &mut child, group).map_err(|source| SpawnError {
        stage: Stage::Clone,
        resource: None,
        source,
    })?;
    if let Some((stage, errno)) = child.failed.get() {
        // Our own parent reaps its own.
        if parentage == Parent::Us {
            pidfd::reap(&pidfd);
        }
        let source = io::Error::from_raw_os_error(errno);
        return Err(SpawnError { stage, resource: child.refused.get(), source });
    }
    Ok(Spawned { pid, pidfd, parentage })
}

/// A bit for each, in words as the kernel takes them.
fn cores(numbers: &[u32]) -> Option<Vec<libc::c_ulong>> {
    const BITS: usize = libc::c_ulong::BITS as usize;
    let last = *numbers.iter().max()? as usize;
    let mut words = vec![0; last / BITS + 1];
    for number in numbers {
        words[*number as usize / BITS] |= 1 << (*number as usize % BITS);
    }
    Some(words)
}

fn pointers(strings: &[CString], last: Option<*const libc::c_char>) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| CStr::as_ptr(string)).chain(last).chain(std::iter::once(std::ptr::null())).collect()
}

/// A variable with room for a number that the child writes.
struct OwnPid {
    text: Vec<Cell<u8>>,
    /// Where the number begins.
    at: usize,
}

impl OwnPid {
    fn of(name: &str) -> Self {
        let head = name.bytes().chain([b'=']);
        let text: Vec<Cell<u8>> = head.chain([0; PID_ROOM]).map(Cell::new).collect();
        Self { at: text.len() - PID_ROOM, text }
    }

    fn variable(&self) -> *const libc::c_char {
        self.text.as_ptr().cast()
    }

    fn room(&self) -> &[Cell<u8>] {
        &self.text[self.at..]
    }
}

/// A kernel or a filter of system calls that does not let a process make siblings still lets it make children.
fn clone_for(parent: Parent, child: &mut ChildPlan<'_>, group: Option<RawFd>) -> io::Result<(i32, OwnedFd, Parent)> {
    if parent == Parent::Guardian {
        child.parent = nix::unistd::getppid().as_raw();
        let made = if fault::simulated("no-clone-parent") {
            Err(io::Error::from_raw_os_error(libc::EPERM))
        } else {
            clone_child(child, libc::CLONE_PARENT, group)
        };
        match made {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EINVAL | libc::ENOSYS)) => {}
            made => return made.map(|(pid, pidfd)| (pid, pidfd, Parent::Guardian)),
        }
    }
    child.parent = nix::unistd::getpid().as_raw();
    clone_child(child, 0, group).map(|(pid, pidfd)| (pid, pidfd, Parent::Us))
}

fn empty_signal_set() -> libc::sigset_t {
    // SAFETY: a sigset_t is plain data; sigemptyset initialises it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        set
    }
}

/// In the group from its birth, where that is possible; else the child moves there by itself.
fn clone_child(child: &mut ChildPlan<'_>, more_flags: libc::c_int, group: Option<RawFd>) -> io::Result<(i32, OwnedFd)> {
    let mut stack = vec![0u128; STACK_SIZE / 16];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | more_flags;
    if let Some(group) = group {
        let procs = child.cgroup_procs.take();
        // Siblings end with the signal that we end with, and clone3 wants to hear of no other.
        let exit_signal = if more_flags & libc::CLONE_PARENT == 0 { libc::SIGCHLD } else { 0 };
        let born = with_signals_blocked(|| clone_into(child, flags, exit_signal, group, &mut stack));
        if born.is_ok() {
            return born;
        }
        child.cgroup_procs = procs;
    }
    with_signals_blocked(|| clone_onto(child, flags, &mut stack))
}

fn clone_onto(child: &ChildPlan<'_>, flags: libc::c_int, stack: &mut [u128]) -> io::Result<(i32, OwnedFd)> {
    let mut pidfd: libc::c_int = -1;
    // SAFETY: signals are blocked around the clone, so no handler of ours runs in the child on shared memory. The
    // stack is ours, aligned, large enough, and outlives the child's use of it, as CLONE_VFORK has this thread wait
    // until the child has executed or left. `child` likewise outlives it, and is written through Cells only.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast::<libc::c_void>();
        let argument = std::ptr::from_ref(child).cast_mut().cast::<libc::c_void>();
        libc::clone(run_child, top, flags | libc::SIGCHLD, argument, &raw mut pidfd)
    };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: CLONE_PIDFD has stored a new descriptor that nobody else owns.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

fn with_signals_blocked<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut before = empty_signal_set();
    // SAFETY: both sets are ours, and the mask of this thread is put back below.
    unsafe {
        let mut all = empty_signal_set();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
    }
    let result = act();
    // SAFETY: as above.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
    }
    result
}
