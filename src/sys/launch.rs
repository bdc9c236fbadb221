//! Starting a daemon: a process that outlives us, and says when it is ready.

use super::spawn::{Program, SpawnPlan, c_string, spawn};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, FromRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The descriptor on which a launched daemon says that it is ready (`ok`) or why not (anything else).
pub const READY_FD: RawFd = 3;

/// What marks the apps of a supervisor that take all that they have started with them.
pub const MARK: &str = "RPM_SUPERVISOR";
/// What marks all that a run of an app has started.
pub const SPAWN_ID: &str = "RPM_SPAWN_ID";

/// What has a guardian stay a child of who launches it.
pub const ATTENDED: &str = "--attended";

/// Whose a launched daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bond {
    /// Nobody's.
    Free,
    /// Our child: it ends in order (SIGTERM) when the thread ends that has launched it, however that comes.
    Attended,
}

/// Starts `program daemon` with our environment and `log` as its output, and waits for its word.
/// The inner `Err` is what it said instead of `ok`.
pub fn launch(
    program: &Path,
    arguments: &[&str],
    home: &Path,
    log: &Path,
    bond: Bond,
) -> io::Result<Result<(), String>> {
    let output = open_log(log)?;
    let input = File::open("/dev/null")?;
    let (mut ready, theirs) = io::pipe()?;
    let mut argv = vec![c_string(program)?];
    for argument in arguments {
        argv.push(c_string(argument)?);
    }
    if bond == Bond::Attended {
        argv.push(c_string(ATTENDED)?);
    }
    let env = environment(home)?;
    let first = spawn(&SpawnPlan {
        fds: vec![(input.as_fd(), 0), (output.as_fd(), 1), (output.as_fd(), 2), (theirs.as_fd(), READY_FD)],
        parent_death_signal: (bond == Bond::Attended).then_some(libc::SIGTERM),
        // We may be killed before it can read that.
        signals_wait: bond == Bond::Attended,
        ..SpawnPlan::new(Program::Path(c_string(program)?), argv, env, c_string("/")?)
    })
    .map_err(|error| {
        io::Error::new(error.source.kind(), format!("{} cannot be started: {error}", program.display()))
    })?;
    if bond == Bond::Free {
        // It has a child that is the daemon, and ends; so that the daemon is nobody's child of ours.
        super::pidfd::reap(&first.pidfd);
    }
    drop(theirs);
    let mut word = String::new();
    ready.read_to_string(&mut word)?;
    Ok(match word.as_str() {
        "ok" => Ok(()),
        "" => Err(format!("it ended at once; its last words are in {}", log.display())),
        why => Err(why.to_owned()),
    })
}

/// Becomes the guardian that stands beside this program, with this program as its daemon. Returns only when that is
/// impossible.
pub fn become_guardian(home: &Path) -> io::Error {
    let executed = || -> io::Result<io::Error> {
        let program = std::env::current_exe()?;
        let guardian = guardian_of(&program);
        let file = File::open(&guardian).map_err(|error| {
            io::Error::new(error.kind(), format!("the guardian {} cannot be started: {error}", guardian.display()))
        })?;
        let argv = [c_string("rpm-guardian")?, c_string("--daemon")?, c_string(program)?];
        let env = environment(home)?;
        // One that comes before the guardian can read it waits, and kills nobody.
        super::children::block_signals()?;
        Ok(super::inherit::become_program(file.as_fd(), &argv, &env))
    };
    executed().unwrap_or_else(|error| error)
}

fn open_log(log: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(log)
}

/// Has what we say from now on, and what the program says that we become, be in a file.
pub fn write_to(log: &Path) -> io::Result<()> {
    let log = open_log(log)?;
    nix::unistd::dup2_stdout(&log)?;
    nix::unistd::dup2_stderr(&log)?;
    Ok(())
}

/// Where the guardian of a program is: beside it.
pub fn guardian_of(program: &Path) -> PathBuf {
    program.with_file_name("rpm-guardian")
}

/// Ours, with this home.
fn environment(home: &Path) -> io::Result<Vec<CString>> {
    let mut env = Vec::new();
    for (name, value) in std::env::vars_os() {
        // A daemon outlives who launched it, also an app that has to end with its supervisor, or with its run.
        if name != "RPM_HOME" && name != MARK && name != SPAWN_ID {
            let mut pair = name;
            pair.push("=");
            pair.push(value);
            env.push(c_string(pair)?);
        }
    }
    let mut own = std::ffi::OsString::from("RPM_HOME=");
    own.push(home);
    env.push(c_string(own)?);
    Ok(env)
}

/// In a launched daemon: becomes a child of nobody who launched it. A program that lives long, as Node does, would
/// otherwise have the daemon's zombie.
pub fn leave_launcher() -> io::Result<()> {
    // SAFETY: called at the start of the program, while it has one thread; the first process ends without running
    // anything more.
    unsafe {
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(()),
            _ => libc::_exit(0),
        }
    }
}

/// In a launched daemon: where to say the word. `None` when it was not started by [`launch`].
pub fn ready_pipe() -> Option<File> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    // SAFETY: asked once, at the start of the daemon, before anything else has opened a descriptor; fstat tells
    // whether number 3 is a pipe of the launcher's.
    let file = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        if libc::fstat(READY_FD, &raw mut stat) != 0 || stat.st_mode & libc::S_IFMT != libc::S_IFIFO {
            return None;
        }
        File::from_raw_fd(READY_FD)
    };
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    Some(file)
}
