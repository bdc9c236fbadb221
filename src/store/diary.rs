//! What an app does by the clock: a small file for each, so that a run costs one small write.

use crate::domain::job::{History, Trigger};
use crate::domain::{ProcessId, SpawnId, UnixMs};
use crate::sys::read_as::read_whole;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What one app does, and has done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diary {
    /// The pattern and the time zone it is about: with others it begins anew.
    pub schedule: String,
    /// The last time that was dealt with; before there was one, when the schedule began.
    pub since: UnixMs,
    /// What was about to be done.
    #[serde(default)]
    pub pending: Option<Pending>,
    /// A run follows the one that is under way.
    #[serde(default)]
    pub queued: bool,
    #[serde(default)]
    pub history: History,
}

/// Written before it is done: whoever finds it with the same runs still there does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    /// A run of a job, after the one named.
    Run { trigger: Trigger, after: SpawnId },
    /// A restart of these processes, in place of these runs.
    Restart(Vec<(ProcessId, SpawnId)>),
}

/// Where the diary of an app is.
#[derive(Debug, Clone)]
pub struct DiaryFile {
    path: PathBuf,
}

impl DiaryFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// `None` where there is none, or none that can be read: it is a record, nothing depends on it.
    pub fn load(&self) -> Option<Diary> {
        let bytes = read_whole(&self.path).ok()?;
        let diary = serde_json::from_slice(&bytes);
        diary.inspect_err(|error| tracing::warn!("{} is damaged, and begins anew: {error}", self.path.display())).ok()
    }

    /// Outlives the program, whenever it ends; a machine that loses power may have the one before.
    pub fn save(&self, diary: &Diary) {
        if let Err(error) = self.write(diary) {
            tracing::error!("{} cannot be written: {error}", self.path.display());
        }
    }

    fn write(&self, diary: &Diary) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&serde_json::to_vec(diary)?)?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
        // The last one takes the directory with it.
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("schedule/a.json");
        let file = DiaryFile::new(path.clone());
        assert_eq!(file.load(), None);
        let pending = Some(Pending::Run { trigger: Trigger::Schedule, after: SpawnId(4) });
        let diary = Diary { schedule: "* * * * *".into(), since: 7, pending, ..Diary::default() };
        file.save(&diary);
        assert_eq!(file.load(), Some(diary));
        fs::write(&path, b"{\"sche").unwrap();
        assert_eq!(file.load(), None);
        file.remove();
        assert!(!path.exists() && !directory.path().join("schedule").exists());
    }
}
