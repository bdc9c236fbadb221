//! The names on the way to a path: when one of them comes, goes or leads elsewhere, the path is another.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Each as a directory that is there, and a name in it: the symbolic links on the way, the last name, and the first that
/// is missing.
pub(super) fn names(path: &Path) -> Vec<(PathBuf, OsString)> {
    let mut names = Vec::new();
    let mut reached = PathBuf::from("/");
    let parts: Vec<_> = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    for (index, part) in parts.iter().enumerate() {
        let next = reached.join(part);
        let found = std::fs::symlink_metadata(&next);
        let is_last = index + 1 == parts.len();
        if is_last || found.as_ref().map_or(true, std::fs::Metadata::is_symlink) {
            names.push((reached.clone(), part.as_os_str().to_owned()));
        }
        if found.is_err() {
            break;
        }
        reached = next;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_what_is_missing_are_on_the_way() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("releases/1/src")).unwrap();
        std::os::unix::fs::symlink("releases/1", top.join("current")).unwrap();
        let named = |path: &str| -> Vec<String> {
            let names = names(&top.join(path));
            names.iter().map(|(dir, name)| dir.join(name).strip_prefix(&top).unwrap().display().to_string()).collect()
        };
        assert_eq!(named("current/src"), ["current", "current/src"]);
        assert_eq!(named("releases/1"), ["releases/1"]);
        assert_eq!(named("releases/2/src"), ["releases/2"]);
        assert_eq!(names(Path::new("/")), []);
    }
}
