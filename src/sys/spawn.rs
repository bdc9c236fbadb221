//! The one way a process is started: a vfork-style clone that shares our memory until exec.
//!
//! `fork` copies page tables, which costs milliseconds in a large process (the embedded case is a whole Node);
//! a clone with `CLONE_VM | CLONE_VFORK` costs the same whatever our size. The price is that the child runs in
//! our memory: it may only make system calls on what was prepared before, and must not return.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Everything about the new process, decided before it exists.
#[derive(Debug)]
pub struct SpawnPlan<'a> {
    /// Absolute path of the executable.
    pub program: CString,
    pub argv: Vec<CString>,
    /// `KEY=value` each.
    pub env: Vec<CString>,
    pub cwd: CString,
    /// Which of our descriptors becomes which number there. All others are closed.
    pub fds: Vec<(BorrowedFd<'a>, RawFd)>,
    /// A session of its own, so that a terminal's signals don't reach it and its group is ours to signal.
    pub new_session: bool,
    /// The signal it gets when the thread that started it ends.
    pub parent_death_signal: Option<i32>,
    /// The soft limit of open files it gets; ours is raised to the hard one.
    pub open_files: Option<u64>,
    /// Sent on the descriptor just before exec: how a keeper of processes learns who was born.
    pub birth: Option<(BorrowedFd<'a>, Vec<u8>)>,
}

/// A process that has been executed.
#[derive(Debug)]
pub struct Spawned {
    pub pid: i32,
    /// Names exactly this process, however pids are reused. Close-on-exec.
    pub pidfd: OwnedFd,
}

/// Where starting failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No process could be made: limits, memory.
    Clone,
    /// The working directory could not be entered.
    Cwd,
    /// A descriptor could not be put in place.
    Descriptors,
    /// The program could not be executed.
    Exec,
}

#[derive(Debug)]
pub struct SpawnError {
    pub stage: Stage,
    pub source: io::Error,
}

impl std::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.stage {
            Stage::Clone => "no new process can be made",
            Stage::Cwd => "its working directory cannot be entered",
            Stage::Descriptors => "its descriptors cannot be set up",
            Stage::Exec => "it cannot be executed",
        };
        write!(f, "{what}: {}", self.source)
    }
}

