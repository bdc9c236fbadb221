//! PM2's mark of a reload, for scripts that look at it: what refuses a second one is the list.

use crate::domain::UnixMs;
use std::fs;
use std::io;
use std::path::Path;

/// A reload runs since then.
pub fn mark_reload(path: &Path, since: UnixMs) -> io::Result<()> {
    fs::write(path, since.to_string())
}

/// None runs any more. A file that was never there is not made for that.
pub fn unmark_reload(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| file.len() > 0) { fs::write(path, "") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_as_an_empty_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("reload.lock");
        unmark_reload(&path).unwrap();
        assert!(!path.exists());
        mark_reload(&path, 17).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "17");
        unmark_reload(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
