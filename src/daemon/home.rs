//! The home, made ours: directories, the lock that makes the daemon the only one.

use crate::clock;
use crate::paths::Home;
use crate::sys::lock::FileLock;
use crate::sys::user;
use std::fs::{self, DirBuilder};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::time::Duration;

/// How long a daemon that ends may hold the lock.
const LEAVING: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub(super) enum HomeError {
    #[error("{path} cannot be made or used: {source}")]
    Unusable { path: PathBuf, source: io::Error },
    #[error("home {path} belongs to uid {owner}; set RPM_HOME to a directory of your own")]
    Foreign { path: PathBuf, owner: u32 },
    #[error("another daemon ({pid}) holds home {path}, but its socket doesn't answer; end it with: kill {pid}")]
    Held { path: PathBuf, pid: String },
}

/// The home as long as it is ours.
#[derive(Debug)]
pub(super) struct OwnHome {
    home: Home,
    _lock: FileLock,
}

impl OwnHome {
    pub(super) fn take(home: Home) -> Result<Self, HomeError> {
        let unusable = |path: PathBuf| move |source| HomeError::Unusable { path, source };
        let root = home.root().to_owned();
        DirBuilder::new().recursive(true).mode(0o700).create(&root).map_err(unusable(root.clone()))?;
        let owner = fs::metadata(&root).map_err(unusable(root.clone()))?.uid();
        if owner != user::effective_uid() {
            return Err(HomeError::Foreign { path: root, owner });
        }
        for directory in [home.run(), home.logs(), home.pids()] {
            DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(unusable(directory.clone()))?;
        }
        let lock = patiently(|| FileLock::try_take(&home.lock())).map_err(unusable(home.lock()))?;
        let Some(lock) = lock else {
            let pid = fs::read_to_string(home.lock()).unwrap_or_default();
            return Err(HomeError::Held { path: root, pid: pid.trim().to_owned() });
        };
        let pid = std::process::id().to_string();
        // It names us to people; a full disk is no reason not to start.
        if let Err(error) = write_pid(&lock, &pid) {
            tracing::warn!("{} cannot be written: {error}", home.lock().display());
        }
        if let Err(error) = fs::write(home.pid_file(), &pid) {
            tracing::warn!("{} cannot be written: {error}", home.pid_file().display());
        }
        Ok(Self { home, _lock: lock })
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }
}

impl Drop for OwnHome {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.home.pid_file());
    }
}

/// A daemon that leaves has given up its socket before its lock: it is waited for.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    let deadline = clock::boot() + LEAVING;
    loop {
        let outcome = attempt()?;
        if outcome.is_some() || clock::boot() >= deadline {
            return Ok(outcome);
        }
        std::thread::park_timeout(LEAVING / 100);
    }
}

fn write_pid(lock: &FileLock, pid: &str) -> io::Result<()> {
    let mut file = lock.file();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(pid.as_bytes())
}