impl std::error::Error for SpawnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A C string of a path, argument or variable; what holds a NUL byte cannot be one.
pub fn c_string(text: impl AsRef<OsStr>) -> io::Result<CString> {
    CString::new(text.as_ref().as_bytes()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// The first executable file called `name` in the directories of `path`, as `execvp` would find it.
pub fn find_program(name: &str, path: &str, cwd: &Path) -> Option<std::path::PathBuf> {
    if name.contains('/') {
        let candidate = cwd.join(name);
        return is_executable(&candidate).then_some(candidate);
    }
    std::env::split_paths(path).map(|directory| cwd.join(directory).join(name)).find(|file| is_executable(file))
}

/// Whether `path` is a file that we may execute.
pub fn is_executable(path: &Path) -> bool {
    use nix::unistd::{AccessFlags, access};
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

const STACK_SIZE: usize = 64 * 1024;

/// What the child needs, in plain pointers: it must not allocate.
struct ChildPlan {
    program: *const libc::c_char,
    argv: *const *const libc::c_char,
    envp: *const *const libc::c_char,
    cwd: *const libc::c_char,
    fds: *const (RawFd, RawFd),
    fd_count: usize,
    /// Above every target, so that sources moved there are in nobody's way.
    first_free: RawFd,
    new_session: bool,
    death_signal: libc::c_int,
    open_files: u64,
    birth_fd: RawFd,
    birth: *const u8,
    birth_len: usize,
    signals: *const libc::sigset_t,
    /// Written by the child, read by us: vfork has us wait.
    failed: std::cell::Cell<Option<(Stage, libc::c_int)>>,
}

/// Starts a process and waits until it has been executed (or could not be).
pub fn spawn(plan: &SpawnPlan<'_>) -> Result<Spawned, SpawnError> {
    let argv = pointers(&plan.argv);
    let envp = pointers(&plan.env);
    let fds: Vec<(RawFd, RawFd)> = plan.fds.iter().map(|(source, target)| (source.as_raw_fd(), *target)).collect();
    let (birth_fd, birth) = plan.birth.as_ref().map_or((-1, &[][..]), |(fd, bytes)| (fd.as_raw_fd(), bytes.as_slice()));
    let mut empty = empty_signal_set();
    let child = ChildPlan {
        program: plan.program.as_ptr(),
        argv: argv.as_ptr(),
        envp: envp.as_ptr(),
        cwd: plan.cwd.as_ptr(),
        fds: fds.as_ptr(),
        fd_count: fds.len(),
        first_free: fds.iter().map(|(_, target)| *target).max().unwrap_or(2).max(2) + 1,
        new_session: plan.new_session,
        death_signal: plan.parent_death_signal.unwrap_or(0),
        open_files: plan.open_files.unwrap_or(0),
        birth_fd,
        birth: birth.as_ptr(),
        birth_len: birth.len(),
        signals: &raw mut empty,
        failed: std::cell::Cell::new(None),
    };
    let (pid, pidfd) = clone_child(&child).map_err(|source| SpawnError { stage: Stage::Clone, source })?;
    if let Some((stage, errno)) = child.failed.get() {
        super::pidfd::reap(&pidfd);
        return Err(SpawnError { stage, source: io::Error::from_raw_os_error(errno) });
    }
    Ok(Spawned { pid, pidfd })
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| CStr::as_ptr(string)).chain(std::iter::once(std::ptr::null())).collect()
}

fn empty_signal_set() -> libc::sigset_t {
    // SAFETY: a sigset_t is plain data; sigemptyset initialises it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        set
    }
}

fn clone_child(child: &ChildPlan) -> io::Result<(i32, OwnedFd)> {
    let mut stack = vec![0u128; STACK_SIZE / 16];
    let mut pidfd: libc::c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    // SAFETY: signals are blocked around the clone, so no handler of ours runs in the child on shared memory. The
    // stack is ours, aligned, large enough, and outlives the child's use of it, as CLONE_VFORK has this thread wait
    // until the child has executed or left. `child` likewise outlives it, and is written through a Cell only.
    let pid = unsafe {
        let mut all = empty_signal_set();
        libc::sigfillset(&raw mut all);
        let mut before = empty_signal_set();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let top = stack.as_mut_ptr().add(stack.len()).cast::<libc::c_void>();
        let argument = std::ptr::from_ref(child).cast_mut().cast::<libc::c_void>();
        let pid = libc::clone(run_child, top, flags, argument, &raw mut pidfd);
        let error = io::Error::last_os_error();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        if pid < 0 {
            return Err(error);
        }
        pid
    };
    // SAFETY: CLONE_PIDFD has stored a new descriptor that nobody else owns.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// Runs in the child, in the parent's memory: system calls only.
extern "C" fn run_child(argument: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the parent passes a ChildPlan that lives until we have executed or left.
    let plan = unsafe { &*argument.cast::<ChildPlan>() };
    let stage = child_steps(plan);
    plan.failed.set(Some((stage, last_errno())));
    // SAFETY: ends this process without running anything of the parent's (no atexit, no destructors).
    unsafe { libc::_exit(127) }
}

fn last_errno() -> libc::c_int {
    // SAFETY: errno is always readable. (The child shares the parent thread's; the parent waits.)
    unsafe { *libc::__errno_location() }
}

/// Returns only on failure, with errno set.
fn child_steps(plan: &ChildPlan) -> Stage {
    // SAFETY: plain system calls on prepared, NUL-terminated strings and counted arrays that outlive the child.
    unsafe {
        reset_signals();
        if plan.new_session {
            libc::setsid();
        }
        if plan.death_signal != 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, plan.death_signal as libc::c_ulong);
        }
        if libc::chdir(plan.cwd) != 0 {
            return Stage::Cwd;
        }
        if plan.birth_fd >= 0 && libc::send(plan.birth_fd, plan.birth.cast(), plan.birth_len, libc::MSG_NOSIGNAL) < 0 {
            return Stage::Descriptors;
        }
        if !place_descriptors(plan) {
            return Stage::Descriptors;
        }
        // After the descriptors: with a low limit none could be moved above those that the parent has open.
        if plan.open_files != 0 {
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
                limit.rlim_cur = plan.open_files.min(limit.rlim_max);
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
            }
        }
        libc::sigprocmask(libc::SIG_SETMASK, plan.signals, std::ptr::null_mut());
        libc::execve(plan.program, plan.argv, plan.envp);
    }
    Stage::Exec
}

/// Ignored signals survive exec (Rust ignores SIGPIPE), so every disposition goes back to the default.
unsafe fn reset_signals() {
    // SAFETY: without CLONE_SIGHAND the table of handlers is the child's own copy.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        for signal in 1..=64 {
            libc::sigaction(signal, &raw const default, std::ptr::null_mut());
        }
    }
}

