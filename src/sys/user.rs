//! Who we are, and who else there is.

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, fchown, getgrouplist};
use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

pub fn effective_uid() -> u32 {
    Uid::effective().as_raw()
}

/// The home directory that the password database knows for us.
pub fn home_directory() -> Option<PathBuf> {
    User::from_uid(Uid::effective()).ok().flatten().map(|user| user.dir)
}

/// The home directory of a user.
pub fn home_of(uid: u32) -> Option<PathBuf> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.dir)
}

/// Our login name.
pub fn name() -> Option<String> {
    name_of(effective_uid())
}

/// The login name of a user.
pub fn name_of(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// The name of a group.
pub fn group_name(gid: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
}

/// A user with all the groups it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary ones.
    pub groups: Vec<u32>,
}

impl Ids {
    /// Whether a process of ours that is left as it is has this user and group already.
    pub fn are_ours(&self) -> bool {
        self.uid == effective_uid() && self.gid == Gid::effective().as_raw()
    }
}

/// Makes the user the owner of an open file.
pub fn give(file: BorrowedFd<'_>, ids: &Ids) -> io::Result<()> {
    Ok(fchown(file, Some(Uid::from_raw(ids.uid)), Some(Gid::from_raw(ids.gid)))?)
}

/// Why a user and a group, by name or by number, are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownIds {
    User(String),
    Group(String),
    /// A number that the password database doesn't have, and no group beside it.
    GroupOf(u32),
    /// The databases cannot be read.
    Database(Errno),
}

impl fmt::Display for UnknownIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "there is no user {name}"),
            Self::Group(name) => write!(f, "there is no group {name}"),
            Self::GroupOf(uid) => write!(f, "user {uid} has no entry that names its group; give a group too"),
            Self::Database(errno) => write!(f, "users and groups cannot be looked up: {errno}"),
        }
    }
}

/// A user and a group as people write them, with the supplementary groups of that user. Without a user it is us;
/// without a group it is the user's own.
pub fn resolve(user: Option<&str>, group: Option<&str>) -> Result<Ids, UnknownIds> {
    let (uid, entry) = match user {
        Some(user) => user_of(user)?,
        None => entry_of(Uid::effective())?,
    };
    let gid = match (group, &entry) {
        (Some(group), _) => group_of(group)?,
        (None, Some(entry)) => entry.gid,
        (None, None) => return Err(UnknownIds::GroupOf(uid.as_raw())),
    };
    let groups = match entry.and_then(|entry| CString::new(entry.name).ok()) {
        Some(name) => getgrouplist(&name, gid).map_err(UnknownIds::Database)?,
        None => vec![gid],
    };
    Ok(Ids { uid: uid.as_raw(), gid: gid.as_raw(), groups: groups.into_iter().map(Gid::as_raw).collect() })
}

fn entry_of(uid: Uid) -> Result<(Uid, Option<User>), UnknownIds> {
    User::from_uid(uid).map(|entry| (uid, entry)).map_err(UnknownIds::Database)
}

/// A name that consists of digits is a name first, as in every tool.
fn user_of(text: &str) -> Result<(Uid, Option<User>), UnknownIds> {
    if let Some(entry) = User::from_name(text).map_err(UnknownIds::Database)? {
        return Ok((entry.uid, Some(entry)));
    }
    number(text).map_or_else(|| Err(UnknownIds::User(text.to_owned())), |uid| entry_of(Uid::from_raw(uid)))
}

fn group_of(text: &str) -> Result<Gid, UnknownIds> {
    if let Some(entry) = Group::from_name(text).map_err(UnknownIds::Database)? {
        return Ok(entry.gid);
    }
    number(text).map(Gid::from_raw).ok_or_else(|| UnknownIds::Group(text.to_owned()))
}

/// The highest number means "leave it" to the system calls.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_and_by_number() {
        let root = resolve(Some("root"), None).unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0), "{root:?}");
        assert_eq!(resolve(Some("0"), None).unwrap(), root);
        assert_eq!(resolve(Some("root"), Some("12345")).unwrap().gid, 12345);
        assert_eq!(resolve(Some("54321"), Some("root")).unwrap(), Ids { uid: 54321, gid: 0, groups: vec![0] });
    }

    #[test]
    fn a_group_alone_leaves_the_user() {
        let ids = resolve(None, Some("12345")).unwrap();
        assert_eq!((ids.uid, ids.gid), (effective_uid(), 12345));
        assert!(ids.groups.contains(&12345) && !ids.are_ours());
    }

    #[test]
    fn unknown_ones_are_named() {
        let message = |user, group| resolve(user, group).unwrap_err().to_string();
        assert_eq!(message(Some("no-such-user"), None), "there is no user no-such-user");
        assert_eq!(message(None, Some("no-such-group")), "there is no group no-such-group");
        assert!(message(Some("54321"), None).contains("give a group too"));
        assert_eq!(resolve(Some("4294967295"), Some("0")).unwrap_err(), UnknownIds::User("4294967295".into()));
        assert_eq!(resolve(Some("-1"), Some("0")).unwrap_err(), UnknownIds::User("-1".into()));
    }
}
