//! Where descriptors are put that must outlive whoever uses them: pipes, channels, listeners.
//!
//! Everything that holds such a descriptor does it through [`Keep`], under a name, so that a keeper outside this
//! process can stand behind the same calls.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A store of descriptors by name.
pub trait Keep: std::fmt::Debug {
    /// Stores a copy; an existing name is replaced.
    fn put(&self, name: &str, fd: BorrowedFd<'_>) -> io::Result<()>;
    /// A copy of what is stored.
    fn take(&self, name: &str) -> io::Result<Option<OwnedFd>>;
    fn forget(&self, name: &str);
    /// All names, for the audit that finds what was left behind.
    fn names(&self) -> Vec<String>;
}

/// Keeps nothing beyond this process, and so needs no copies: the user's own descriptor is as good.
#[derive(Debug, Default)]
pub struct LocalKeep {
    names: RefCell<BTreeSet<String>>,
}

impl Keep for LocalKeep {
    fn put(&self, name: &str, _fd: BorrowedFd<'_>) -> io::Result<()> {
        self.names.borrow_mut().insert(name.to_owned());
        Ok(())
    }

    fn take(&self, _name: &str) -> io::Result<Option<OwnedFd>> {
        Ok(None)
    }

    fn forget(&self, name: &str) {
        self.names.borrow_mut().remove(name);
    }

    fn names(&self) -> Vec<String> {
        self.names.borrow().iter().cloned().collect()
    }
}