unsafe fn place_descriptors(plan: &ChildPlan) -> bool {
    // SAFETY: `fds` holds `fd_count` pairs; the descriptor table is the child's own copy (no CLONE_FILES).
    unsafe {
        // First out of each other's way: a source may have the number that another one's target is.
        let mut moved = [0 as RawFd; 64];
        if plan.fd_count > moved.len() {
            return false;
        }
        for (index, slot) in moved.iter_mut().enumerate().take(plan.fd_count) {
            let (source, _) = *plan.fds.add(index);
            *slot = libc::fcntl(source, libc::F_DUPFD_CLOEXEC, plan.first_free);
            if *slot < 0 {
                return false;
            }
        }
        for (index, slot) in moved.iter().enumerate().take(plan.fd_count) {
            let (_, target) = *plan.fds.add(index);
            if libc::dup2(*slot, target) < 0 {
                return false;
            }
        }
        // Everything else is ours alone. Where the call is missing, all our descriptors are close-on-exec anyway.
        libc::syscall(libc::SYS_close_range, plan.first_free, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    fn plan<'a>(argv: &[&str], fds: Vec<(BorrowedFd<'a>, RawFd)>) -> SpawnPlan<'a> {
        SpawnPlan {
            program: c_string(argv[0]).unwrap(),
            argv: argv.iter().map(|word| c_string(word).unwrap()).collect(),
            env: vec![c_string("GREETING=hello").unwrap()],
            cwd: c_string("/").unwrap(),
            fds,
            new_session: true,
            parent_death_signal: None,
            open_files: None,
            birth: None,
        }
    }

    fn output_of(argv: &[&str]) -> String {
        let (mut reader, writer) = io::pipe().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let spawned = spawn(&plan(argv, vec![(null.as_fd(), 0), (writer.as_fd(), 1), (writer.as_fd(), 2)])).unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        super::super::pidfd::reap(&spawned.pidfd);
        text
    }

    #[test]
    fn environment_directory_and_output() {
        assert_eq!(output_of(&["/bin/sh", "-c", "echo $GREETING; pwd"]), "hello\n/\n");
    }

    #[test]
    fn nothing_but_the_named_descriptors_is_open() {
        use nix::fcntl::{FcntlArg, fcntl};
        let leaky = fcntl(std::fs::File::open("/dev/null").unwrap(), FcntlArg::F_DUPFD(50)).unwrap();
        let test = format!("test -e /proc/self/fd/{leaky} || echo closed");
        assert_eq!(output_of(&["/bin/sh", "-c", &test]), "closed\n");
    }

    #[test]
    fn swapped_descriptors_arrive_right() {
        let (mut a_reader, a) = io::pipe().unwrap();
        let (mut b_reader, b) = io::pipe().unwrap();
        let (a_number, b_number) = (a.as_raw_fd(), b.as_raw_fd());
        let script = format!("echo to-a >&{b_number}; echo to-b >&{a_number}");
        let plan = plan(&["/bin/bash", "-c", &script], vec![(a.as_fd(), b_number), (b.as_fd(), a_number)]);
        let spawned = spawn(&plan).unwrap();
        drop((a, b));
        let (mut from_a, mut from_b) = (String::new(), String::new());
        a_reader.read_to_string(&mut from_a).unwrap();
        b_reader.read_to_string(&mut from_b).unwrap();
        super::super::pidfd::reap(&spawned.pidfd);
        assert_eq!((from_a.as_str(), from_b.as_str()), ("to-a\n", "to-b\n"));
    }

    #[test]
    fn failures_name_their_stage() {
        let error = spawn(&plan(&["/no/such/program"], vec![])).unwrap_err();
        assert_eq!((error.stage, error.source.raw_os_error()), (Stage::Exec, Some(libc::ENOENT)));
        let mut nowhere = plan(&["/bin/true"], vec![]);
        nowhere.cwd = c_string("/no/such/directory").unwrap();
        assert_eq!(spawn(&nowhere).unwrap_err().stage, Stage::Cwd);
    }

    #[test]
    fn ignored_signals_are_not_inherited() {
        // Rust ignores SIGPIPE in this process; the child must not.
        let line = output_of(&["/bin/grep", "SigIgn", "/proc/self/status"]);
        let mask = u64::from_str_radix(line.trim().rsplit('\t').next().unwrap(), 16).unwrap();
        assert_eq!(mask & (1 << (libc::SIGPIPE - 1)), 0);
    }

    #[test]
    fn the_birth_message_comes_before_exec() {
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let mut plan = plan(&["/no/such/program"], vec![]);
        plan.birth = Some((theirs.as_fd(), b"born 7".to_vec()));
        spawn(&plan).unwrap_err();
        let mut buffer = [0; 16];
        assert_eq!(ours.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap(), b"born 7");
    }

    #[test]
    fn a_low_limit_of_files_concerns_the_program_only() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let many: Vec<_> = (0..64).map(|_| null.try_clone().unwrap()).collect();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut plan = plan(&["/bin/sh", "-c", "ulimit -n"], vec![(null.as_fd(), 0), (writer.as_fd(), 1)]);
        plan.open_files = Some(32);
        let spawned = spawn(&plan).unwrap();
        drop((writer, many));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        super::super::pidfd::reap(&spawned.pidfd);
        assert_eq!(text, "32\n");
    }

    #[test]
    fn programs_are_found_as_a_shell_would() {
        assert_eq!(find_program("sh", "/no:/bin:/usr/bin", Path::new("/")), Some("/bin/sh".into()));
        assert_eq!(find_program("./sh", "", Path::new("/bin")), Some("/bin/./sh".into()));
        assert_eq!(find_program("no-such-program", "/bin", Path::new("/")), None);
    }
}
