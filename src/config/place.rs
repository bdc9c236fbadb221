//! Paths as users write them into absolute ones in their logical form: symlinks are left for each start to follow.

use super::Caller;
use std::path::{Component, Path, PathBuf};

/// `path` seen from `base`, with `~` expanded and without `.` and `..`.
pub(super) fn absolute(path: &str, base: &Path, caller: &Caller) -> PathBuf {
    clean(&base.join(expand(path, caller)))
}

/// A log path: also PM2's word for "nowhere".
pub(super) fn log_file(path: &str, base: &Path, caller: &Caller) -> PathBuf {
    if path == "NULL" { PathBuf::from("/dev/null") } else { absolute(path, base, caller) }
}

fn expand(path: &str, caller: &Caller) -> PathBuf {
    match (path.strip_prefix('~'), caller.home()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

/// Takes `.` and `..` out by their text alone.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn caller() -> Caller {
        Caller {
            cwd: "/srv".into(),
            env: BTreeMap::from([("HOME".into(), "/home/me".into())]),
            username: None,
            cores: 2,
        }
    }

    #[test]
    fn paths_become_absolute_and_clean() {
        let see = |path: &str| absolute(path, Path::new("/srv/app"), &caller());
        assert_eq!(see("a.js"), Path::new("/srv/app/a.js"));
        assert_eq!(see("./x/../a.js"), Path::new("/srv/app/a.js"));
        assert_eq!(see("../../../.."), Path::new("/"));
        assert_eq!(see("/opt//a/./b/"), Path::new("/opt/a/b"));
        assert_eq!(see("~"), Path::new("/home/me"));
        assert_eq!(see("~/logs/a.log"), Path::new("/home/me/logs/a.log"));
        assert_eq!(see("~other/a"), Path::new("/srv/app/~other/a"));
    }

    #[test]
    fn null_is_nowhere() {
        let see = |path: &str| log_file(path, Path::new("/srv"), &caller());
        assert_eq!(see("NULL"), Path::new("/dev/null"));
        assert_eq!(see("/dev/null"), Path::new("/dev/null"));
        assert_eq!(see("null"), Path::new("/srv/null"));
    }
}
