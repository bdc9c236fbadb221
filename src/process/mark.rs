//! The mark that every process of a run carries in its environment, wherever it has gone.

use crate::domain::{ProcessId, SpawnId};
use crate::sys::launch::SPAWN_ID;
use crate::sys::proc;
use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// Tells the runs of one supervisor from those of all others, other machines' and containers' included, as far as their
/// processes can be seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm(Arc<str>);

/// A run, as it stands in the environment of its processes: `<realm>-<process id>-<run>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) realm: Realm,
    pub(super) id: ProcessId,
    pub(super) run: SpawnId,
}

impl Realm {
    /// Of a home: all its daemons have the same.
    pub fn of_home(home: &Path) -> Self {
        // A home of the same path in a container is another file.
        let inode = home.metadata().map_or((0, 0), |metadata| (metadata.dev(), metadata.ino()));
        let bytes = home.as_os_str().as_bytes().iter().copied();
        Self::numbered(fnv(bytes.chain(inode.0.to_le_bytes()).chain(inode.1.to_le_bytes())))
    }

    /// Of a supervisor that nobody goes on with.
    pub fn numbered(number: u64) -> Self {
        Self(format!("{number:016x}").into())
    }

    pub(super) fn mark(&self, id: ProcessId, run: SpawnId) -> Mark {
        Mark { realm: self.clone(), id, run }
    }

    /// The process and the run that a living process belongs to. `None` for those of others, and for what has no mark
    /// (any more), or one that we may not see.
    pub(super) fn owner(&self, pid: i32) -> Option<(ProcessId, SpawnId)> {
        self.parse(&proc::variable(pid, SPAWN_ID)?)
    }

    fn parse(&self, text: &str) -> Option<(ProcessId, SpawnId)> {
        let (id, run) = text.strip_prefix(&*self.0)?.strip_prefix('-')?.split_once('-')?;
        Some((ProcessId(id.parse().ok()?), SpawnId(run.parse().ok()?)))
    }
}

impl Mark {
    pub(super) fn put(&self, env: &mut BTreeMap<String, String>) {
        env.insert(SPAWN_ID.to_owned(), self.to_string());
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.realm.0, self.id, self.run)
    }
}

fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let realm = Realm::numbered(0xab);
        let mark = realm.mark(ProcessId(3), SpawnId(70));
        assert_eq!(mark.to_string(), "00000000000000ab-3-70");
        assert_eq!(realm.parse(&mark.to_string()), Some((ProcessId(3), SpawnId(70))));
        assert_eq!(Realm::numbered(0xac).parse(&mark.to_string()), None);
        for text in ["", "00000000000000ab", "00000000000000ab-3", "00000000000000ab-3-x", "00000000000000ab-3-70-1"] {
            assert_eq!(realm.parse(text), None, "{text}");
        }
    }

    #[test]
    fn another_home_at_the_same_path_is_another_realm() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let first = Realm::of_home(&home);
        assert_eq!(Realm::of_home(&home), first);
        std::fs::rename(&home, directory.path().join("before")).unwrap();
        std::fs::create_dir(&home).unwrap();
        assert_ne!(Realm::of_home(&home), first);
    }
}
