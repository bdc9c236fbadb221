//! Programs by name, and text as the kernel wants it.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A C string of a path, argument or variable; what holds a NUL byte cannot be one.
pub fn c_string(text: impl AsRef<OsStr>) -> io::Result<CString> {
    CString::new(text.as_ref().as_bytes()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// The first executable file called `name` in the directories of `path`, as `execvp` would find it.
pub fn find_program(name: &str, path: &str, cwd: &Path) -> Option<PathBuf> {
    if name.contains('/') {
        let candidate = cwd.join(name);
        return is_executable(&candidate).then_some(candidate);
    }
    std::env::split_paths(path).map(|directory| cwd.join(directory).join(name)).find(|file| is_executable(file))
}

/// Whether `path` is a file that we may execute.
pub fn is_executable(path: &Path) -> bool {
    use nix::unistd::{AccessFlags, access};
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_would() {
        assert_eq!(find_program("sh", "/no:/bin:/usr/bin", Path::new("/")), Some("/bin/sh".into()));
        assert_eq!(find_program("./sh", "", Path::new("/bin")), Some("/bin/./sh".into()));
        assert_eq!(find_program("no-such-program", "/bin", Path::new("/")), None);
    }
}
