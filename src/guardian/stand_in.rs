//! When the service manager starts its service again, and the guardian's place has been taken meanwhile: a guardian that was killed is
//! followed by its own daemon, under another pid, which the service manager cannot know. We name it, and leave.

use crate::sys::lock::FileLock;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Who holds the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The guardian of the service that we were started for.
    Ours(i32),
    /// One that somebody else has started.
    Foreign(i32),
}

/// `None`: nobody, or it cannot be told yet.
pub(super) fn holder(home: &Path) -> Option<Holder> {
    // Held by nobody: its last holder's pid is still in it.
    if FileLock::try_take(&home.join("lock")).ok()?.is_some() {
        return None;
    }
    let pid = fs::read_to_string(home.join("lock")).ok()?.trim().parse::<i32>().ok()?;
    let groups = |of: &str| fs::read_to_string(format!("/proc/{of}/cgroup")).ok();
    let (theirs, ours) = (groups(&pid.to_string())?, groups("self")?);
    Some(if same_service(&theirs, &ours) { Holder::Ours(pid) } else { Holder::Foreign(pid) })
}

/// Whether commands are answered there: who holds the home has not begun to leave it. Until we have named it, somebody who
/// stops the service stops us alone.
pub(super) fn is_served(home: &Path) -> bool {
    let socket = home.join("rpm.sock");
    // A long path is a link to a short one.
    let address = fs::read_link(&socket).unwrap_or(socket);
    UnixStream::connect(address).is_ok()
}

/// Whether the two `cgroup` files of processes are those of one service.
fn same_service(theirs: &str, ours: &str) -> bool {
    matches!((service(theirs), service(ours)), (Some(theirs), Some(ours)) if theirs == ours)
}

/// The control group of the service: what a service manager of ours has put below is its own affair.
fn service(cgroup: &str) -> Option<&str> {
    let of = |kind: &str| cgroup.lines().find_map(|line| line.split_once(':')?.1.strip_prefix(kind));
    // Where there are both trees systemd uses its own.
    let path = of("name=systemd:").or_else(|| of(":"))?;
    // Users' managers are services themselves: the last one counts.
    let end = path.rfind(".service").map_or(path.len(), |at| at + ".service".len());
    Some(&path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_serves() {
        let home = tempfile::tempdir().unwrap();
        assert!(!is_served(home.path()));
        let listener = std::os::unix::net::UnixListener::bind(home.path().join("rpm.sock")).unwrap();
        assert!(is_served(home.path()));
        drop(listener);
        assert!(!is_served(home.path()));
    }

    #[test]
    fn the_service_is_told_by_the_control_group() {
        for (theirs, ours, expected) in [
            ("0::/system.slice/rpm-app.service/daemon\n", "0::/system.slice/rpm-app.service\n", true),
            ("0::/system.slice/rpm-app.service\n", "0::/system.slice/rpm-b.service\n", false),
            ("0::/user.slice/user-7.slice/session-3.scope\n", "0::/system.slice/rpm-app.service\n", false),
            (
                "0::/user.slice/user@7.service/app.slice/rpm.service/daemon\n",
                "0::/user.slice/user@7.service/app.slice/rpm.service\n",
                true,
            ),
            (
                "0::/user.slice/user@7.service/app.slice/sshd.service\n",
                "0::/user.slice/user@7.service/app.slice/rpm.service\n",
                false,
            ),
            ("3:name=systemd:/a.service\n0::/x\n", "3:name=systemd:/a.service\n0::/y\n", true),
            ("0::/\n", "0::/\n", true),
            ("", "", false),
        ] {
            assert_eq!(same_service(theirs, ours), expected, "{theirs} {ours}");
        }
    }
}
