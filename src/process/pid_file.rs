//! Pid files: scripts and other supervisors read there which process an app is.

use std::fs::{self, File};
use std::io::{self, Read};
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
    let mut text = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read(&mut text));
    if read.is_ok_and(|length| text[..length] == *pid.to_string().as_bytes()) {
        let _ = fs::remove_file(path);
    }
}
