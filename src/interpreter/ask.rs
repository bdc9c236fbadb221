//! The version of a Node, by its path, by what lies beside it, else by its own word.

use super::version::Version;
use crate::clock;
use crate::sys::spawn::{Program, SpawnPlan, c_string, spawn};
use crate::sys::user::Ids;
use crate::sys::{pidfd, pipe};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// A Node that needs longer to tell its version has other troubles.
const LONGEST: Duration = Duration::from_secs(2);

/// Answers that are remembered.
const MOST: usize = 64;

/// Device, inode, size, time of its last change.
type Identity = (u64, u64, u64, i64, i64);

static KNOWN: Mutex<BTreeMap<Identity, Option<Version>>> = Mutex::new(BTreeMap::new());

/// What is known of a version without executing anything.
enum Told {
    Known(Option<Version>),
    /// Only the program itself can tell.
    Unasked(PathBuf, Identity),
}

/// Asked as `ids`: what an app's `PATH` leads to may be anybody's, and is executed only as that app would be. That takes
/// tens of milliseconds the first time: not for an actor's loop.
pub fn version_of(program: &Path, ids: Option<&Ids>) -> Option<Version> {
    let (real, identity) = match told(program) {
        Told::Known(version) => return version,
        Told::Unasked(real, identity) => (real, identity),
    };
    let version = asked(&real, ids).ok().and_then(|word| word.parse().ok());
    if let Ok(mut known) = KNOWN.lock() {
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(identity, version);
    }
    version
}

/// The same for who must not wait: whether it is known, and inside that whether it has one.
pub fn known_version_of(program: &Path) -> Option<Option<Version>> {
    match told(program) {
        Told::Known(version) => Some(version),
        Told::Unasked(..) => None,
    }
}

fn told(program: &Path) -> Told {
    let Ok(real) = fs::canonicalize(program) else { return Told::Known(None) };
    if let Some(version) = in_path(&real).or_else(|| in_headers(&real)) {
        return Told::Known(Some(version));
    }
    let Ok(of) = fs::metadata(&real) else { return Told::Known(None) };
    let identity = (of.dev(), of.ino(), of.size(), of.mtime(), of.mtime_nsec());
    let known = KNOWN.lock().ok().and_then(|known| known.get(&identity).copied());
    known.map_or(Told::Unasked(real, identity), Told::Known)
}

/// Version managers keep each one in a directory of its name.
pub fn in_path(program: &Path) -> Option<Version> {
    program.components().rev().find_map(|part| part.as_os_str().to_str()?.parse().ok())
}

/// As it is in Node's archives and packages.
fn in_headers(program: &Path) -> Option<Version> {
    let header = program.parent()?.parent()?.join("include/node/node_version.h");
    let text = fs::read_to_string(header).ok()?;
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("#define NODE_")?.strip_prefix(name))?;
        line.strip_prefix("_VERSION")?.trim().parse().ok()
    };
    Some(Version::new(number("MAJOR")?, number("MINOR")?, number("PATCH")?))
}

fn asked(program: &Path, ids: Option<&Ids>) -> io::Result<String> {
    let (read, write) = io::pipe()?;
    let nothing = fs::File::open("/dev/null")?;
    let plan = SpawnPlan {
        fds: vec![(nothing.as_fd(), 0), (write.as_fd(), 1), (nothing.as_fd(), 2)],
        ids: ids.cloned(),
        ..SpawnPlan::new(
            Program::Path(c_string(program)?),
            vec![c_string("node")?, c_string("--version")?],
            vec![c_string("PATH=/usr/local/bin:/usr/bin:/bin")?],
            c_string("/")?,
        )
    };
    let child = spawn(&plan).map_err(|error| error.source)?;
    drop(write);
    let word = word(read.as_fd(), clock::boot() + LONGEST);
    // It has said all that we want of it, or never will.
    let _ = pidfd::signal(&child.pidfd, libc::SIGKILL);
    pidfd::reap(&child.pidfd);
    word
}

/// The first line.
fn word(from: std::os::fd::BorrowedFd<'_>, deadline: Duration) -> io::Result<String> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let (mut text, mut buffer) = (Vec::new(), [0; 64]);
    while !text.ends_with(b"\n") && text.len() < buffer.len() {
        let left = PollTimeout::try_from(deadline.saturating_sub(clock::boot())).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(from, PollFlags::POLLIN)], left) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Err(nix::errno::Errno::EINTR) => continue,
            other => _ = other?,
        }
        match pipe::read(from, &mut buffer)? {
            0 => break,
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn by_path_by_headers_and_by_its_word() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| -> PathBuf {
            let file = dir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            file
        };
        let managed = put("versions/node/v18.2.1/bin/node", "");
        assert_eq!(version_of(&managed, None), Some(Version::new(18, 2, 1)));
        let packaged = put("usr/bin/node", "");
        put(
            "usr/include/node/node_version.h",
            "#define NODE_MAJOR_VERSION 22\n#define NODE_MINOR_VERSION 3\n#define NODE_PATCH_VERSION 4\n",
        );
        assert_eq!(version_of(&packaged, None), Some(Version::new(22, 3, 4)));
        let asked = put("own/bin/node", "#!/bin/sh\necho v21.7.3\n");
        assert_eq!(known_version_of(&asked), None);
        assert_eq!(version_of(&asked, None), Some(Version::new(21, 7, 3)));
        assert_eq!(known_version_of(&asked), Some(Some(Version::new(21, 7, 3))));
        assert_eq!(version_of(&put("own/bin/other", "#!/bin/sh\necho hello\n"), None), None);
        assert_eq!(version_of(&dir.path().join("none"), None), None);
        assert_eq!(known_version_of(&dir.path().join("none")), Some(None));
    }
}
