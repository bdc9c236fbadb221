//! Memory that outlives the process: mapped and shared, seen as words.

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// Opens or makes a file for so many words, for its owner alone. Words that are new are 0.
pub fn file(path: &Path, words: usize) -> io::Result<OwnedFd> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    // Blocks and all: a page that the disk has no room for would end us at the first write to it.
    nix::fcntl::posix_fallocate(&file, 0, (words * size_of::<u64>()) as libc::off_t)?;
    Ok(file.into())
}

/// Memory for so many words that lives as long as somebody has its descriptor.
pub fn anonymous(words: usize) -> io::Result<OwnedFd> {
    let fd = memfd_create(c"rpm-slots", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    ftruncate(&fd, (words * size_of::<u64>()) as libc::off_t)?;
    // Nobody can take away what is mapped.
    fcntl(&fd, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK))?;
    Ok(fd)
}

/// A file in memory, of no length yet, that lives as long as somebody has its descriptor.
pub fn scratch() -> io::Result<OwnedFd> {
    Ok(memfd_create(c"rpm-panel", MFdFlags::MFD_CLOEXEC)?)
}

/// A mapping of a file's first `words` words. What is written survives the end of the process, however it ends;
/// it does not survive the machine's.
#[derive(Debug)]
pub struct SharedWords {
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the mapping belongs to no thread, and its words are atomic.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// Opens or makes the file, for its owner alone, makes it at least that long, and maps it.
    pub fn open(path: &Path, words: usize) -> io::Result<Self> {
        Self::map(file(path, words)?.as_fd(), words)
    }

    /// Maps what [`file`] or [`anonymous`] has made, in this program or in one before it.
    pub fn map(fd: BorrowedFd<'_>, words: usize) -> io::Result<Self> {
        let length = words * size_of::<u64>();
        // Beyond its end there is a mapping but no memory.
        if nix::sys::stat::fstat(fd)?.st_size < length as libc::off_t {
            return Err(io::Error::other("the shared memory is shorter than it should be"));
        }
        // SAFETY: a new mapping at an address of the kernel's choice; the descriptor is open during the call, and the
        // mapping stays valid without it.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address zero"))?;
        Ok(Self { start, words })
    }

    /// Has the pages count as the file's alone, until they are needed.
    pub fn release(&self) {
        // SAFETY: what was mapped, and what is in it is the file's: it comes again from there.
        unsafe { libc::madvise(self.start.as_ptr().cast(), self.words * size_of::<u64>(), libc::MADV_DONTNEED) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn what_is_released_is_still_there() {
        let shared = SharedWords::map(anonymous(1000).unwrap().as_fd(), 1000).unwrap();
        shared.words()[999].store(7, Ordering::Relaxed);
        shared.release();
        assert_eq!(shared.words()[999].load(Ordering::Relaxed), 7);
    }
}
