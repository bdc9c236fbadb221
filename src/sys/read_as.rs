//! Files as another user would read them.

use super::user::{Ids, effective_uid};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Nothing that we write comes near it.
const LARGEST: usize = 256 << 20;

/// A file of ours. What others have put in its place may be a pipe that nobody writes to, or a device without an end.
pub fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    read_as(path, None, LARGEST)
}

/// The content of a regular file of up to `limit` bytes. With `ids` it is opened with the rights of that user, where we
/// are root and could open anything.
pub fn read_as(path: &Path, ids: Option<&Ids>, limit: usize) -> io::Result<Vec<u8>> {
    let file = acting_as(ids, || open(path))?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Does something to files with the rights of a user, where we are root and could do anything. What is made belongs to
/// that user. `None`: as ourselves.
pub fn acting_as<T: Send>(ids: Option<&Ids>, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    match ids {
        Some(ids) if effective_uid() == 0 && ids.uid != 0 => on_a_thread_as(ids, work),
        _ => work(),
    }
}

/// A pipe would have us wait for its writer, a terminal would become ours.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// On a thread of its own, which alone becomes that user.
fn on_a_thread_as<T: Send>(ids: &Ids, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let done = std::thread::Builder::new().name("rpm-open-as".into()).spawn_scoped(scope, || {
            become_for_files(ids)?;
            work()
        })?;
        done.join().unwrap_or_else(|_| Err(io::Error::other("the thread that works as another user has panicked")))
    })
}

/// Makes this thread, for good, somebody else to the file system. What root may do beyond others goes with that.
fn become_for_files(ids: &Ids) -> io::Result<()> {
    const ASK: libc::c_long = -1;
    // SAFETY: system calls without pointers, except to a list that is as long as is said. Made without the C library,
    // which would have every thread follow.
    unsafe {
        if libc::syscall(libc::SYS_setgroups, ids.groups.len(), ids.groups.as_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::syscall(libc::SYS_setfsgid, ids.gid);
        libc::syscall(libc::SYS_setfsuid, ids.uid);
        // They tell no failure; an impossible id changes nothing and tells who we are.
        let (uid, gid) = (libc::syscall(libc::SYS_setfsuid, ASK), libc::syscall(libc::SYS_setfsgid, ASK));
        if uid as u32 == ids.uid && gid as u32 == ids.gid {
            Ok(())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown};

    #[test]
    fn only_what_is_a_file_and_has_an_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert_eq!(read_whole(&file).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&file, "text").unwrap();
        assert_eq!(read_whole(&file).unwrap(), b"text");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for other in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            assert_eq!(read_whole(other).unwrap_err().to_string(), "it is no regular file", "{}", other.display());
        }
        // Without a block on the disk.
        File::create(&file).unwrap().set_len(LARGEST as u64 + 1).unwrap();
        assert_eq!(read_whole(&file).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn another_users_rights_are_those_of_that_user() {
        if effective_uid() != 0 {
            eprintln!("skipped: only root can be another user");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let file = dir.path().join("key");
        let set = |owner: (u32, u32), mode| {
            fs::write(&file, "k").unwrap();
            chown(&file, Some(owner.0), Some(owner.1)).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        };
        let nobody = Ids { uid: 65534, gid: 65534, groups: vec![65534, 4242] };
        let read = || read_as(&file, Some(&nobody), 10).map_err(|error| error.kind());
        for (owner, mode, expected) in [
            ((0, 0), 0o600, Err(io::ErrorKind::PermissionDenied)),
            ((0, 0), 0o644, Ok(b"k".to_vec())),
            ((65534, 0), 0o400, Ok(b"k".to_vec())),
            ((0, 65534), 0o040, Ok(b"k".to_vec())),
            ((0, 4242), 0o040, Ok(b"k".to_vec())),
            ((0, 0), 0o060, Err(io::ErrorKind::PermissionDenied)),
        ] {
            set(owner, mode);
            assert_eq!(read(), expected, "{owner:?} {mode:o}");
        }
        set((0, 0), 0o600);
        assert_eq!(read_as(&file, None, 10).unwrap(), b"k", "we are still who we were");
    }
}
