//! The file behind a path, and that it is nowhere else than below the root: looked at once it is open, so that nobody can
//! put something else in its place.

use super::wanted::encode;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Something below the root that can be served.
#[derive(Debug)]
pub(super) enum Found {
    File(File, Metadata),
    /// Where it really is.
    Directory(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is nothing.
    Nothing,
    /// There is something that isn't to be seen: outside of the root, closed to us, or no file.
    Forbidden,
}

/// Looks below `root` for a path of ordinary names. The root's own name is followed each time: it may be a link that a
/// deployment changes.
pub(super) fn find(root: &Path, path: &Path) -> Result<Found, Missing> {
    let real_root = fs::canonicalize(root).map_err(|error| missing(&error))?;
    // Not opened yet: a device or a pipe may mind that.
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    let named = OpenOptions::new().read(true).custom_flags(flags).open(real_root.join(path));
    let named = named.map_err(|error| missing(&error))?;
    let itself = PathBuf::from(format!("/proc/self/fd/{}", named.as_raw_fd()));
    let real = fs::read_link(&itself).map_err(|error| missing(&error))?;
    if !real.starts_with(&real_root) {
        return Err(Missing::Forbidden);
    }
    let of = named.metadata().map_err(|error| missing(&error))?;
    if of.is_dir() {
        Ok(Found::Directory(real))
    } else if of.is_file() {
        let file = File::open(&itself).map_err(|error| missing(&error))?;
        Ok(Found::File(file, of))
    } else {
        Err(Missing::Forbidden)
    }
}

/// The file, if that is what is there.
pub(super) fn file(root: &Path, path: &Path) -> Option<(File, Metadata)> {
    match find(root, path) {
        Ok(Found::File(file, of)) => Some((file, of)),
        _ => None,
    }
}

fn missing(error: &io::Error) -> Missing {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Missing::Forbidden,
        _ => Missing::Nothing,
    }
}

/// The path of a directory as a URL, seen from the server's root; it never begins with two slashes, which would name
/// another host.
pub(super) fn url_of_directory(path: &Path) -> String {
    let encoded = encode(path.as_os_str().as_bytes());
    if encoded.is_empty() { "/".to_owned() } else { format!("/{}/", encoded.trim_matches('/')) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn told(found: &Result<Found, Missing>) -> &'static str {
        match found {
            Ok(Found::File(..)) => "file",
            Ok(Found::Directory(_)) => "directory",
            Err(Missing::Nothing) => "nothing",
            Err(Missing::Forbidden) => "forbidden",
        }
    }

    #[test]
    fn what_is_below_the_root_and_what_is_not() {
        let around = tempfile::tempdir().unwrap();
        let (root, beside) = (around.path().join("site"), around.path().join("site-secret"));
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::create_dir(&beside).unwrap();
        for file in [root.join("a"), root.join("sub/b"), beside.join("c")] {
            fs::write(file, "x").unwrap();
        }
        symlink("a", root.join("inside")).unwrap();
        symlink(root.join("sub/b"), root.join("absolute")).unwrap();
        symlink("../site-secret/c", root.join("outside")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("none", root.join("dangling")).unwrap();
        nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (path, expected) in [
            ("", "directory"),
            ("a", "file"),
            ("sub", "directory"),
            ("sub/b", "file"),
            ("inside", "file"),
            ("absolute", "file"),
            ("outside", "forbidden"),
            ("up", "forbidden"),
            ("up/site-secret/c", "forbidden"),
            ("up/site/a", "file"),
            ("fifo", "forbidden"),
            ("loop", "nothing"),
            ("dangling", "nothing"),
            ("none", "nothing"),
            ("a/none", "nothing"),
        ] {
            assert_eq!(told(&find(&root, Path::new(path))), expected, "{path}");
        }
    }

    #[test]
    fn a_root_that_is_a_link_is_followed_each_time() {
        let around = tempfile::tempdir().unwrap();
        let (one, two, root) = (around.path().join("1"), around.path().join("2"), around.path().join("current"));
        for (release, name) in [(&one, "old"), (&two, "new")] {
            fs::create_dir(release).unwrap();
            fs::write(release.join(name), "").unwrap();
        }
        symlink(&one, &root).unwrap();
        assert!(file(&root, Path::new("old")).is_some());
        fs::remove_file(&root).unwrap();
        symlink(&two, &root).unwrap();
        assert!(file(&root, Path::new("old")).is_none() && file(&root, Path::new("new")).is_some());
    }

    #[test]
    fn urls_of_directories() {
        for (path, url) in [("", "/"), ("a b", "/a%20b/"), ("a/ü", "/a/%C3%BC/"), ("\\x", "/%5Cx/")] {
            assert_eq!(url_of_directory(Path::new(path)), url);
        }
    }
}
