//! Getting out of the control group of a run that has started us.

use super::Cgroup;
use super::places::locate;
use std::fs;
use std::io;
use std::path::Path;

/// A guardian that an app has launched (after the one before was killed) would end with that app: it moves to where the
/// groups of all runs are made. Does nothing anywhere else.
pub fn leave_run() -> io::Result<()> {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let place = locate(&text("/proc/self/mountinfo"), &text("/proc/self/cgroup"));
    match place.as_ref().and_then(|(_, own)| above_ours(own)) {
        Some(root) => Cgroup::at(root.to_owned()).set("cgroup.procs", "0"),
        None => Ok(()),
    }
}

/// What holds the directory of some supervisor of ours, where the group is below one.
fn above_ours(own: &Path) -> Option<&Path> {
    let is_ours = |path: &&Path| {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("rpm-"));
        name.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    own.ancestors().filter(is_ours).last()?.parent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_runs_are_left() {
        let above = |path| above_ours(Path::new(path)).map(|path| path.to_str().unwrap());
        assert_eq!(above("/sys/fs/cgroup/a/rpm-0123456789abcdef/3-7"), Some("/sys/fs/cgroup/a"));
        let nested = "/sys/fs/cgroup/rpm-0123456789abcdef/3-7/rpm-fedcba9876543210/1-1";
        assert_eq!(above(nested), Some("/sys/fs/cgroup"), "what is below the outermost ends with its run");
        assert_eq!(above("/sys/fs/cgroup/system.slice/rpm-api.service"), None);
        assert_eq!(above("/sys/fs/cgroup"), None);
    }
}
