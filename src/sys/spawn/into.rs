//! A clone that begins its life in a control group. Moving a process into one costs the kernel a grace period, some
//! ten milliseconds, in which whoever waits for the clone does nothing else; being born there costs nothing.

use super::child::ChildPlan;
use std::io;
use std::os::fd::{OwnedFd, RawFd};

/// `CLONE_INTO_CGROUP`, which doesn't fit the type that libc has for such flags.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// `flags` are those of `clone`, without its signal. An error says nothing of the plan: without the group it may work.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) fn clone_into(
    child: &ChildPlan<'_>,
    flags: libc::c_int,
    exit_signal: libc::c_int,
    group: RawFd,
    stack: &mut [u128],
) -> io::Result<(i32, OwnedFd)> {
    use std::os::fd::FromRawFd;

    let mut pidfd: libc::c_int = -1;
    // SAFETY: clone_args is plain data, and zero is the absence of each of its parts.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = flags as u64 | INTO_CGROUP;
    arguments.pidfd = std::ptr::from_mut(&mut pidfd) as u64;
    arguments.exit_signal = exit_signal as u64;
    arguments.stack = stack.as_mut_ptr() as u64;
    arguments.stack_size = size_of_val(stack) as u64;
    arguments.cgroup = group as u64;
    // SAFETY: as for `clone`: signals are blocked by the caller, the stack and `child` are alive until the child has
    // executed or left, which this thread waits for (CLONE_VFORK).
    let result = unsafe { clone3(&arguments, child) };
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result as i32));
    }
    // SAFETY: CLONE_PIDFD has stored a new descriptor that nobody else owns.
    Ok((result as i32, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// The child finds itself on its own stack behind the system call, and must never come back from there: hence no
/// function of libc, which would return on a stack that has no return address.
///
/// # Safety
/// Everything that `arguments` and `child` point to must stay until the child has executed or left.
#[cfg(target_arch = "x86_64")]
unsafe fn clone3(arguments: &libc::clone_args, child: &ChildPlan<'_>) -> libc::c_long {
    let result: libc::c_long;
    // SAFETY: the child calls `run_child`, which ends it, and touches nothing of this frame; for the parent this is a
    // system call that clobbers rcx and r11.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") std::ptr::from_ref(arguments),
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") std::ptr::from_ref(child),
            in("r13") super::child::run_child as extern "C" fn(*mut libc::c_void) -> libc::c_int,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// The same in the words of the other processor.
///
/// # Safety
/// Everything that `arguments` and `child` point to must stay until the child has executed or left.
#[cfg(target_arch = "aarch64")]
unsafe fn clone3(arguments: &libc::clone_args, child: &ChildPlan<'_>) -> libc::c_long {
    let result: libc::c_long;
    // SAFETY: the child calls `run_child`, which ends it, and touches nothing of this frame; for the parent this is a
    // system call that clobbers x0 alone.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x20",
            "blr x21",
            "brk #1",
            "2:",
            in("x8") libc::SYS_clone3,
            inlateout("x0") std::ptr::from_ref(arguments) => result,
            in("x1") size_of::<libc::clone_args>(),
            in("x20") std::ptr::from_ref(child),
            in("x21") super::child::run_child as extern "C" fn(*mut libc::c_void) -> libc::c_int,
        );
    }
    result
}

/// No way is known here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn clone_into(
    _: &ChildPlan<'_>,
    _: libc::c_int,
    _: libc::c_int,
    _: RawFd,
    _: &mut [u128],
) -> io::Result<(i32, OwnedFd)> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
