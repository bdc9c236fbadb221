//! The child's half, between clone and exec: system calls on what was prepared, in an order that matters.
//!
//! It runs in the parent's memory, on a stack of its own, while the thread that made it waits: nothing here may
//! allocate, take a lock, panic or return. The calls that set ids are made without the C library, which would have
//! every thread of the parent's follow.

use super::Stage;
use super::plan::Limit;
use crate::sys::user::Ids;
use std::cell::Cell;
use std::convert::Infallible;
use std::ffi::CStr;
use std::os::fd::RawFd;

/// What the child needs, prepared.
pub(super) struct ChildPlan<'a> {
    pub(super) program: Executable<'a>,
    /// Ended by null.
    pub(super) argv: *const *const libc::c_char,
    pub(super) envp: *const *const libc::c_char,
    pub(super) cwd: &'a CStr,
    pub(super) fds: &'a [(RawFd, RawFd)],
    /// Room for as many descriptors.
    pub(super) moved: &'a [Cell<RawFd>],
    /// Above every target.
    pub(super) first_free: RawFd,
    pub(super) new_session: bool,
    pub(super) cgroup_procs: Option<RawFd>,
    pub(super) birth: Option<(RawFd, &'a [u8])>,
    pub(super) oom_score_adj: Option<&'a [u8]>,
    pub(super) open_files: Option<u64>,
    pub(super) limits: &'a [Limit],
    pub(super) nice: Option<i32>,
    /// A bit for each core.
    pub(super) affinity: Option<&'a [libc::c_ulong]>,
    pub(super) umask: Option<u32>,
    pub(super) ids: Option<&'a Ids>,
    pub(super) death_signal: Option<i32>,
    /// Room for its own number in its environment, [`PID_ROOM`] bytes of nothing.
    pub(super) own_pid: Option<&'a [Cell<u8>]>,
    /// Who the parent is as long as it lives.
    pub(super) parent: i32,
    pub(super) signals: &'a libc::sigset_t,
    /// Written by the child, read by the parent.
    pub(super) failed: Cell<Option<(Stage, libc::c_int)>>,
    /// Which of the limits could not be set.
    pub(super) refused: Cell<Option<i32>>,
}

/// Of the largest number there is, with the NUL after it.
pub(super) const PID_ROOM: usize = 11;

pub(super) enum Executable<'a> {
    Path(&'a CStr),
    Open(RawFd),
    Inherited(RawFd),
}

/// What the clone runs.
pub(super) extern "C" fn run_child(argument: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the parent passes a ChildPlan that lives until we have executed or left.
    let plan = unsafe { &*argument.cast::<ChildPlan<'_>>() };
    let Err(stage) = steps(plan);
    // SAFETY: errno is always readable; it is the waiting thread's. _exit ends this process without running anything
    // of the parent's (no atexit, no destructors).
    unsafe {
        plan.failed.set(Some((stage, *libc::__errno_location())));
        libc::_exit(127)
    }
}

/// Returns only on failure, with errno set.
fn steps(plan: &ChildPlan<'_>) -> Result<Infallible, Stage> {
    reset_signals();
    if plan.new_session {
        // SAFETY: plain system call.
        check(unsafe { libc::setsid() }.into(), Stage::Session)?;
    }
    // The cgroup before the birth: whoever hears of the process finds it in its place.
    if let Some(fd) = plan.cgroup_procs {
        write(fd, b"0", Stage::Cgroup)?;
    }
    if let Some((fd, bytes)) = plan.birth {
        // SAFETY: the bytes outlive the call.
        let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
        check(sent as libc::c_long, Stage::Birth)?;
    }
    set_oom_score(plan)?;
    // Before the limits: with a low one none could be moved above those that the parent has open.
    let program = place_descriptors(plan)?;
    set_limits(plan)?;
    // What only root may do comes before the ids, what the user must be able to do after them.
    set_ids(plan)?;
    // SAFETY: the path is NUL-terminated.
    check(unsafe { libc::chdir(plan.cwd.as_ptr()) }.into(), Stage::Cwd)?;
    follow_parent(plan)?;
    tell_own_pid(plan);
    execute(plan, program);
    Err(Stage::Exec)
}

fn check(result: libc::c_long, stage: Stage) -> Result<(), Stage> {
    if result < 0 { Err(stage) } else { Ok(()) }
}

fn write(fd: RawFd, bytes: &[u8], stage: Stage) -> Result<(), Stage> {
    // SAFETY: the bytes outlive the call.
    check(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) } as libc::c_long, stage)
}

/// Ignored signals survive exec (Rust ignores SIGPIPE), so every disposition goes back to the default.
fn reset_signals() {
    // SAFETY: a sigaction is plain data; without CLONE_SIGHAND the table of handlers is the child's own copy.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        for signal in 1..=64 {
            libc::sigaction(signal, &raw const default, std::ptr::null_mut());
        }
    }
}

