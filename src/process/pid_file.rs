//! Pid files: scripts and other supervisors read there which process an app is.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What cannot be written is told in the log; the app runs all the same.
pub fn write(path: &Path, pid: i32) {
    let write = || {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = File::create(path)?;
        io::Write::write_all(&mut file, pid.to_string().as_bytes())
    };
    if let Err(error) = write() {
        tracing::warn!("the pid file {} cannot be written: {error}", path.display());
    }
}

/// Removes the pid file, unless another run has written its own since.
pub(super) fn remove(path: &Path, pid: i32) {
    if fs::read_to_string(path).is_ok_and(|text| text == pid.to_string()) {
        let _ = fs::remove_file(path);
    }
}
