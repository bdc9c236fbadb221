//! The first process of a container (PID 1): it buries whoever is left to it, and passes signals on. It does so beside
//! the program proper, which is its child: that one waits for its own children, and would else be robbed of them.

use super::children::{ended, inherit_orphans, reap};
use super::pidfd::Ended;
use super::signal;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, kill, sigaction, sigprocmask};
use nix::unistd::{ForkResult, Pid, fork, getppid, pipe2};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// What is passed on.
const PASSED: [Signal; 8] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGCONT,
];

/// Whether this is the first process of a PID namespace.
pub fn is_first() -> bool {
    std::process::id() == 1
}

/// Whether all that there is ends with us: this is the child of the first process, which waits for nobody else.
pub fn is_child_of_first() -> bool {
    DIVIDED.load(Ordering::Relaxed) && getppid().as_raw() == 1
}

static DIVIDED: AtomicBool = AtomicBool::new(false);

/// Divides this process in two: `None` in the child, which goes on; in the first one the exit code, once the child has
/// ended. Orphans come to it, also where it isn't PID 1. To be called while nothing of ours runs in another thread.
pub fn divide() -> io::Result<Option<u8>> {
    inherit_orphans()?;
    let (told, teller) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&teller, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut set = SigSet::empty();
    for signal in PASSED.into_iter().chain([Signal::SIGCHLD]) {
        set.add(signal);
    }
    let mut before = SigSet::empty();
    // Before there is a child, so that nothing of it is missed.
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut before))?;
    // SAFETY: this thread holds no lock, and what others do (a runtime that waits for work, where there is one) the child
    // does without; both processes go on with a whole copy of everything.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
            DIVIDED.store(true, Ordering::Relaxed);
            Ok(None)
        }
        Ok(ForkResult::Parent { child }) => {
            TELLER.store(teller.into_raw_fd(), Ordering::Relaxed);
            listen(&set)?;
            sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&set), None)?;
            attend(child, File::from(told)).map(Some)
        }
        Err(error) => {
            let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
            Err(error.into())
        }
    }
}

/// Where the handler writes: two bytes a signal.
static TELLER: AtomicI32 = AtomicI32::new(-1);

/// Has each of them told through the pipe, whichever thread it comes to.
fn listen(set: &SigSet) -> io::Result<()> {
    let flags = SaFlags::SA_RESTART | SaFlags::SA_SIGINFO;
    let action = SigAction::new(SigHandler::SigAction(tell), flags, SigSet::all());
    for signal in set {
        // SAFETY: the handler calls nothing but write, which is allowed in one.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

extern "C" fn tell(number: libc::c_int, about: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a whole structure to a handler that asks for it.
    let is_from_kernel = unsafe { about.as_ref() }.is_some_and(|about| about.si_code == libc::SI_KERNEL);
    let word = [number as u8, u8::from(is_from_kernel)];
    // SAFETY: the descriptor stays open as long as the program runs; errno is put back for whoever was interrupted. A
    // pipe that is full tells enough: all children are looked at for each word.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(TELLER.load(Ordering::Relaxed), word.as_ptr().cast(), word.len());
        *libc::__errno_location() = errno;
    }
}

/// Until the child ends; whoever else is there ends with this process.
fn attend(child: Pid, mut told: File) -> io::Result<u8> {
    let mut word = [0; 2];
    loop {
        while let Some(pid) = ended() {
            let exit = reap(pid);
            if pid == child.as_raw() {
                return Ok(exit.map_or(1, |exit| code(exit.ended)));
            }
        }
        match told.read_exact(&mut word) {
            Ok(()) => pass(child, i32::from(word[0]), word[1] != 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A terminal tells all of its foreground group: the child has it already.
fn pass(child: Pid, number: i32, is_from_terminal: bool) {
    let Ok(signal) = Signal::try_from(number) else { return };
    if signal != Signal::SIGCHLD && !is_from_terminal {
        let _ = kill(child, signal);
    }
}

/// As shells have it.
fn code(ended: Ended) -> u8 {
    match ended {
        Ended::Code(code) => code as u8,
        Ended::Signal(number) => signal::exit_code(number),
        Ended::Unknown => 1,
    }
}
