//! How many processes can run at the same time here: not the machine's cores, but those that this process may use.

use std::fs;
use std::path::Path;
use std::thread;

/// The cores that this process may run on, as far as its control groups let it. At least 1.
pub fn available() -> u32 {
    // The scheduler's mask, as `taskset` and containers set it.
    let affinity =
        affinity("self").unwrap_or_else(|| thread::available_parallelism().map_or(1, |cores| cores.get() as u32));
    within_quota(affinity, Path::new("/"), "self")
}

/// The same of another process; `None` when it is gone.
pub fn available_to(pid: i32) -> Option<u32> {
    let process = pid.to_string();
    Some(within_quota(affinity(&process)?, Path::new("/"), &process))
}

fn affinity(process: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let ranges = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    count(ranges.trim())
}

/// How many numbers there are in `0-3,8`.
fn count(ranges: &str) -> Option<u32> {
    ranges.split(',').try_fold(0, |sum, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        Some(sum + last.checked_sub(first)? + 1)
    })
}

/// No more than the quota of time that the process and all control groups above it have, in the tree under `root`. A
/// part of a core is one: it would else be left unused.
fn within_quota(cores: u32, root: &Path, process: &str) -> u32 {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let (groups, mounts) = (read(&format!("proc/{process}/cgroup")), read("proc/self/mountinfo"));
    let quotas = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        match controllers {
            "" => least(root, &mounts, path, "cgroup2", "", second_version),
            some if some.split(',').any(|one| one == "cpu") => {
                least(root, &mounts, path, "cgroup", "cpu", first_version)
            }
            _ => None,
        }
    });
    quotas.fold(f64::from(cores), f64::min).ceil().max(1.0) as u32
}

/// The smallest quota of the group at `path` and of those above it.
fn least(
    root: &Path,
    mounts: &str,
    path: &str,
    kind: &str,
    option: &str,
    quota: fn(&Path) -> Option<f64>,
) -> Option<f64> {
    let (mounted, point) = mounts.lines().find_map(|line| {
        let (mount, about) = line.split_once(" - ")?;
        let mut about = about.split(' ');
        let is_it =
            about.next() == Some(kind) && about.next_back()?.split(',').any(|word| option.is_empty() || word == option);
        let mut fields = mount.split(' ').skip(3);
        is_it.then_some((fields.next()?, fields.next()?))
    })?;
    let below = Path::new(path).strip_prefix(mounted).ok()?;
    let top = root.join(point.trim_start_matches('/'));
    below.ancestors().filter_map(|group| quota(&top.join(group))).reduce(f64::min)
}

/// `cpu.max`: `150000 100000`, or `max 100000`.
fn second_version(group: &Path) -> Option<f64> {
    let text = fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

/// `cpu.cfs_quota_us`, -1 without one.
fn first_version(group: &Path) -> Option<f64> {
    let number = |file| fs::read_to_string(group.join(file)).ok()?.trim().parse::<f64>().ok();
    number("cpu.cfs_quota_us").filter(|quota| *quota > 0.0).zip(number("cpu.cfs_period_us")).map(|(a, b)| a / b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const SECOND: &str = "31 23 0:27 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    const FIRST: &str = "29 24 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
    const PART: &str = "40 30 0:27 /docker/a /sys/fs/cgroup ro - cgroup2 cgroup rw\n";

    /// What it is, its files and their content, and how many there are.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u32);

    #[test]
    fn the_least_of_affinity_and_quotas_counts() {
        let (mounts, groups) = ("proc/self/mountinfo", "proc/self/cgroup");
        #[rustfmt::skip] // a table
        let table: &[Case<'_>] = &[
            ("no groups at all", &[], 8),
            ("no quota", &[(mounts, SECOND), (groups, "0::/a\n"), ("sys/fs/cgroup/a/cpu.max", "max 100000\n")], 8),
            ("its own", &[(mounts, SECOND), (groups, "0::/a\n"), ("sys/fs/cgroup/a/cpu.max", "200000 100000\n")], 2),
            ("a part of a core", &[(mounts, SECOND), (groups, "0::/a\n"), ("sys/fs/cgroup/a/cpu.max", "150000 100000\n")], 2),
            ("less than one", &[(mounts, SECOND), (groups, "0::/a\n"), ("sys/fs/cgroup/a/cpu.max", "10000 100000\n")], 1),
            ("more than there are", &[(mounts, SECOND), (groups, "0::/a\n"), ("sys/fs/cgroup/a/cpu.max", "1600000 100000\n")], 8),
            ("above it", &[(mounts, SECOND), (groups, "0::/a/b\n"), ("sys/fs/cgroup/a/cpu.max", "300000 100000\n"),
                ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n")], 3),
            ("of a container", &[(mounts, PART), (groups, "0::/docker/a\n"), ("sys/fs/cgroup/cpu.max", "100000 50000\n")], 2),
            ("of the first version", &[(mounts, FIRST), (groups, "3:cpu,cpuacct:/a\n0::/\n"),
                ("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "400000\n"), ("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n")], 4),
            ("none of the first version", &[(mounts, FIRST), (groups, "3:cpu,cpuacct:/a\n"),
                ("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n"), ("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n")], 8),
        ];
        for (what, files, cores) in table {
            assert_eq!(within_quota(8, tree(files).path(), "self"), *cores, "{what}");
        }
        let quota = ("sys/fs/cgroup/a/cpu.max", "200000 100000\n");
        let other = tree(&[(mounts, SECOND), (groups, "0::/b\n"), ("proc/7/cgroup", "0::/a\n"), quota]);
        assert_eq!(["self", "7"].map(|process| within_quota(8, other.path(), process)), [8, 2]);
    }

    #[test]
    fn lists_of_cores_are_counted() {
        assert_eq!([count("0-3,8"), count("5"), count(""), count("3-1")], [Some(5), Some(1), None, None]);
        assert!(available() >= 1 && available() <= affinity("self").unwrap());
        assert_eq!(available_to(std::process::id().cast_signed()), Some(available()));
        assert_eq!(available_to(i32::MAX), None);
    }
}
