//! Where things are: the home and the files in it.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The state directory: `$RPM_HOME`, else `~/.rpm`. `PM2_HOME` is never read: a real PM2 may live there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: Arc<Path>,
}

/// No home can be named: neither `RPM_HOME` nor a home directory of the user is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHome;

impl fmt::Display for NoHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no home directory is known: set RPM_HOME to a directory that you own")
    }
}

impl std::error::Error for NoHome {}

impl Home {
    /// A home at `root`; a relative one is taken from the working directory.
    pub fn new(root: impl AsRef<Path>) -> Self {
        let root = root.as_ref();
        Self { root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()).into() }
    }

    pub fn from_env() -> Result<Self, NoHome> {
        let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(root) = named("RPM_HOME") {
            return Ok(Self::new(root));
        }
        let user = named("HOME").or_else(crate::sys::user::home_directory).ok_or(NoHome)?;
        Ok(Self::new(user.join(".rpm")))
    }

    /// For who has none: nothing is there, and nothing can be made.
    pub fn nowhere() -> Self {
        Self::new("/proc/self/.rpm")
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The control socket, or a symlink to it where the home's path is too long for a socket address.
    pub fn socket(&self) -> PathBuf {
        self.root.join("rpm.sock")
    }

    pub fn pid_file(&self) -> PathBuf {
        self.root.join("rpm.pid")
    }

    /// The daemon's own log.
    pub fn daemon_log(&self) -> PathBuf {
        self.root.join("rpm.log")
    }

    /// Held by the daemon as long as it lives.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Held by whoever is launching a daemon.
    pub fn launch_lock(&self) -> PathBuf {
        self.run().join("launch.lock")
    }

    /// What should run now.
    pub fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// What ran when the last orderly end closed the list.
    pub fn closed_list(&self) -> PathBuf {
        self.root.join("last.json")
    }

    /// What `save` saved, in PM2's form.
    pub fn dump(&self) -> PathBuf {
        self.root.join("dump.pm2")
    }

    /// The one before.
    pub fn dump_backup(&self) -> PathBuf {
        self.root.join("dump.pm2.bak")
    }

    /// What a takeover from PM2 has begun.
    pub fn migration(&self) -> PathBuf {
        self.run().join("migration.json")
    }

    /// PM2's mark of a reload: the time while one runs, empty afterwards.
    pub fn reload_lock(&self) -> PathBuf {
        self.root.join("reload.lock")
    }

    /// The settings store, PM2's name for it.
    pub fn settings(&self) -> PathBuf {
        self.root.join("module_conf.json")
    }

    /// Held by whoever changes the settings.
    pub fn settings_lock(&self) -> PathBuf {
        self.run().join("settings.lock")
    }

    /// What processes are doing, mapped.
    pub fn slots(&self) -> PathBuf {
        self.run().join("slots")
    }

    /// What an app does by the clock, and has done.
    pub fn diary(&self, name: &str) -> PathBuf {
        self.root.join("schedule").join(format!("{}.json", one_to_one(name)))
    }

    /// Copies of our programs, each version in a folder of its own.
    pub fn programs(&self) -> PathBuf {
        self.root.join("programs")
    }

    /// The copies that an init system starts: a link.
    pub fn programs_link(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Held by whoever changes them.
    pub fn programs_lock(&self) -> PathBuf {
        self.run().join("programs.lock")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn pids(&self) -> PathBuf {
        self.root.join("pids")
    }

    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Where the file may be that Node runs before an app, best first: an app of root may become somebody else, and that
    /// one has to read it again for each of its threads.
    pub fn agents(&self) -> Vec<PathBuf> {
        let named = env::var_os("RPM_AGENT_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
        let shared = (crate::sys::user::effective_uid() == 0).then(|| PathBuf::from("/run/rpm-native"));
        named.or(shared).into_iter().chain([self.run()]).collect()
    }

    /// `logs/<name>-out.log` or `-error.log`.
    pub fn default_log(&self, name: &str, stream: &str) -> PathBuf {
        self.logs().join(format!("{}-{stream}.log", file_name_of(name)))
    }

    /// `logs/<name>.log`, which has both streams.
    pub fn default_combined_log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{}.log", file_name_of(name)))
    }

    /// `pids/<name>.pid`, before the id is put in.
    pub fn default_pid_file(&self, name: &str) -> PathBuf {
        self.pids().join(format!("{}.pid", file_name_of(name)))
    }
}

/// A name as PM2 writes it in file names: other characters than letters, digits, dot, hyphen and backslash become `-`.
fn file_name_of(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '\\') { c } else { '-' }).collect()
}

/// A name as a file name that no other name has.
fn one_to_one(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || byte == b'.' && index > 0 {
            file.push(char::from(byte));
        } else {
            file.push('%');
            for half in [byte >> 4, byte & 0xf] {
                file.extend(char::from_digit(u32::from(half), 16));
            }
        }
    }
    file
}

/// `x.log` → `x-<id>.log`, `x` → `x-<id>`.
pub fn with_id(path: &Path, id: u32) -> PathBuf {
    let mut name = path.file_stem().map_or_else(OsString::new, ToOwned::to_owned);
    name.push(format!("-{id}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_names_follow_pm2() {
        let home = Home::new("/h");
        assert_eq!(home.default_log("api", "out"), Path::new("/h/logs/api-out.log"));
        assert_eq!(home.default_log("my app/ü_1.x", "error"), Path::new("/h/logs/my-app---1.x-error.log"));
    }

    #[test]
    fn no_two_apps_share_a_diary() {
        let home = Home::new("/h");
        assert_eq!(home.diary("api-1.x"), Path::new("/h/schedule/api-1.x.json"));
        assert_eq!(home.diary("a/b c%"), Path::new("/h/schedule/a%2fb%20c%25.json"));
        assert_eq!(home.diary(".."), Path::new("/h/schedule/%2e..json"));
    }

    #[test]
    fn the_id_goes_before_the_extension() {
        assert_eq!(with_id(Path::new("/l/x.log"), 3), Path::new("/l/x-3.log"));
        assert_eq!(with_id(Path::new("/l/a.b.log"), 3), Path::new("/l/a.b-3.log"));
        assert_eq!(with_id(Path::new("/l/x"), 12), Path::new("/l/x-12"));
    }
}
