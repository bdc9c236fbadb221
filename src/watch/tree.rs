//! What is watched of one app: which directories, as they come and go, and what of it is a change.

use super::directories::{Directories, Node, Role};
use super::handle::Wanted;
use super::ignore::Ignore;
use super::pending::{LONGEST, Pending};
use super::reach;
use crate::domain::{BootMs, UnixMs};
use crate::sys::inotify::{Event, Refusal, WatchId, Watches, What, most_watches};
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Directories of one app. More are a mistake, such as a watched `/`.
pub(super) const MOST: usize = 10_000;

#[derive(Debug)]
pub(super) struct Tree {
    wanted: Wanted,
    most: usize,
    ignore: Ignore,
    pub(super) directories: Directories,
    /// Roots that have been there, one of which is gone now.
    seen: BTreeSet<PathBuf>,
    is_missing: bool,
    is_stale: bool,
    pub(super) problem: Option<String>,
    pub(super) pending: Pending,
}

/// Which of the files that are found count as changes.
#[derive(Debug, Clone, Copy)]
enum Found {
    Old,
    New(BootMs),
    ChangedSince(UnixMs, BootMs),
}

impl Tree {
    pub(super) fn new(wanted: Wanted, most: usize, watches: &Watches, now: BootMs) -> Self {
        let ignore = Ignore::new(&wanted.base, &wanted.ignore, wanted.never.clone());
        let found = wanted.since.map_or(Found::Old, |since| Found::ChangedSince(since, now));
        let mut tree = Self {
            wanted,
            most,
            ignore,
            directories: Directories::default(),
            seen: BTreeSet::new(),
            is_missing: false,
            is_stale: false,
            problem: None,
            pending: Pending::default(),
        };
        tree.plant(found, watches);
        tree
    }

    /// When what has changed is told. What is watched may be about to be put back: a deployment removes it first.
    pub(super) fn deadline(&self) -> Option<BootMs> {
        let deadline = self.pending.deadline(self.wanted.quiet)?;
        Some(if self.is_missing { self.pending.began().saturating_add(LONGEST) } else { deadline })
    }

    /// Looks at everything anew: what was told may be only half of it.
    pub(super) fn replant(&mut self, watches: &Watches) {
        self.is_stale = false;
        self.directories.drop_all();
        self.plant(Found::Old, watches);
    }

    pub(super) fn overflowed(&mut self, now: BootMs) {
        self.pending.note(self.wanted.base.clone(), false, now);
        self.is_stale = true;
    }

    /// What events have left to do.
    pub(super) fn settle(&mut self, watches: &Watches) {
        if self.is_stale {
            self.replant(watches);
        }
    }

    fn plant(&mut self, found: Found, watches: &Watches) {
        self.problem = None;
        self.is_missing = false;
        for root in self.wanted.roots.clone() {
            for (directory, name) in reach::names(&root) {
                self.watch(watches.add_names(&directory), directory, Role::Way(name));
            }
            match fs::metadata(&root) {
                Ok(metadata) if metadata.is_dir() => self.grow(&root, found, watches),
                Ok(metadata) => {
                    if let (Some(parent), Some(name)) = (root.parent(), root.file_name()) {
                        self.watch(watches.add(parent), parent.to_owned(), Role::File(name.to_owned()));
                    }
                    self.found(&root, &metadata, found);
                }
                Err(_) => {
                    self.is_missing |= self.seen.contains(&root);
                    continue;
                }
            }
            self.seen.insert(root);
        }
    }

    fn watch(&mut self, watched: Result<WatchId, Refusal>, path: PathBuf, role: Role) {
        match watched {
            Ok(id) => self.directories.add(id, path, role),
            Err(Refusal::NoRoom) => self.no_room(),
            Err(Refusal::Unreachable) => {}
        }
    }

