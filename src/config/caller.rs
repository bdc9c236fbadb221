//! Who asks.

use crate::sys::{cores, proc, user};
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
        Ok(Self { cwd: logical_cwd()?, env, username: user::name(), cores: cores::available() })
    }

    /// Its apps are made by a daemon that runs already, and are confined as that is.
    #[must_use]
    pub fn of_daemon(self, pid: i32) -> Self {
        // The number may be anybody's by now.
        let file_name = |program: Option<PathBuf>| program.and_then(|path| Some(path.file_name()?.to_owned()));
        let is_ours =
            file_name(proc::program(pid)).is_some_and(|name| Some(name) == file_name(env::current_exe().ok()));
        let available = if is_ours { cores::available_to(pid) } else { None };
        let cores = available.map_or(self.cores, |cores| cores.min(self.cores));
        Self { cores, ..self }
    }

    /// The home directory that `~` stands for.
    pub fn home(&self) -> Option<PathBuf> {
        let named = self.env.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        named.or_else(user::home_directory)
    }
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
    fn a_daemon_that_may_use_less_decides() {
        let caller = Caller { cores: 1000, ..Caller::current().unwrap() };
        let own = std::process::id().cast_signed();
        assert_eq!(caller.clone().of_daemon(own).cores, cores::available());
        assert_eq!(caller.clone().of_daemon(1).cores, 1000, "another program has the number");
        assert_eq!(Caller { cores: 1, ..caller }.of_daemon(own).cores, 1);
    }

    #[test]
    fn the_current_caller_is_complete() {
        let caller = Caller::current().unwrap();
        assert!(caller.cwd.is_absolute());
        assert!(caller.cores >= 1);
        assert_eq!(caller.env.get("PATH").cloned(), env::var("PATH").ok());
    }
}
