//! Memory that outlives the process: a file mapped and shared, seen as words.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// A mapping of a file's first `words` words. What is written survives the end of the process, however it ends;
/// it does not survive the machine's.
#[derive(Debug)]
pub struct SharedWords {
    start: NonNull<AtomicU64>,
    words: usize,
}

impl SharedWords {
    /// Opens or makes the file, for its owner alone, and makes it at least that long.
    pub fn open(path: &Path, words: usize) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let length = words * size_of::<u64>();
        // Blocks and all: a page that the disk has no room for would end us at the first write to it.
        nix::fcntl::posix_fallocate(&file, 0, length as libc::off_t)?;
        // SAFETY: a new mapping at an address of the kernel's choice; the descriptor is open during the call, and the
        // mapping stays valid without it.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address zero"))?;
        Ok(Self { start, words })
    }

    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is that long, page-aligned and lives as long as `self`. Others may write to it, which
        // is why the words are atomic; every bit pattern is a word.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped, and nothing borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.words * size_of::<u64>()) };
    }
}
