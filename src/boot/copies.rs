//! Copies of our programs in the home: what an init system can name for years. Where a package manager has put us is gone
//! after `nvm uninstall`, after `npm uninstall`, or for the moment in which `npm install` replaces it.
//!
//! ```text
//! <home>/bin ─▶ programs/<identity>/{rpm, rpm-guardian}
//! ```
//! Both programs change at once, as the link does. They follow the daemon: each that starts renews them, so that
//! the next boot never begins with an older one than the one that has written the list.

use super::place::{Done, Step};
use crate::paths::Home;
use crate::sys::launch::guardian_of;
use crate::sys::lock::FileLock;
use crate::sys::read_as::acting_as;
use crate::sys::user::Ids;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const RPM: &str = "rpm";
const GUARDIAN: &str = "rpm-guardian";

/// The two programs, open: whoever the copies are for may be unable to reach them.
#[derive(Debug)]
pub struct Copies {
    rpm: File,
    guardian: File,
}

impl Copies {
    /// Of the program that runs.
    pub fn of_us() -> io::Result<Self> {
        let guardian = guardian_of(&std::env::current_exe()?);
        let opened = |path: &Path| {
            File::open(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        };
        Ok(Self { rpm: opened(Path::new("/proc/self/exe"))?, guardian: opened(&guardian)? })
    }

    /// Puts them into the home, as the user that it belongs to. Whether anything has changed.
    pub fn put_into(&self, home: &Home, owner: Option<&Ids>) -> io::Result<bool> {
        acting_as(owner, || {
            DirBuilder::new().recursive(true).mode(0o700).create(home.run())?;
            // Not in the folder itself, which is removed with everything in it.
            let _alone = FileLock::take(&home.programs_lock())?;
            DirBuilder::new().recursive(true).mode(0o700).create(home.programs())?;
            self.put(home)
        })
    }

    fn put(&self, home: &Home) -> io::Result<bool> {
        let name = self.identity()?;
        let target = Path::new("programs").join(&name);
        let before = fs::read_link(home.programs_link()).ok();
        let folder = home.programs().join(&name);
        if before.as_ref() == Some(&target) && folder.join(GUARDIAN).exists() {
            return Ok(false);
        }
        self.write(&folder)?;
        relink(home, &target)?;
        sweep(home, &[Some(target), before]);
        Ok(true)
    }

    /// Other programs have another one: npm gives each file of a package the same time.
    fn identity(&self) -> io::Result<OsString> {
        let mut name = OsString::from(env!("CARGO_PKG_VERSION"));
        for file in [&self.rpm, &self.guardian] {
            let metadata = file.metadata()?;
            name.push(format!("-{:x}.{:x}.{:x}", metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
        }
        Ok(name)
    }

    /// The folder is there whole or not at all.
    fn write(&self, folder: &Path) -> io::Result<()> {
        let new = temporary(folder);
        remove_folder(&new)?;
        DirBuilder::new().mode(0o755).create(&new)?;
        let copied = copy(&self.rpm, &new.join(RPM)).and_then(|()| copy(&self.guardian, &new.join(GUARDIAN)));
        if let Err(error) = copied.and_then(|()| File::open(&new)?.sync_all()) {
            // On a disk that is full it is the last that is to stay there.
            let _ = fs::remove_dir_all(&new);
            return Err(error);
        }
        // One with something missing: a part of it has been removed by hand.
        remove_folder(folder)?;
        fs::rename(&new, folder)
    }
}

impl Copies {
    /// Takes them out of the home; what was there.
    pub fn remove(home: &Home, owner: Option<&Ids>) -> io::Result<Option<Step>> {
        let link = home.programs_link();
        acting_as(owner, || {
            if fs::read_link(&link).is_err() {
                return Ok(None);
            }
            let _alone = FileLock::take(&home.programs_lock())?;
            fs::remove_file(&link)?;
            remove_folder(&home.programs())?;
            Ok(Some(Step { done: Done::Removed, path: link.clone() }))
        })
    }
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn copy(from: &File, to: &Path) -> io::Result<()> {
    // Each reader has its own place in it.
    let mut from = File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(from)))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(to)?;
    io::copy(&mut from, &mut file)?;
    // A daemon that is started from the copy finds itself in it.
    file.set_modified(from.metadata()?.modified()?)?;
    file.set_permissions(Permissions::from_mode(0o755))?;
    file.sync_all()
}

fn relink(home: &Home, target: &Path) -> io::Result<()> {
    let link = home.programs_link();
    let new = temporary(&link);
    let _ = fs::remove_file(&new);
    symlink(target, &new)?;
    fs::rename(&new, &link).map_err(|error| {
        let _ = fs::remove_file(&new);
        io::Error::new(error.kind(), format!("{} is in the way: {error}", link.display()))
    })?;
    File::open(home.root())?.sync_all()
}

/// Beside it, and nobody else's.
fn temporary(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

/// Removes all but those that are in use, and those that were until now: a command may be running from them.
fn sweep(home: &Home, kept: &[Option<PathBuf>]) {
    let entries = fs::read_dir(home.programs()).into_iter().flatten().flatten();
    for entry in entries {
        let path = Path::new("programs").join(entry.file_name());
        if !kept.iter().flatten().any(|kept| *kept == path) {
            // What cannot be removed now can be the next time.
            let _ = remove_folder(&entry.path());
        }
    }
}

/// Has the copies, where there are any, be those of the daemon that runs. They are files of some megabytes, for which
/// nobody waits.
pub fn refresh_beside(home: &Home) {
    if fs::read_link(home.programs_link()).is_err() {
        return;
    }
    let home = home.clone();
    // Without a thread they are as they were; the next daemon tries again.
    let _ = std::thread::Builder::new().name("rpm-copies".into()).spawn(move || refresh(&home));
}

fn refresh(home: &Home) {
    match Copies::of_us().and_then(|copies| copies.put_into(home, None)) {
        Ok(true) => tracing::info!("the next boot of the machine starts this version"),
        Ok(false) => {}
        Err(error) => tracing::warn!("the next boot of the machine starts the version before: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(directory: &Path, content: &str) -> Copies {
        let file = |name: &str| {
            let path = directory.join(name);
            fs::write(&path, content).unwrap();
            File::open(path).unwrap()
        };
        Copies { rpm: file("a"), guardian: file("b") }
    }

    #[test]
    fn both_programs_change_at_once_and_only_when_they_are_others() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().join("home"));
        let read = |name: &str| fs::read_to_string(home.programs_link().join(name)).unwrap();
        let first = copies(directory.path(), "one");
        assert!(first.put_into(&home, None).unwrap());
        assert_eq!((read(RPM), read(GUARDIAN)), ("one".to_owned(), "one".to_owned()));
        assert!(!first.put_into(&home, None).unwrap());
        let mode = fs::metadata(home.programs_link().join(RPM)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        for content in ["second", "the third"] {
            assert!(copies(directory.path(), content).put_into(&home, None).unwrap());
            assert_eq!((read(RPM), read(GUARDIAN)), (content.to_owned(), content.to_owned()));
        }
        let left = fs::read_dir(home.programs()).unwrap().count();
        assert_eq!(left, 2, "those that are used, and those before");
        assert_eq!(fs::read_dir(home.root()).unwrap().count(), 3, "nothing temporary is left");
    }

    #[test]
    fn several_at_once_come_one_after_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().join("home"));
        std::thread::scope(|scope| {
            for content in ["a", "bb", "ccc", "dddd"] {
                let own = directory.path().join(content);
                fs::create_dir(&own).unwrap();
                let (copies, home) = (copies(&own, content), &home);
                scope.spawn(move || assert!(copies.put_into(home, None).unwrap()));
            }
        });
        let read = |name: &str| fs::read_to_string(home.programs_link().join(name)).unwrap();
        assert_eq!(read(RPM), read(GUARDIAN));
        assert_eq!(fs::read_dir(home.programs()).unwrap().count(), 2);
    }

    #[test]
    fn what_does_not_fit_on_the_disk_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().join("home"));
        let mut copies = copies(directory.path(), "x");
        // One that cannot be read takes the same way as one that cannot be written.
        copies.guardian = File::open(directory.path()).unwrap();
        copies.put_into(&home, None).unwrap_err();
        assert_eq!(fs::read_dir(home.programs()).unwrap().count(), 0);
    }

    #[test]
    fn copies_of_copies_are_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().join("home"));
        copies(directory.path(), "x").put_into(&home, None).unwrap();
        let open = |name: &str| File::open(home.programs_link().join(name)).unwrap();
        let again = Copies { rpm: open(RPM), guardian: open(GUARDIAN) };
        assert!(!again.put_into(&home, None).unwrap());
    }

    #[test]
    fn what_is_damaged_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().join("home"));
        let copies = copies(directory.path(), "x");
        copies.put_into(&home, None).unwrap();
        fs::remove_file(home.programs_link().join(GUARDIAN)).unwrap();
        assert!(copies.put_into(&home, None).unwrap());
        assert!(home.programs_link().join(GUARDIAN).exists());
    }

    #[test]
    fn somebody_elses_folder_stays() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().join("home"));
        fs::create_dir_all(home.root().join("bin")).unwrap();
        fs::write(home.root().join("bin/own"), "").unwrap();
        let error = copies(directory.path(), "x").put_into(&home, None).unwrap_err();
        assert!(error.to_string().contains("is in the way"), "{error}");
        assert!(home.root().join("bin/own").exists());
    }
}
