//! The file: read by whoever wants, changed by one at a time, replaced whole.

use super::Settings;
use crate::paths::Home;
use crate::sys::lock::FileLock;
use crate::sys::read_as::{acting_as, read_whole};
use crate::sys::user::Ids;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};
use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// PM2's habit.
const INDENT: &[u8] = b"    ";

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the settings cannot be read: {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the settings cannot be written: {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is no JSON object: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
}

impl SettingsError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { path, .. } | Self::Write { path, .. } => {
                format!("look at its permissions and at the room on its disk: ls -ld {}", path.display())
            }
            Self::Damaged { path, .. } => format!("correct it, or move it away: {}", path.display()),
        }
    }
}

/// The settings of a home.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    lock: PathBuf,
}

impl Store {
    pub fn new(home: &Home) -> Self {
        Self { path: home.settings(), lock: home.settings_lock() }
    }

    /// What is set. No file is no settings.
    pub fn load(&self) -> Result<Settings, SettingsError> {
        let damaged = |why: String| SettingsError::Damaged { path: self.path.clone(), why };
        let text = match read_whole(&self.path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Settings::default()),
            Err(source) => return Err(SettingsError::Read { path: self.path.clone(), source }),
        };
        // An empty file is one that nobody has set anything in.
        if text.trim().is_empty() {
            return Ok(Settings::default());
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(root)) => Ok(Settings::new(root)),
            Ok(_) => Err(damaged("it holds another value".to_owned())),
            Err(error) => Err(damaged(error.to_string())),
        }
    }

    /// Changes them, alone: what others set at the same time is not lost. Gives what is set afterwards.
    pub fn change<T>(&self, change: impl FnOnce(&mut Settings) -> T) -> Result<(Settings, T), SettingsError> {
        let failed = |source| SettingsError::Write { path: self.path.clone(), source };
        let _lock = self.as_owner(|| self.take_lock()).map_err(failed)?;
        let mut settings = self.load()?;
        let before = settings.clone();
        let result = change(&mut settings);
        if settings != before || !self.path.exists() {
            self.as_owner(|| self.write(&settings)).map_err(failed)?;
        }
        Ok((settings, result))
    }

    /// Root sets for whose home it is: what it makes there is that user's.
    fn as_owner<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let home = self.path.parent().and_then(|home| home.metadata().ok());
        let owner = home.map(|of| Ids { uid: of.uid(), gid: of.gid(), groups: Vec::new() });
        acting_as(owner.as_ref(), work)
    }

    fn take_lock(&self) -> io::Result<FileLock> {
        if let Some(directory) = self.lock.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        FileLock::take(&self.lock)
    }

    /// Whoever reads sees the old file or the new one, whole, also after a power cut.
    fn write(&self, settings: &Settings) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        // Readable by the owner alone: settings may be secrets.
        let mut file = tempfile::Builder::new().prefix("module_conf.").tempfile_in(directory)?;
        let mut serializer = Serializer::with_formatter(Vec::new(), PrettyFormatter::with_indent(INDENT));
        settings.root().serialize(&mut serializer)?;
        file.write_all(&serializer.into_inner())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;
    use std::fs;
    use std::thread;

    fn store(directory: &Path) -> Store {
        Store::new(&Home::new(directory))
    }

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[test]
    fn what_root_sets_is_the_owners() {
        use std::os::unix::fs::chown;
        if crate::sys::user::effective_uid() != 0 {
            eprintln!("skipped: only root has to do with other users' homes");
            return;
        }
        let home = tempfile::tempdir().unwrap();
        chown(home.path(), Some(65534), Some(65534)).unwrap();
        store(home.path()).change(|settings| settings.set(&key("a:b"), "1")).unwrap();
        for file in ["module_conf.json", "run", "run/settings.lock"] {
            assert_eq!(fs::metadata(home.path().join(file)).unwrap().uid(), 65534, "{file}");
        }
    }

    #[test]
    fn the_file_looks_as_pm2_writes_it() {
        let home = tempfile::tempdir().unwrap();
        let store = store(&home.path().join("home"));
        assert_eq!(store.load().unwrap(), Settings::default());
        store.change(|settings| settings.set(&key("app:key"), "val")).unwrap();
        store.change(|settings| settings.set(&key("plain"), "12")).unwrap();
        let text = fs::read_to_string(home.path().join("home/module_conf.json")).unwrap();
        assert_eq!(text, "{\n    \"app\": {\n        \"key\": \"val\"\n    },\n    \"plain\": \"12\"\n}");
        store.change(Settings::clear).unwrap();
        assert_eq!(fs::read_to_string(home.path().join("home/module_conf.json")).unwrap(), "{}");
    }

    #[test]
    fn a_damaged_file_is_told_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("module_conf.json");
        for damaged in ["{", "[1]", "\"x\""] {
            fs::write(&file, damaged).unwrap();
            let error = store(home.path()).change(|settings| settings.set(&key("a"), "1")).unwrap_err();
            assert!(matches!(error, SettingsError::Damaged { .. }), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
        }
        fs::write(&file, "").unwrap();
        assert_eq!(store(home.path()).load().unwrap(), Settings::default());
    }

    #[test]
    fn nothing_that_is_set_at_the_same_time_is_lost() {
        let home = tempfile::tempdir().unwrap();
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let store = store(home.path());
                thread::spawn(move || {
                    for step in 0..5 {
                        let key = key(&format!("app:k{number}x{step}"));
                        store.change(|settings| settings.set(&key, "1")).unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(store(home.path()).load().unwrap().of_app("app").len(), 40);
        let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "nothing but the file and the folder of the lock: {left:?}");
    }
}
