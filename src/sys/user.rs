//! Who we are.

use nix::unistd::{Uid, User};
use std::path::PathBuf;

pub fn effective_uid() -> u32 {
    Uid::effective().as_raw()
}

/// A user with all the groups it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary ones.
    pub groups: Vec<u32>,
}

/// The home directory that the password database knows for us.
pub fn home_directory() -> Option<PathBuf> {
    User::from_uid(Uid::effective()).ok().flatten().map(|user| user.dir)
}

/// Our login name.
pub fn name() -> Option<String> {
    name_of(effective_uid())
}

/// The login name of a user.
pub fn name_of(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}
