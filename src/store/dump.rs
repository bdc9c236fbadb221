//! `dump.pm2` and the one before it.

use crate::sys::fault::{self, Point};
use crate::sys::read_as::read_whole;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The saved list of a home, in PM2's form.
#[derive(Debug, Clone)]
pub struct DumpFile {
    path: PathBuf,
    backup: PathBuf,
}

impl DumpFile {
    pub fn new(path: PathBuf, backup: PathBuf) -> Self {
        Self { path, backup }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file, and makes the one that was there the backup: whatever goes wrong when, one of them is whole.
    /// Readable by the owner alone, as the environment of apps is in it.
    pub fn write(&self, elements: &[serde_json::Value]) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::Builder::new().prefix("dump.").tempfile_in(directory)?;
        file.write_all(&serde_json::to_vec_pretty(elements)?)?;
        file.as_file().sync_all()?;
        fault::point(Point::DumpWritten);
        self.back_up()?;
        fault::point(Point::DumpBackedUp);
        file.persist(&self.path).map_err(|error| error.error)?;
        fault::point(Point::DumpReplaced);
        File::open(directory)?.sync_all()
    }

    /// One that cannot be read takes the place of none that can.
    fn back_up(&self) -> io::Result<()> {
        let bytes = match read_whole(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let is_list = serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(&bytes).is_ok();
        let second = self.path.with_extension("pm2.linked");
        let _ = fs::remove_file(&second);
        fs::hard_link(&self.path, &second).or_else(|_| fs::copy(&self.path, &second).map(drop))?;
        fs::rename(&second, if is_list { self.backup.clone() } else { self.path.with_extension("pm2.damaged") })?;
        // Two names of one file are not renamed to one another.
        let _ = fs::remove_file(&second);
        Ok(())
    }

    /// Removes what was being written when its writer was killed. Only for the one who alone writes here.
    pub fn sweep(&self) {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let Ok(entries) = fs::read_dir(directory) else { return };
        let is_temporary = |name: &str| {
            name == "dump.pm2.linked"
                || name.strip_prefix("dump.").is_some_and(|rest| rest.len() == 6 && !rest.contains('.'))
        };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_str().is_some_and(is_temporary) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    fn home() -> (tempfile::TempDir, DumpFile) {
        let directory = tempfile::tempdir().unwrap();
        let file = DumpFile::new(directory.path().join("dump.pm2"), directory.path().join("dump.pm2.bak"));
        (directory, file)
    }

    fn names(directory: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_one_before_is_the_backup() {
        let (directory, file) = home();
        file.write(&[json!({"name": "a"})]).unwrap();
        assert_eq!(names(&directory), ["dump.pm2"]);
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "[\n  {\n    \"name\": \"a\"\n  }\n]");
        file.write(&[]).unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "[]");
        assert!(fs::read_to_string(directory.path().join("dump.pm2.bak")).unwrap().contains("\"a\""));
        assert_eq!(names(&directory), ["dump.pm2", "dump.pm2.bak"]);
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        // Twice the same is no reason to stumble.
        file.write(&[]).unwrap();
        assert_eq!(names(&directory), ["dump.pm2", "dump.pm2.bak"]);
    }

    #[test]
    fn garbage_takes_the_place_of_no_backup() {
        let (directory, file) = home();
        file.write(&[json!(1)]).unwrap();
        file.write(&[json!(2)]).unwrap();
        fs::write(file.path(), "[{").unwrap();
        file.write(&[json!(3)]).unwrap();
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!((read("dump.pm2.bak").as_str(), read("dump.pm2.damaged").as_str()), ("[\n  1\n]", "[{"));
    }

    #[test]
    fn what_killed_writers_have_left_is_swept() {
        let (directory, file) = home();
        file.write(&[]).unwrap();
        for name in ["dump.a1B2c3", "dump.pm2.linked", "dump.pm2.bak", "dump.json.old"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        file.sweep();
        assert_eq!(names(&directory), ["dump.json.old", "dump.pm2", "dump.pm2.bak"]);
    }

    #[test]
    fn where_nothing_can_be_written_all_stays() {
        let nowhere = DumpFile::new("/no/such/directory/dump.pm2".into(), "/no/such/directory/dump.pm2.bak".into());
        assert!(nowhere.write(&[]).is_err());
    }
}
