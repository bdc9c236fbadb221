//! Descriptors over an exec: those that are handed on, and those that were.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A file in memory.
pub fn memory_file() -> io::Result<File> {
    Ok(File::from(memfd_create(c"rpm-handover", MFdFlags::MFD_CLOEXEC)?))
}

/// The program that we become has it too, under the same number.
pub fn keep_over_exec(fd: BorrowedFd<'_>) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(())
}

/// Takes over a descriptor that we were started with. Nobody we start gets it.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: asked once for each number, at the start of the program, for numbers that whoever started us has named;
    // fcntl refuses what is not open.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: open, as we have just seen, and nobody else in this program owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Becomes another program, by its descriptor. Returns only when that fails.
pub fn become_program(program: BorrowedFd<'_>, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|string| string.as_ptr()).chain(std::iter::once(std::ptr::null())).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: NUL-terminated strings in NULL-terminated arrays that live through the call; on success nothing of us is
    // left.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_fd().as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            env.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    io::Error::last_os_error()
}
