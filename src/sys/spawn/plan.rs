//! What is decided about a process before it exists.

use crate::sys::user::Ids;
use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// Everything about the new process. [`SpawnPlan::new`] has it run as we do, in a session of its own.
#[derive(Debug)]
pub struct SpawnPlan<'a> {
    pub program: Program<'a>,
    pub argv: Vec<CString>,
    /// `KEY=value` each.
    pub env: Vec<CString>,
    /// Entered as the user that the process is.
    pub cwd: CString,
    /// Which of our descriptors becomes which number there. All others are closed.
    pub fds: Vec<(BorrowedFd<'a>, RawFd)>,
    pub parent: Parent,
    /// A session of its own, so that a terminal's signals don't reach it and its group is ours to signal.
    pub new_session: bool,
    /// The cgroup it belongs in, where it is born if the kernel can do that.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// The file `cgroup.procs` of the same, through which it goes there if not.
    pub cgroup_procs: Option<BorrowedFd<'a>>,
    /// Sent on the descriptor before exec: how a keeper of processes learns who was born. It may still fail after it.
    pub birth: Option<(BorrowedFd<'a>, Vec<u8>)>,
    /// Where ours is lowered, what the process gets instead.
    pub oom_score_adj: Option<i32>,
    /// The soft limit of open files it gets, as far as its hard one allows; ours is raised to the hard one.
    pub open_files: Option<u64>,
    pub limits: Vec<Limit>,
    pub nice: Option<i32>,
    /// The cores it may run on, by number; none is ours.
    pub cpu_affinity: Vec<u32>,
    pub umask: Option<u32>,
    /// Who it is; `None` leaves it what we are.
    pub ids: Option<Ids>,
    /// The signal it gets when the thread that is its parent ends.
    pub parent_death_signal: Option<i32>,
    /// What [`signals`](crate::sys::children::signals) reads waits for that from the first instruction on, and ends nobody.
    pub signals_wait: bool,
    /// The name of a variable that holds the process's own number, which is known only once it is there.
    pub own_pid: Option<&'static str>,
}

impl SpawnPlan<'_> {
    pub fn new(program: Program<'_>, argv: Vec<CString>, env: Vec<CString>, cwd: CString) -> SpawnPlan<'_> {
        SpawnPlan {
            program,
            argv,
            env,
            cwd,
            fds: Vec::new(),
            parent: Parent::Us,
            new_session: true,
            cgroup: None,
            cgroup_procs: None,
            birth: None,
            oom_score_adj: None,
            open_files: None,
            limits: Vec::new(),
            nice: None,
            cpu_affinity: Vec::new(),
            umask: None,
            ids: None,
            parent_death_signal: None,
            signals_wait: false,
            own_pid: None,
        }
    }
}

/// What is executed.
#[derive(Debug)]
pub enum Program<'a> {
    /// Absolute path of the executable.
    Path(CString),
    /// An open file, whatever has become of its path. No script: its interpreter has to open it, and cannot.
    Open(BorrowedFd<'a>),
    /// The one of `fds` with this target. It stays open in the program, so that it may be a script.
    Inherited(RawFd),
}

/// Whose child a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    Us,
    /// Our own parent: our death is nothing to the process. Where that is refused it becomes our child.
    Guardian,
}

/// A limit as `setrlimit` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// `RLIMIT_…`
    pub resource: i32,
    pub soft: u64,
    pub hard: u64,
}

/// A process that has been executed.
#[derive(Debug)]
pub struct Spawned {
    pub pid: i32,
    /// Names exactly this process, however pids are reused. Close-on-exec.
    pub pidfd: OwnedFd,
    /// Whose child it became.
    pub parentage: Parent,
}
