//! Where descriptors are put that must outlive whoever uses them: pipes, channels, listeners.
//!
//! Everything that holds such a descriptor does it through [`Keep`], under a name, so that a keeper outside this
//! process can stand behind the same calls. What a keeper has held for a program that has ended comes back as an
//! [`Inheritance`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// The longest name, in bytes.
pub const LONGEST_NAME: usize = 200;
/// The longest tag, in bytes.
pub const LONGEST_TAG: usize = 3500;

/// A store of descriptors by name.
pub trait Keep: std::fmt::Debug {
    /// Stores the descriptor under a name, with a few bytes that say what it is; an existing name is replaced.
    /// It is safe once [`Self::settle`] has said so.
    fn put(&self, name: &str, tag: &[u8], fd: &Arc<OwnedFd>) -> io::Result<()>;
    /// Notes a descriptor that the keeper itself needs not have, but that whoever takes the keeper's place does.
    fn note(&self, _name: &str, _fd: &Arc<OwnedFd>) {}
    /// Waits until everything put so far is stored. An error means that some of it is not.
    fn settle(&self) -> io::Result<()>;
    /// Drops what is stored under the name, if anything. The descriptor stays open only where its user has it.
    fn forget(&self, name: &str);
}

/// Keeps nothing beyond this process: for programs that take their apps with them.
#[derive(Debug, Default)]
pub struct LocalKeep {
    names: RefCell<BTreeSet<String>>,
}

impl LocalKeep {
    /// All names, for tests of who forgets.
    pub fn names(&self) -> Vec<String> {
        self.names.borrow().iter().cloned().collect()
    }
}

impl Keep for LocalKeep {
    fn put(&self, name: &str, _tag: &[u8], _fd: &Arc<OwnedFd>) -> io::Result<()> {
        self.names.borrow_mut().insert(name.to_owned());
        Ok(())
    }

    fn settle(&self) -> io::Result<()> {
        Ok(())
    }

    fn forget(&self, name: &str) {
        self.names.borrow_mut().remove(name);
    }
}

/// A descriptor that a keeper has held, with what was said of it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub name: String,
    pub tag: Vec<u8>,
    pub fd: Arc<OwnedFd>,
}

/// What a keeper has held for the program before this one. Each is taken once; what nobody takes is forgotten.
#[derive(Debug, Default)]
pub struct Inheritance {
    kept: BTreeMap<String, Kept>,
}

impl Inheritance {
    pub fn add(&mut self, kept: Kept) {
        self.kept.insert(kept.name.clone(), kept);
    }

    pub fn take(&mut self, name: &str) -> Option<Kept> {
        self.kept.remove(name)
    }

    /// Takes all whose name begins so.
    pub fn take_all(&mut self, prefix: &str) -> Vec<Kept> {
        let names: Vec<String> = self.names().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect();
        names.iter().filter_map(|name| self.take(name)).collect()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kept.keys().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}
