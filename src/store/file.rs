//! The state file and the generations before it.

use super::snapshot::{ParseError, Snapshot};
use crate::sys::fault::{self, Point};
use crate::sys::read_as::read_whole;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// How many generations before the last are kept: `state.json.1` is the one just before.
const KEPT: usize = 3;
/// Older generations are at least so far apart: many changes in a row push none of them out.
const APART: Duration = Duration::from_mins(1);
const TEMPORARY_PREFIX: &str = "state.";
const TEMPORARY_LETTERS: usize = 6;
/// The second name of the file, until it has the one it is given for. Swept like all that is temporary.
const LINKED: &str = "state.linked";
/// Of the list, written at a time: bytes.
const AT_ONCE: usize = 64 * 1024;

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

/// What a write outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// Our own death.
    Death,
    /// The machine's, too.
    PowerLoss,
}

/// A list that was read.
#[derive(Debug, PartialEq)]
pub struct Loaded {
    pub snapshot: Snapshot,
    /// Whether it is the last that was written: an older one doesn't tell what has come and gone since.
    pub is_last: bool,
}

/// The state file of a home.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    /// The file that is replaced next outlives a loss of power: the one that replaces it need not.
    is_safe: Arc<AtomicBool>,
}

impl Store {
    pub fn new(path: PathBuf) -> Self {
        Self { path, is_safe: Arc::default() }
    }

