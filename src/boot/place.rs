//! Files of the system: written whole or not at all, and only where they would change.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Written,
    Linked,
    Copied,
    Removed,
    /// It was so already.
    Same,
}

impl Done {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Linked => "linked",
            Self::Copied => "copied",
            Self::Removed => "removed",
            Self::Same => "unchanged",
        }
    }
}

/// A file, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub done: Done,
    pub path: PathBuf,
}

/// The file system that files of the init system belong in.
#[derive(Debug, Clone)]
pub struct Place {
    root: PathBuf,
}

impl Place {
    /// Another root than the machine's own: an image's.
    pub fn new(root: Option<&Path>) -> Self {
        Self { root: root.unwrap_or_else(|| Path::new("/")).to_owned() }
    }

    /// Where a path of the machine is.
    pub fn at(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub fn read(&self, path: &Path) -> Option<String> {
        fs::read_to_string(self.at(path)).ok()
    }

    pub fn write(&self, path: &Path, text: &str, mode: u32) -> io::Result<Step> {
        let file = self.at(path);
        let has_mode = fs::metadata(&file).is_ok_and(|found| found.permissions().mode() & 0o777 == mode);
        if has_mode && self.read(path).as_deref() == Some(text) {
            return Ok(step(Done::Same, path));
        }
        replace(&file, |new| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(new)?;
            file.write_all(text.as_bytes())?;
            file.set_permissions(Permissions::from_mode(mode))?;
            file.sync_all()
        })?;
        Ok(step(Done::Written, path))
    }

    /// A link at `path`, to a path of the machine.
    pub fn link(&self, path: &Path, target: &Path) -> io::Result<Step> {
        if self.is_link(path, target) {
            return Ok(step(Done::Same, path));
        }
        replace(&self.at(path), |new| symlink(target, new))?;
        Ok(step(Done::Linked, path))
    }

    pub fn is_link(&self, path: &Path, target: &Path) -> bool {
        let file = self.at(path);
        // Others write relative ones.
        fs::read_link(&file).is_ok_and(|found| found == target || found.file_name() == target.file_name())
    }

    /// `None`: it was not there.
    pub fn remove(&self, path: &Path) -> io::Result<Option<Step>> {
        match fs::remove_file(self.at(path)) {
            Ok(()) => Ok(Some(step(Done::Removed, path))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn step(done: Done, path: &Path) -> Step {
    Step { done, path: path.to_owned() }
}

/// Makes something beside the path, and has it take the path's place.
fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let new = folder.join(name);
    // One of a process that had our number, and was killed.
    let _ = fs::remove_file(&new);
    make(&new).and_then(|()| fs::rename(&new, path)).inspect_err(|_| _ = fs::remove_file(&new))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_change_once() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::new(Some(root.path()));
        let path = Path::new("/etc/init.d/x");
        let write = |text, mode| place.write(path, text, mode).unwrap().done;
        assert_eq!(
            [write("a", 0o755), write("a", 0o755), write("b", 0o755), write("b", 0o644)],
            [Done::Written, Done::Same, Done::Written, Done::Written]
        );
        assert_eq!(fs::metadata(root.path().join("etc/init.d/x")).unwrap().permissions().mode() & 0o777, 0o644);
        let link = Path::new("/etc/runlevels/default/x");
        let linked = || place.link(link, path).unwrap().done;
        assert_eq!([linked(), linked()], [Done::Linked, Done::Same]);
        assert_eq!(fs::read_dir(root.path().join("etc/init.d")).unwrap().count(), 1, "nothing temporary is left");
        assert_eq!(place.remove(link).unwrap().unwrap().done, Done::Removed);
        assert_eq!(place.remove(link).unwrap(), None);
    }
}
