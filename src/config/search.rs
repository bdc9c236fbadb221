//! Programs in a `PATH`.

use nix::unistd::{AccessFlags, access};
use std::path::{Path, PathBuf};

/// Where programs are looked for when an environment has no `PATH`, as in an app with `filter_env: true`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The file that `name` means in `path`. A name with a slash is no matter of `PATH`.
pub fn find(name: &str, path: Option<&str>, cwd: &Path) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    path.unwrap_or(DEFAULT_PATH)
        .split(':')
        .map(|directory| super::place::clean(&cwd.join(directory).join(name)))
        .find(|file| is_program(file))
}

pub(super) fn is_program(file: &Path) -> bool {
    file.is_file() && access(file, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_executable_files_count_and_the_first_wins() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32| {
            let file = dir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        file("a/tool", 0o644);
        let second = file("b/tool", 0o755);
        let relative = file("here/other", 0o755);
        fs::create_dir_all(dir.path().join("a/other")).unwrap();
        let path = format!("{0}/a:{0}/b:here", dir.path().display());
        assert_eq!(find("tool", Some(&path), dir.path()), Some(second));
        assert_eq!(find("other", Some(&path), dir.path()), Some(relative));
        assert_eq!(find("b/tool", Some(&path), dir.path()), None);
        assert_eq!(find("", Some(&path), dir.path()), None);
        assert_eq!(find("sh", None, dir.path()).unwrap().file_name().unwrap(), "sh");
    }
}