    /// Watches a directory and all below it.
    fn grow(&mut self, top: &Path, found: Found, watches: &Watches) {
        let mut rest = vec![top.to_owned()];
        while let Some(directory) = rest.pop() {
            let Ok(metadata) = fs::metadata(&directory) else { continue };
            let inode = (metadata.dev(), metadata.ino());
            if self.directories.has(inode) {
                continue;
            }
            if self.directories.len() >= self.most {
                self.problem = Some(format!(
                    "only {} of its directories are watched: ignore those that don't matter (ignore_watch), or name \
                     those that do (watch)",
                    self.most
                ));
                return;
            }
            // Before it is read: what comes in between is told.
            match watches.add(&directory) {
                Ok(id) => self.directories.add_whole(id, directory.clone(), inode),
                Err(Refusal::NoRoom) => return self.no_room(),
                Err(Refusal::Unreachable) => continue,
            }
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let Ok(metadata) = fs::metadata(&path) else { continue };
                if self.ignore.is_ignored(&path, metadata.is_dir()) {
                    continue;
                }
                if metadata.is_dir() {
                    rest.push(path);
                } else {
                    self.found(&path, &metadata, found);
                }
            }
        }
    }

    fn found(&mut self, path: &Path, metadata: &Metadata, found: Found) {
        match found {
            Found::Old => {}
            Found::New(now) => self.pending.note(path.to_owned(), true, now),
            Found::ChangedSince(since, now) => {
                // Not the time of its content, which a copy may keep.
                let changed = metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000;
                if changed > since {
                    self.pending.note(path.to_owned(), false, now);
                }
            }
        }
    }

    fn no_room(&mut self) {
        let most = most_watches();
        let allowed = most.map_or_else(|| "no more".to_owned(), |most| format!("no more than {most}"));
        let raised = most.unwrap_or(8192).saturating_mul(4).max(65_536);
        self.problem = Some(format!(
            "only {} of its directories are watched: the system allows {allowed} for all programs of a user; ignore \
             those that don't matter (ignore_watch), or as root: sysctl fs.inotify.max_user_watches={raised}",
            self.directories.len()
        ));
    }

    pub(super) fn event(&mut self, event: &Event, watches: &Watches, now: BootMs) {
        if event.what == What::Unwatched {
            return self.directories.unwatched(event.id);
        }
        let Some(name) = &event.name else { return };
        for Node { path, role } in self.directories.of(event.id) {
            let path = path.join(name);
            match role {
                Role::Directory => self.in_directory(path, event, watches, now),
                Role::File(file) if file == *name => self.pending.note(path, false, now),
                Role::Way(part) if part == *name && event.what != What::Written => {
                    self.is_stale = true;
                    self.pending.note(path, false, now);
                }
                Role::File(_) | Role::Way(_) => {}
            }
        }
    }

    fn in_directory(&mut self, path: PathBuf, event: &Event, watches: &Watches, now: BootMs) {
        if self.ignore.is_ignored(&path, event.is_directory) {
            return;
        }
        match event.what {
            What::Created | What::MovedHere => {
                // A link to a directory is told as a file.
                if fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                    self.directories.uproot(&path);
                    self.grow(&path, Found::New(now), watches);
                } else if !event.is_directory {
                    self.pending.note(path, event.what == What::Created, now);
                }
            }
            What::Gone => {
                self.directories.uproot(&path);
                self.pending.note(path, false, now);
            }
            What::Written => self.pending.note(path, false, now),
            What::Uprooted | What::Unwatched | What::Overflow => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn wanted(root: &Path, ignore: &[&str]) -> Wanted {
        Wanted {
            roots: vec![root.to_owned()],
            base: root.to_owned(),
            ignore: ignore.iter().map(ToString::to_string).collect(),
            never: Vec::new(),
            quiet: Duration::ZERO,
            since: None,
        }
    }

    #[test]
    fn there_is_a_bound_and_ignoring_helps() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a/b/c", "d/e", "f"] {
            fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        let watches = Watches::new().unwrap();
        let bounded = Tree::new(wanted(directory.path(), &[]), 4, &watches, 0);
        let problem = bounded.problem.as_ref().unwrap();
        assert!(problem.starts_with("only 4 of its directories") && problem.contains("ignore_watch"), "{problem}");
        assert_eq!(bounded.directories.len(), 4);
        let fitting = Tree::new(wanted(directory.path(), &["d/", "b/"]), 4, &watches, 0);
        assert_eq!((fitting.directories.len(), &fitting.problem), (3, &None));
    }

    #[test]
    fn a_system_without_room_is_told_with_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(wanted(directory.path(), &[]), MOST, &Watches::new().unwrap(), 0);
        tree.watch(Err(Refusal::NoRoom), directory.path().to_owned(), Role::Directory);
        let problem = tree.problem.unwrap();
        let limit = most_watches().unwrap().to_string();
        assert!(problem.contains(&limit) && problem.contains("sysctl fs.inotify.max_user_watches="), "{problem}");
    }

    #[test]
    fn files_that_have_changed_since_are_changes() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("x.js"), "").unwrap();
        let metadata = fs::metadata(directory.path().join("x.js")).unwrap();
        let changed = metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000;
        let watches = Watches::new().unwrap();
        for (since, expected) in [(None, false), (Some(changed), false), (Some(changed - 1), true)] {
            let tree = Tree::new(Wanted { since, ..wanted(directory.path(), &[]) }, MOST, &watches, 5);
            assert_eq!(tree.pending.deadline(Duration::ZERO), expected.then_some(5), "{since:?}");
        }
    }
}