    fn older(&self, generation: usize) -> PathBuf {
        self.path.with_extension(format!("json.{generation}"))
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Replaces the file: whoever reads sees the old one or the new one, whole, whatever is pulled out when.
    pub fn save(&self, snapshot: &Snapshot, lasting: Lasting) -> Result<(), StoreError> {
        self.write(snapshot, lasting).map_err(|source| StoreError::Write { path: self.path.clone(), source })?;
        fault::point(Point::ListWritten);
        Ok(())
    }

    fn write(&self, snapshot: &Snapshot, lasting: Lasting) -> io::Result<()> {
        // Readable by the owner alone, as the environment of apps is in it.
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .rand_bytes(TEMPORARY_LETTERS)
            .tempfile_in(self.directory())?;
        // Never all of it at once in memory: with a thousand apps that is more than all else.
        let mut through = BufWriter::with_capacity(AT_ONCE, file.as_file_mut());
        serde_json::to_writer(&mut through, snapshot)?;
        through.into_inner().map_err(io::IntoInnerError::into_error)?;
        // Whatever the power takes away: this file, or the one that it replaces, and that becomes the generation before
        // it, is whole.
        let is_synced = lasting == Lasting::PowerLoss || !self.is_safe.load(Ordering::Relaxed);
        if is_synced {
            file.as_file().sync_all()?;
        }
        self.make_room();
        file.persist(&self.path).map_err(|error| error.error)?;
        self.is_safe.store(is_synced, Ordering::Relaxed);
        match lasting {
            Lasting::Death => Ok(()),
            Lasting::PowerLoss => File::open(self.directory())?.sync_all(),
        }
    }

    /// Gives the file that is replaced next a second name, so that one of them is there at any moment.
    fn make_room(&self) {
        if self.may_shift() {
            for generation in (1..KEPT).rev() {
                let _ = fs::rename(self.older(generation), self.older(generation + 1));
            }
        }
        // Without room for another name the one that is there stays.
        let linked = self.directory().join(LINKED);
        if fs::hard_link(&self.path, &linked).is_ok() {
            let _ = fs::rename(&linked, self.older(1));
        }
        // Two names of one file are not renamed to one another.
        let _ = fs::remove_file(&linked);
    }

    fn may_shift(&self) -> bool {
        let written = |generation| fs::metadata(self.older(generation)).and_then(|file| file.modified());
        let (Ok(newer), Ok(older)) = (written(1), written(2)) else { return true };
        apart(newer, older) >= APART
    }

    /// The last state, or where that one is damaged or gone the newest before it that isn't. `None` when there is none.
    /// Nothing of ours ever removes it.
    pub fn load(&self) -> Result<Option<Loaded>, StoreError> {
        let damaged = match read(&self.path) {
            Ok(Some(snapshot)) => return Ok(Some(Loaded { snapshot, is_last: true })),
            Ok(None) => None,
            Err(damaged @ StoreError::Damaged { .. }) => Some(damaged),
            Err(other) => return Err(other),
        };
        let why = damaged.as_ref().map_or_else(|| format!("{} is gone", self.path.display()), StoreError::to_string);
        for generation in 1..=KEPT {
            let path = self.older(generation);
            match read(&path) {
                Ok(Some(older)) => {
                    let count = older.processes.len();
                    tracing::error!("{why}; {} is used in its place, with {count} processes", path.display());
                    return Ok(Some(Loaded { snapshot: older, is_last: false }));
                }
                Ok(None) => {}
                Err(unusable) => tracing::error!("{unusable}"),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// Puts a file that cannot be used where nothing overwrites it.
    pub fn set_aside(&self) {
        let _ = fs::rename(&self.path, self.path.with_extension("json.damaged"));
    }

    /// Removes what was being written when its writer was killed. Only for the one who alone writes here.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.directory()) else { return };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_str().is_some_and(is_temporary) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn is_temporary(name: &str) -> bool {
    name.strip_prefix(TEMPORARY_PREFIX)
        .is_some_and(|rest| rest.len() == TEMPORARY_LETTERS && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// However the clock was set in between.
fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

fn read(path: &Path) -> Result<Option<Snapshot>, StoreError> {
    let bytes = match read_whole(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| StoreError::Read { path: path.to_owned(), source })?,
    };
    Snapshot::parse(&bytes).map(Some).map_err(|error| match error {
        ParseError::Damaged(source) => StoreError::Damaged { path: path.to_owned(), source },
        ParseError::Newer(version) => StoreError::Newer { path: path.to_owned(), version },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(next_id: u32) -> Snapshot {
        Snapshot::new("boot".into(), false, next_id, 7, Vec::new())
    }

    fn loaded(store: &Store) -> Option<(Snapshot, bool)> {
        store.load().unwrap().map(|loaded| (loaded.snapshot, loaded.is_last))
    }

    fn save(store: &Store, next_id: u32) {
        store.save(&snapshot(next_id), Lasting::PowerLoss).unwrap();
    }

    /// As if the file had been written so long ago.
    fn age(path: &Path, seconds: u64) {
        let now = Duration::from_millis(crate::clock::unix_ms() as u64);
        let then = SystemTime::UNIX_EPOCH + now - Duration::from_secs(seconds);
        File::open(path).unwrap().set_modified(then).unwrap();
    }

    /// Not in place: a generation may be another name of the same file.
    fn damage(path: &Path) {
        fs::remove_file(path).unwrap();
        fs::write(path, b"{\"version\": 1, \"boot").unwrap();
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path().join("state.json"));
        assert_eq!(store.load().unwrap(), None);
        save(&store, 1);
        store.save(&snapshot(2), Lasting::Death).unwrap();
        assert_eq!(loaded(&store), Some((snapshot(2), true)));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing temporary is left");
    }

    #[test]
    fn a_file_that_is_gone_is_replaced_by_the_newest_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let store = Store::new(path.clone());
        save(&store, 1);
        save(&store, 2);
        fs::remove_file(&path).unwrap();
        assert_eq!(loaded(&store), Some((snapshot(1), false)));
        damage(&store.older(1));
        assert_eq!(loaded(&store), None);
    }

    #[test]
    fn a_damaged_file_is_replaced_by_the_newest_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let store = Store::new(path.clone());
        for next_id in 1..=4 {
            save(&store, next_id);
            age(&path, 1000 - 100 * u64::from(next_id));
        }
        for (generation, next_id) in [(0, 3), (1, 2), (2, 1)] {
            damage(&if generation == 0 { path.clone() } else { store.older(generation) });
            assert_eq!(loaded(&store), Some((snapshot(next_id), false)), "{generation} are damaged");
        }
        fs::remove_file(store.older(3)).unwrap();
        assert!(matches!(store.load(), Err(StoreError::Damaged { path: named, .. }) if named == path));
        store.set_aside();
        assert_eq!(store.load().unwrap(), None);
        assert!(directory.path().join("state.json.damaged").exists());
    }

    #[test]
    fn changes_in_a_row_push_no_old_generation_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let store = Store::new(path.clone());
        for (next_id, seconds) in [(1, 3000), (2, 2000), (3, 1000)] {
            save(&store, next_id);
            age(&path, seconds);
        }
        for next_id in 4..20 {
            save(&store, next_id);
        }
        let kept: Vec<_> = (1..=3).map(|n| read(&store.older(n)).unwrap().unwrap().next_id).collect();
        // The first of the row is an age of its own.
        assert_eq!(kept, [18, 4, 3]);
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
        assert!(matches!(store.save(&snapshot(1), Lasting::PowerLoss), Err(StoreError::Write { .. })));
    }

    #[test]
    fn what_killed_writers_have_left_is_swept() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path().join("state.json"));
        save(&store, 1);
        save(&store, 2);
        let stays = ["state.json.damaged", "state.abcde", "state.abc.ef", "states.abcdef"];
        for name in stays.into_iter().chain(["state.a1B2c3", "state.XXXXXX"]) {
            fs::write(directory.path().join(name), "").unwrap();
        }
        store.sweep();
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            ["state.abc.ef", "state.abcde", "state.json", "state.json.1", "state.json.damaged", "states.abcdef"]
        );
    }
}
