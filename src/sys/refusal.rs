//! For tests: a kernel that refuses a system call, as an old one or a container's filter does.

use std::io;

/// From now on this thread, and what it starts, gets `errno` from the call where `argument & mask == value`.
/// There is no way back: call it in a thread of its own.
pub(super) fn refuse(call: libc::c_long, argument: u32, mask: u32, value: u32, errno: i32) -> io::Result<()> {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    // Of an argument the lower half, which is where little endian machines have it.
    let argument = std::mem::offset_of!(libc::seccomp_data, args) as u32 + 8 * argument;
    let mut filter = [
        step(load, 0, 0, std::mem::offset_of!(libc::seccomp_data, nr) as u32),
        step(equal, 0, 4, call as u32),
        step(load, 0, 0, argument),
        step(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, mask),
        step(equal, 0, 1, value),
        step(answer, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program points to as many steps as it says, and the kernel copies them.
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
