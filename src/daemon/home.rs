//! The home, made ours: directories, and the file that names the daemon. Its lock is the guardian's.

use crate::paths::Home;
use crate::sys::user;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(super) enum HomeError {
    #[error("{path} cannot be made or used: {source}")]
    Unusable { path: PathBuf, source: io::Error },
    #[error("home {path} belongs to uid {owner}; set RPM_HOME to a directory of your own")]
    Foreign { path: PathBuf, owner: u32 },
}

/// Makes what is missing of it.
pub(super) fn prepare(home: &Home) -> Result<(), HomeError> {
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
    Ok(())
}

/// Names us to people and scripts; a full disk is no reason not to start.
pub(super) fn write_pid(home: &Home) {
    if let Err(error) = fs::write(home.pid_file(), std::process::id().to_string()) {
        tracing::warn!("{} cannot be written: {error}", home.pid_file().display());
    }
}

/// After an orderly end nobody is named.
pub(super) fn remove_pid(home: &Home) {
    let _ = fs::remove_file(home.pid_file());
}
