//! The list as the last orderly end closed it, kept for who wants it back.

use super::snapshot::{SavedProcess, Snapshot};
use crate::sys::read_as::read_whole;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct ClosedList {
    path: PathBuf,
}

impl ClosedList {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Gives the state file a second name before another list takes its first: no disk is too full for that.
    pub fn keep(&self, state: &Path) {
        let linked = self.path.with_extension("linked");
        let _ = fs::remove_file(&linked);
        let kept = fs::hard_link(state, &linked).or_else(|_| fs::copy(state, &linked).map(drop));
        if let Err(error) = kept.and_then(|()| fs::rename(&linked, &self.path)) {
            tracing::error!("the list that was closed is not kept as {}: {error}", self.path.display());
        }
        // Two names of one file are not renamed to one another.
        let _ = fs::remove_file(&linked);
    }

    /// Nobody wants it back.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Its processes; nothing where no end has closed one.
    pub fn load(&self) -> io::Result<Vec<SavedProcess>> {
        let bytes = match read_whole(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let snapshot = Snapshot::parse(&bytes).map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok(snapshot.processes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Lasting, Store};

    #[test]
    fn a_list_that_is_overwritten_afterwards_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (state, last) = (directory.path().join("state.json"), directory.path().join("last.json"));
        let (store, closed) = (Store::new(state.clone()), ClosedList::new(last.clone()));
        assert_eq!(closed.load().unwrap(), []);
        store.save(&Snapshot::new("boot".into(), true, 3, 7, Vec::new()), Lasting::Death).unwrap();
        let written = fs::read(&state).unwrap();
        closed.keep(&state);
        closed.keep(&state);
        store.save(&Snapshot::new("boot".into(), false, 4, 9, Vec::new()), Lasting::Death).unwrap();
        assert_eq!(fs::read(&last).unwrap(), written);
        assert!(!directory.path().join("last.linked").exists());
        closed.remove();
        assert!(!last.exists());
        fs::write(&last, "{").unwrap();
        assert!(closed.load().is_err());
    }
}
