//! The directories that are watched for one app: by watch, by path, and by what they are on the disk.

use crate::sys::inotify::WatchId;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[derive(Debug, Default)]
pub(super) struct Directories {
    /// A watch may stand for several: links and names on the way lead to the same directory.
    nodes: BTreeMap<WatchId, Vec<Node>>,
    /// Those that are watched for all that is in them. Below a path they stand in a row.
    paths: BTreeMap<PathBuf, (WatchId, Inode)>,
    /// A directory that links lead to twice is watched once.
    inodes: BTreeSet<Inode>,
    /// Watches that this app needs no more.
    dropped: Vec<WatchId>,
}

/// Its file system, and its number there.
pub(super) type Inode = (u64, u64);

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) path: PathBuf,
    pub(super) role: Role,
}

/// Why a directory is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// For all that is in it.
    Directory,
    /// For one file in it.
    File(OsString),
    /// For a name on the way to what is watched.
    Way(OsString),
}

impl Directories {
    /// How many are watched for all that is in them.
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    pub(super) fn uses(&self, id: WatchId) -> bool {
        self.nodes.contains_key(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = WatchId> {
        self.nodes.keys().copied()
    }

    /// What a watch stands for.
    pub(super) fn of(&self, id: WatchId) -> Vec<Node> {
        self.nodes.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn has(&self, inode: Inode) -> bool {
        self.inodes.contains(&inode)
    }

    /// One that is watched for a name in it.
    pub(super) fn add(&mut self, id: WatchId, path: PathBuf, role: Role) {
        self.nodes.entry(id).or_default().push(Node { path, role });
    }

    /// One that is watched for all that is in it.
    pub(super) fn add_whole(&mut self, id: WatchId, path: PathBuf, inode: Inode) {
        self.paths.insert(path.clone(), (id, inode));
        self.inodes.insert(inode);
        self.add(id, path, Role::Directory);
    }

    /// The system has ended a watch.
    pub(super) fn unwatched(&mut self, id: WatchId) {
        for node in self.nodes.remove(&id).into_iter().flatten().filter(|node| node.role == Role::Directory) {
            self.forget(&node.path);
        }
    }

    pub(super) fn drop_all(&mut self) {
        self.dropped.extend(std::mem::take(&mut self.nodes).into_keys());
        self.paths.clear();
        self.inodes.clear();
    }

    /// Those that can be ended.
    pub(super) fn take_dropped(&mut self) -> Vec<WatchId> {
        std::mem::take(&mut self.dropped)
    }

    /// It is elsewhere, or another has its name: what was watched below it is not ours any more.
    pub(super) fn uproot(&mut self, path: &Path) {
        let below = self.paths.range(path.to_owned()..).take_while(|(below, _)| below.starts_with(path));
        let below: Vec<_> = below.map(|(below, (id, _))| (below.clone(), *id)).collect();
        for (directory, id) in below {
            self.forget(&directory);
            let is_other = |node: &Node| node.role != Role::Directory || node.path != directory;
            let left = self.nodes.get_mut(&id).map(|nodes| {
                nodes.retain(is_other);
                nodes.len()
            });
            if left == Some(0) {
                self.nodes.remove(&id);
                self.dropped.push(id);
            }
        }
    }

    fn forget(&mut self, path: &Path) {
        if let Some((_, inode)) = self.paths.remove(path) {
            self.inodes.remove(&inode);
        }
    }
}
