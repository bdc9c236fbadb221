//! What the system tells of changes in directories.

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// Names a directory that is watched, for as long as it is. Numbers are not used again.
pub type WatchId = WatchDescriptor;

/// Directories that are watched, all by one descriptor.
#[derive(Debug)]
pub struct Watches {
    inotify: Inotify,
}

#[derive(Debug)]
pub struct Event {
    pub id: WatchId,
    pub what: What,
    /// It happened to a directory in the one that is watched.
    pub is_directory: bool,
    /// Of what is in the directory; absent where it is the directory itself.
    pub name: Option<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Created,
    Written,
    /// Deleted, or moved to elsewhere.
    Gone,
    MovedHere,
    /// The directory itself was deleted or moved; it may still be watched.
    Uprooted,
    /// It is not watched any more.
    Unwatched,
    /// More has happened than there was room for: some of it is lost.
    Overflow,
}

/// Why a directory is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The system allows no more watches.
    NoRoom,
    /// It is gone, no directory, or not for us.
    Unreachable,
}

impl Watches {
    pub fn new() -> io::Result<Self> {
        Ok(Self { inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)? })
    }

    /// Watches all that happens in a directory. One that is watched already has the same id.
    pub fn add(&self, directory: &Path) -> Result<WatchId, Refusal> {
        self.add_for(directory, AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CLOSE_WRITE)
    }

    /// Watches only what comes to a directory and leaves it.
    pub fn add_names(&self, directory: &Path) -> Result<WatchId, Refusal> {
        self.add_for(directory, AddWatchFlags::empty())
    }

    fn add_for(&self, directory: &Path, more: AddWatchFlags) -> Result<WatchId, Refusal> {
        let names = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
        let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ONLYDIR;
        // Whoever watches the same directory for more goes on getting it.
        let added = AddWatchFlags::from_bits_retain(libc::IN_MASK_ADD);
        self.inotify.add_watch(directory, names | itself | more | added).map_err(|errno| match errno {
            Errno::ENOSPC | Errno::ENOMEM => Refusal::NoRoom,
            _ => Refusal::Unreachable,
        })
    }

    pub fn remove(&self, id: WatchId) {
        // One that has gone is watched no more already.
        let _ = self.inotify.rm_watch(id);
    }

    /// What has happened since the last time; empty when nothing has.
    pub fn read(&self) -> io::Result<Vec<Event>> {
        match self.inotify.read_events() {
            Ok(events) => Ok(events.into_iter().filter_map(event).collect()),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Vec::new()),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Watches {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

fn event(event: InotifyEvent) -> Option<Event> {
    let any = |flags| event.mask.intersects(flags);
    let what = if any(AddWatchFlags::IN_Q_OVERFLOW) {
        What::Overflow
    } else if any(AddWatchFlags::IN_IGNORED) {
        What::Unwatched
    } else if any(AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_UNMOUNT) {
        What::Uprooted
    } else if any(AddWatchFlags::IN_CREATE) {
        What::Created
    } else if any(AddWatchFlags::IN_MOVED_TO) {
        What::MovedHere
    } else if any(AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM) {
        What::Gone
    } else if any(AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CLOSE_WRITE) {
        What::Written
    } else {
        return None;
    };
    Some(Event { id: event.wd, what, is_directory: any(AddWatchFlags::IN_ISDIR), name: event.name })
}

/// How many directories a user may have watched, by all programs together.
pub fn most_watches() -> Option<u64> {
    fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?.trim().parse().ok()
}
