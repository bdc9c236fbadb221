//! The memory that this program takes without need: code and constants that it doesn't use just now, and what it has
//! freed.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;

/// Gives back the pages of code and constants, ours and those of the libraries. What is needed comes back from the page
/// cache as it is; what only a start has needed, or a rare command, doesn't count as ours any more.
pub fn release() {
    // SAFETY: the function fits, and keeps nothing of what it gets. Nothing is loaded or unloaded meanwhile.
    unsafe { libc::dl_iterate_phdr(Some(release_object), ptr::null_mut()) };
}

unsafe extern "C" fn release_object(object: *mut libc::dl_phdr_info, _size: usize, _data: *mut c_void) -> c_int {
    // SAFETY: the loader's description of an object that is loaded, with its segments.
    let (start, segments) = unsafe {
        let object = &*object;
        (object.dlpi_addr as usize, slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()))
    };
    // SAFETY: it only looks.
    let is_kernels = start == unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
    let stays_as_it_is = |it: &&libc::Elf64_Phdr| it.p_type == libc::PT_LOAD && it.p_flags & libc::PF_W == 0;
    for segment in segments.iter().filter(|it| !is_kernels && stays_as_it_is(it)) {
        let (begin, end) =
            whole_pages(start.wrapping_add(segment.p_vaddr as usize), segment.p_memsz as usize, page_size());
        // SAFETY: pages of a file that nobody writes: each is read from it again when it is needed next. Where that may not
        // be, as the memory is locked, nothing happens.
        unsafe { libc::madvise(begin as *mut c_void, end - begin, libc::MADV_DONTNEED) };
    }
    0
}

/// A page at the edge may be partly another segment's.
const fn whole_pages(start: usize, length: usize, page: usize) -> (usize, usize) {
    let (begin, end) = (start.next_multiple_of(page), (start + length) / page * page);
    (begin, if end < begin { begin } else { end })
}

fn page_size() -> usize {
    // SAFETY: it only looks.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Gives back what has been freed: the C library keeps it for whoever needs memory next.
pub fn trim() {
    // SAFETY: it is allowed at any time, from any thread.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_whole_pages_go() {
        assert_eq!(whole_pages(0x1000, 0x2000, 0x1000), (0x1000, 0x3000));
        assert_eq!(whole_pages(0x1001, 0x2fff, 0x1000), (0x2000, 0x4000));
        assert_eq!(whole_pages(0x1001, 0x10, 0x1000), (0x2000, 0x2000));
        assert_eq!(whole_pages(0x1ff0, 0x20, 0x1000), (0x2000, 0x2000));
    }

    #[test]
    fn what_is_given_back_comes_back() {
        let of_files = || {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let before = of_files();
        release();
        let after = of_files();
        assert!(after < before, "{after} of {before}");
    }
}
