//! Who asks.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Who asks: what relative paths, `PATH` look-ups and `max` refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub cwd: PathBuf,
    pub env: BTreeMap<String, String>,
    pub username: Option<String>,
    pub cores: u32,
}

impl Caller {
    /// This process. Variables that are not Unicode are left out: nothing downstream could carry them.
    pub fn current() -> io::Result<Self> {
        let env = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Self { cwd: logical_cwd()?, env, username: crate::sys::user::name(), cores: crate::sys::cores::available() })
    }

    /// The home directory that `~` stands for.
    pub fn home(&self) -> Option<PathBuf> {
        let named = self.env.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        named.or_else(crate::sys::user::home_directory)
    }
}

/// How many cores this process may use: what `max` means.
pub fn cores() -> u32 {
    crate::sys::cores::available().max(1)
}

/// `$PWD` while it names the directory we are in, so that `/srv/current` stays that and not the release it links to.
fn logical_cwd() -> io::Result<PathBuf> {
    let physical = env::current_dir()?;
    let logical = env::var_os("PWD").map(PathBuf::from).filter(|path| path.is_absolute());
    Ok(logical.filter(|path| same_directory(path, &physical)).unwrap_or(physical))
}

fn same_directory(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_directory_is_the_same_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(same_directory(&link, &real));
        assert!(!same_directory(dir.path(), &real));
        assert!(!same_directory(&dir.path().join("none"), &real));
    }

    #[test]
    fn the_current_caller_is_complete() {
        let caller = Caller::current().unwrap();
        assert!(caller.cwd.is_absolute());
        assert!(caller.cores >= 1);
        assert_eq!(caller.env.get("PATH").cloned(), env::var("PATH").ok());
    }
}
