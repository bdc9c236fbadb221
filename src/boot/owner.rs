//! Whose apps they are.

use crate::paths::Home;
use crate::sys::user::{self, Ids};
use std::env;
use std::path::{Path, PathBuf};

/// A user, and where that user's things are.
#[derive(Debug, Clone)]
pub struct Owner {
    pub name: String,
    pub ids: Ids,
    /// The home directory.
    pub directory: PathBuf,
}

impl Owner {
    /// By name or number; without one it is us.
    pub fn named(name: Option<&str>) -> Result<Self, String> {
        let ids = user::resolve(name, None).map_err(|error| error.to_string())?;
        let known = |what: &str| format!("user {} has no {what} in the password database", ids.uid);
        let name = user::name_of(ids.uid).ok_or_else(|| known("name"))?;
        let directory = user::home_of(ids.uid).ok_or_else(|| known("home directory"))?;
        Ok(Self { name, ids, directory })
    }

    pub fn is_us(&self) -> bool {
        self.ids.uid == user::effective_uid()
    }

    /// Where the user's apps are: below `directory` (PM2's `--hp`), where the environment says, or in the home directory.
    pub fn home(&self, directory: Option<&Path>) -> Home {
        let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        match directory {
            Some(directory) => Home::new(directory.join(".rpm")),
            None => match named("RPM_HOME") {
                Some(home) => Home::new(home),
                None => Home::new(self.usual_home()),
            },
        }
    }

    /// Where they are unless somebody says otherwise.
    pub fn usual_home(&self) -> PathBuf {
        let own = env::var_os("HOME").filter(|home| self.is_us() && !home.is_empty());
        own.map_or_else(|| self.directory.clone(), PathBuf::from).join(".rpm")
    }

    /// Where the user's settings are.
    pub fn config(&self) -> PathBuf {
        let named = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| self.is_us() && path.is_absolute());
        named.unwrap_or_else(|| self.usual_home().with_file_name(".config"))
    }

    /// The group's name, or its number.
    pub fn group(&self) -> String {
        user::group_name(self.ids.gid).unwrap_or_else(|| self.ids.gid.to_string())
    }
}

/// Whether we may write anywhere.
pub fn is_root() -> bool {
    user::effective_uid() == 0
}
