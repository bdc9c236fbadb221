//! A glimpse of the end of a file, whatever stands in it.

use crate::domain::UnixMs;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The last bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub bytes: Vec<u8>,
    /// There are others before them.
    pub is_cut: bool,
    /// When it was last written.
    pub modified: UnixMs,
}

/// At most `most` bytes. What is not an ordinary file has no end to look at.
pub fn end_of(path: &Path, most: usize) -> io::Result<End> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let of = file.metadata()?;
    if !of.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an ordinary file"));
    }
    let start = of.len().saturating_sub(most as u64);
    let mut bytes = vec![0; (of.len() - start) as usize];
    file.read_exact_at(&mut bytes, start)?;
    let modified = of.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    Ok(End { bytes, is_cut: start > 0, modified })
}