/// As a process that shares memory by vfork we have a score of our own: the parent keeps its.
fn set_oom_score(plan: &ChildPlan<'_>) -> Result<(), Stage> {
    let Some(score) = plan.oom_score_adj else { return Ok(()) };
    // SAFETY: the path is NUL-terminated.
    let fd = unsafe { libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    check(fd.into(), Stage::OomScore)?;
    write(fd, score, Stage::OomScore)
}

/// The number under which the program can be executed, where it is an open file.
fn place_descriptors(plan: &ChildPlan<'_>) -> Result<RawFd, Stage> {
    // SAFETY: the descriptor table is the child's own copy (no CLONE_FILES).
    let move_up = |fd| unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, plan.first_free) };
    // First out of each other's way: a source may have the number that another one's target is.
    for ((source, _), moved) in plan.fds.iter().zip(plan.moved) {
        moved.set(move_up(*source));
        check(moved.get().into(), Stage::Descriptors)?;
    }
    let program = match plan.program {
        Executable::Path(_) => -1,
        Executable::Inherited(number) => number,
        Executable::Open(fd) => {
            let moved = move_up(fd);
            check(moved.into(), Stage::Descriptors)?;
            moved
        }
    };
    for ((_, target), moved) in plan.fds.iter().zip(plan.moved) {
        // SAFETY: as above.
        check(unsafe { libc::dup2(moved.get(), *target) }.into(), Stage::Descriptors)?;
    }
    // SAFETY: everything else is the parent's alone, and goes at exec. Where the call is missing, all the parent's
    // descriptors are close-on-exec anyway.
    unsafe { libc::syscall(libc::SYS_close_range, plan.first_free, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Ok(program)
}

fn set_limits(plan: &ChildPlan<'_>) -> Result<(), Stage> {
    if let Some(files) = plan.open_files {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a structure for the kernel to fill in, and then to read.
        unsafe {
            check(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit).into(), Stage::OpenFiles)?;
            limit.rlim_cur = files.min(limit.rlim_max);
            check(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit).into(), Stage::OpenFiles)?;
        }
    }
    for Limit { resource, soft, hard } in plan.limits {
        let limit = libc::rlimit { rlim_cur: *soft, rlim_max: *hard };
        // SAFETY: `limit` is a structure for the kernel to read.
        let set = unsafe { libc::setrlimit(*resource as _, &raw const limit) };
        check(set.into(), Stage::Limits).inspect_err(|_| plan.refused.set(Some(*resource)))?;
    }
    if let Some(nice) = plan.nice {
        // SAFETY: plain system call.
        check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) }.into(), Stage::Priority)?;
    }
    if let Some(words) = plan.affinity {
        // SAFETY: the words are as many as is said. The call is made without the C library, whose sets have an end.
        let set = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(words), words.as_ptr()) };
        check(set, Stage::Affinity)?;
    }
    if let Some(mask) = plan.umask {
        // SAFETY: plain system call; the mask is the child's own copy (no CLONE_FS).
        unsafe { libc::umask(mask as libc::mode_t) };
    }
    Ok(())
}

/// The groups while we still may, the user last.
fn set_ids(plan: &ChildPlan<'_>) -> Result<(), Stage> {
    let Some(Ids { uid, gid, groups }) = plan.ids else { return Ok(()) };
    // SAFETY: system calls without pointers, except to a list that is as long as is said.
    unsafe {
        check(libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()), Stage::Groups)?;
        check(libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid), Stage::Group)?;
        check(libc::syscall(libc::SYS_setresuid, *uid, *uid, *uid), Stage::User)
    }
}

/// After the ids, as a change of the user forgets the signal.
fn follow_parent(plan: &ChildPlan<'_>) -> Result<(), Stage> {
    let Some(signal) = plan.death_signal else { return Ok(()) };
    // SAFETY: plain system calls.
    unsafe {
        check(libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong).into(), Stage::DeathSignal)?;
        // It may have died before the signal was asked for; then nobody waits for us.
        if libc::getppid() != plan.parent {
            libc::_exit(127);
        }
    }
    Ok(())
}

/// In decimal, from the left: what is behind it is NUL already.
fn tell_own_pid(plan: &ChildPlan<'_>) {
    let Some(room) = plan.own_pid else { return };
    // SAFETY: plain system call.
    let pid = unsafe { libc::getpid() }.unsigned_abs();
    let mut unit = 1;
    while pid / unit >= 10 {
        unit *= 10;
    }
    for cell in room {
        cell.set(b'0' + (pid / unit % 10) as u8);
        if unit == 1 {
            break;
        }
        unit /= 10;
    }
}

fn execute(plan: &ChildPlan<'_>, program: RawFd) {
    // SAFETY: all strings are NUL-terminated, both lists end with null.
    unsafe {
        libc::sigprocmask(libc::SIG_SETMASK, plan.signals, std::ptr::null_mut());
        match plan.program {
            Executable::Path(path) => {
                libc::execve(path.as_ptr(), plan.argv, plan.envp);
            }
            Executable::Open(_) | Executable::Inherited(_) => {
                let empty = c"".as_ptr();
                libc::syscall(libc::SYS_execveat, program, empty, plan.argv, plan.envp, libc::AT_EMPTY_PATH);
            }
        }
    }
}
