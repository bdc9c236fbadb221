//! Who holds a port or a unix socket, as far as we may see it.

use super::proc::{Stat, pids};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Descriptors that one look goes through: tens of milliseconds at most.
const MOST_DESCRIPTORS: usize = 200_000;
/// Several processes may have one socket: a server's children, a keeper of listeners.
const MOST_HOLDERS: usize = 8;
const LONGEST_COMMAND: usize = 120;
const MOST_ANCESTORS: usize = 32;

/// A process that has the socket open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: i32,
    pub command: String,
    pub user: Option<String>,
    /// Its parent, the parent's parent, and so on.
    pub ancestors: Vec<i32>,
    /// What it was told by a manager of apps: the variable `unique_id`.
    pub unique_id: Option<String>,
}

/// Who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Nobody listens there now.
    Free,
    By(Vec<Holder>),
    /// Somebody of that user, whose processes we may not look into.
    Unseen(Option<String>),
}

/// What may be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Of TCP or UDP, whatever the host.
    Port(u16),
    /// A unix socket.
    Path(PathBuf),
}

/// Who holds each of them: one look at all processes.
pub fn look(of: &[Address]) -> Vec<Held> {
    let sockets: Vec<Sockets> = of.iter().map(sockets).collect();
    let names = sockets.iter().enumerate();
    let names =
        names.flat_map(|(index, (inodes, _))| inodes.iter().map(move |inode| (format!("socket:[{inode}]"), index)));
    let names: BTreeMap<String, usize> = names.collect();
    let mut holders = holders(&names, of.len());
    let held = |(index, (inodes, uid)): (usize, Sockets)| match std::mem::take(&mut holders[index]) {
        _ if inodes.is_empty() => Held::Free,
        by if by.is_empty() => Held::Unseen(uid.and_then(super::user::name_of)),
        by => Held::By(by),
    };
    sockets.into_iter().enumerate().map(held).collect()
}

/// The kernel's numbers of what listens there, and whose it is.
type Sockets = (BTreeSet<u64>, Option<u32>);

fn sockets(of: &Address) -> Sockets {
    match of {
        Address::Port(port) => of_port(*port),
        Address::Path(path) => (of_path(path), None),
    }
}

fn of_port(port: u16) -> Sockets {
    let (mut sockets, mut user) = (BTreeSet::new(), None);
    for (table, listening) in [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")] {
        let text = fs::read_to_string(format!("/proc/self/net/{table}")).unwrap_or_default();
        for (inode, uid) in text.lines().skip(1).filter_map(|line| socket(line, port, listening)) {
            sockets.insert(inode);
            user = Some(uid);
        }
    }
    (sockets, user)
}

fn of_path(path: &Path) -> BTreeSet<u64> {
    let text = fs::read_to_string("/proc/self/net/unix").unwrap_or_default();
    let inode = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let inode = fields.nth(6)?.parse::<u64>().ok()?;
        (Path::new(fields.next()?) == path).then_some(inode)
    };
    text.lines().skip(1).filter_map(inode).collect()
}

/// Number and user of a line of `/proc/net/tcp`.
fn socket(line: &str, port: u16, state: &str) -> Option<(u64, u32)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let local = u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()?;
    let uid = fields.get(7)?.parse().ok()?;
    (local == port && *fields.get(3)? == state).then_some(())?;
    Some((fields.get(9)?.parse().ok()?, uid))
}

/// Processes that have a socket of that name open, by the number that the name has.
fn holders(names: &BTreeMap<String, usize>, count: usize) -> Vec<Vec<Holder>> {
    let mut found: Vec<Vec<Holder>> = vec![Vec::new(); count];
    let mut looked_at = 0;
    if names.is_empty() {
        return found;
    }
    for pid in pids() {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
        let mut has: BTreeSet<usize> = BTreeSet::new();
        for descriptor in descriptors {
            looked_at += 1;
            if looked_at > MOST_DESCRIPTORS {
                return found;
            }
            let to = fs::read_link(descriptor.path()).ok();
            has.extend(to.and_then(|to| names.get(to.to_str()?).copied()));
        }
        for index in has {
            if found[index].len() < MOST_HOLDERS {
                found[index].push(holder(pid));
            }
        }
    }
    found
}

fn holder(pid: i32) -> Holder {
    use std::os::unix::fs::MetadataExt;
    let of = fs::metadata(format!("/proc/{pid}")).ok();
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let unique_id = environment.split(|byte| *byte == 0).find_map(|pair| pair.strip_prefix(b"unique_id="));
    Holder {
        pid,
        command: command(pid),
        user: of.and_then(|of| super::user::name_of(of.uid())),
        ancestors: ancestors(pid),
        unique_id: unique_id.map(|id| String::from_utf8_lossy(id).into_owned()),
    }
}

fn command(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    let name = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let text = if text.trim().is_empty() { name() } else { text };
    text.trim().chars().take(LONGEST_COMMAND).collect()
}

fn ancestors(pid: i32) -> Vec<i32> {
    let parent = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Stat::parse(&stat)?.parent).filter(|parent| *parent > 1)
    };
    std::iter::successors(parent(&pid), parent).take(MOST_ANCESTORS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_listener_of_ours_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let look_at = || look(&[Address::Port(port), Address::Path(path.clone())]);
        let is_ours = |held: &Held| {
            matches!(held, Held::By(holders) if holders.iter().any(|holder| {
                holder.pid == std::process::id() as i32 && !holder.command.is_empty() && holder.user.is_some()
            }))
        };
        let held = look_at();
        assert!(is_ours(&held[0]), "{held:?}");
        assert_eq!(held[1], Held::Free);
        let _listener = UnixListener::bind(&path).unwrap();
        assert!(look_at().iter().all(is_ours), "{:?}", look_at());
    }

    #[test]
    fn only_listeners_of_that_port_count() {
        let line =
            "   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0";
        assert_eq!(socket(line, 3000, "0A"), Some((4242, 1000)));
        assert_eq!(socket(line, 3001, "0A"), None);
        assert_eq!(socket(&line.replace(" 0A ", " 01 "), 3000, "0A"), None);
        assert_eq!(socket("garbage", 3000, "0A"), None);
    }
}
