//! The state file and its predecessor.

use super::snapshot::{Snapshot, VERSION};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path} cannot be written: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: {source}")]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("{path} was written by a newer rpm (format {version}); run that one, or move the file away")]
    Newer { path: PathBuf, version: u32 },
}

/// The state file of a home.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn older(&self) -> PathBuf {
        self.path.with_extension("json.1")
    }

    /// Replaces the file: whoever reads sees the old one or the new one, whole, whatever is pulled out when.
    pub fn save(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.write(snapshot).map_err(|source| StoreError::Write { path: self.path.clone(), source })
    }

    fn write(&self, snapshot: &Snapshot) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        // Readable by the owner alone, as the environment of apps is in it.
        let mut file = tempfile::Builder::new().prefix("state.").tempfile_in(directory)?;
        let bytes = serde_json::to_vec(snapshot)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        // The predecessor is a second name of the file that is replaced next, so that there is always one of them.
        let older = self.older();
        let _ = fs::remove_file(&older);
        let _ = fs::hard_link(&self.path, &older);
        file.persist(&self.path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    }

    /// The last state, or its predecessor where the last one is damaged. `None` when there is none.
    pub fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        match read(&self.path) {
            Err(damaged @ StoreError::Damaged { .. }) => match read(&self.older()) {
                Ok(Some(older)) => {
                    tracing::error!("{damaged}; the state before it is used");
                    Ok(Some(older))
                }
                _ => Err(damaged),
            },
            other => other,
        }
    }

    /// Puts a file that cannot be used where nothing overwrites it.
    pub fn set_aside(&self) {
        let _ = fs::rename(&self.path, self.path.with_extension("json.damaged"));
    }
}

fn read(path: &Path) -> Result<Option<Snapshot>, StoreError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| StoreError::Read { path: path.to_owned(), source })?,
    };
    let damaged = |source| StoreError::Damaged { path: path.to_owned(), source };
    let version: Version = serde_json::from_slice(&bytes).map_err(damaged)?;
    if version.version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), version: version.version });
    }
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(next_id: u32) -> Snapshot {
        Snapshot::new("boot".into(), false, next_id, 7, Vec::new())
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path().join("state.json"));
        assert_eq!(store.load().unwrap(), None);
        store.save(&snapshot(1)).unwrap();
        store.save(&snapshot(2)).unwrap();
        assert_eq!(store.load().unwrap(), Some(snapshot(2)));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing temporary is left");
    }

    #[test]
    fn a_damaged_file_is_replaced_by_its_predecessor() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let store = Store::new(path.clone());
        store.save(&snapshot(1)).unwrap();
        store.save(&snapshot(2)).unwrap();
        // Not in place: the predecessor may be another name of the same file.
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"{\"version\": 1, \"boot").unwrap();
        assert_eq!(store.load().unwrap(), Some(snapshot(1)));
        fs::remove_file(store.older()).unwrap();
        assert!(matches!(store.load(), Err(StoreError::Damaged { .. })));
        store.set_aside();
        assert_eq!(store.load().unwrap(), None);
    }

    #[test]
    fn a_newer_format_is_not_guessed_at() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        fs::write(&path, br#"{"version": 99}"#).unwrap();
        assert!(matches!(Store::new(path).load(), Err(StoreError::Newer { version: 99, .. })));
    }

    #[test]
    fn a_full_or_missing_directory_is_an_error_and_harms_nothing() {
        let store = Store::new("/no/such/directory/state.json".into());
        assert!(matches!(store.save(&snapshot(1)), Err(StoreError::Write { .. })));
    }
}
