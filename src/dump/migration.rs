//! What a takeover has begun, on disk before it begins: one that was cut off knows what ran under PM2.

use crate::paths::Home;
use crate::sys::read_as::read_whole;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The ids that ran in a PM2 when a takeover from it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub pm2: PathBuf,
    /// PM2's daemon: ids mean nothing to another.
    pub pid: i32,
    pub ran: Vec<u32>,
}

impl Migration {
    /// The one from this PM2 that was not carried through, if any.
    pub fn begun(home: &Home, pm2: &Path, pid: i32) -> Option<Self> {
        let begun: Self = serde_json::from_slice(&read_whole(&home.migration()).ok()?).ok()?;
        (begun.pm2 == pm2 && begun.pid == pid).then_some(begun)
    }

    pub fn begin(&self, home: &Home) -> io::Result<()> {
        fs::create_dir_all(home.run())?;
        let mut file = tempfile::NamedTempFile::new_in(home.run())?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.as_file().sync_all()?;
        file.persist(home.migration()).map_err(|error| error.error)?;
        Ok(())
    }

    /// It was carried through, or taken back.
    pub fn end(home: &Home) {
        let _ = fs::remove_file(home.migration());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_known_until_it_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        let begun = Migration { pm2: "/u/.pm2".into(), pid: 7, ran: vec![0, 3] };
        begun.begin(&home).unwrap();
        assert_eq!(Migration::begun(&home, Path::new("/u/.pm2"), 7), Some(begun));
        assert_eq!(Migration::begun(&home, Path::new("/u/.pm2"), 8), None);
        assert_eq!(Migration::begun(&home, Path::new("/x"), 7), None);
        Migration::end(&home);
        assert_eq!(Migration::begun(&home, Path::new("/u/.pm2"), 7), None);
    }
}
