//! Where control groups can be made, and with which controllers.

use super::Cgroup;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Names the directory in which ours are made; empty is none at all.
const ROOT_VARIABLE: &str = "RPM_CGROUP_ROOT";

/// A controller that a limit needs, and why it is not to be had.
#[derive(Debug)]
pub struct Lacking {
    pub controller: &'static str,
    pub why: io::Error,
}

/// What may hold a directory of ours, the nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    pub roots: Vec<PathBuf>,
}

/// The directories that may hold ours: the one that `$RPM_CGROUP_ROOT` names; else where this process is, above it, and
/// the top. Where it is there can be no limits as long as it is in there itself, and an ordinary user may not use the
/// top.
pub fn roots() -> Places {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    match std::env::var_os(ROOT_VARIABLE) {
        Some(root) if root.is_empty() => Places::default(),
        Some(root) => Places { roots: vec![root.into()] },
        None => Places::around(&text("/proc/self/mountinfo"), &text("/proc/self/cgroup")),
    }
}

/// What the groups of the supervisor at this home are kept under: the same for all its generations.
pub fn folder_of(home: &Path) -> String {
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("rpm-{:016x}", home.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, hash))
}

impl Places {
    fn around(mountinfo: &str, cgroup: &str) -> Self {
        let Some((top, own)) = locate(mountinfo, cgroup) else { return Self::default() };
        let above = own.parent().filter(|above| above.starts_with(&top)).map(Path::to_owned);
        let mut roots = Vec::new();
        for root in [Some(own), above, Some(top)].into_iter().flatten() {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Self { roots }
    }
}

/// The top of the tree of version 2, and the group that a process is in, from its `mountinfo` and its `cgroup`.
pub(super) fn locate(mountinfo: &str, cgroup: &str) -> Option<(PathBuf, PathBuf)> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    let (root, top) = mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        (kind.split(' ').next() == Some("cgroup2")).then_some((root, point))
    })?;
    let top = PathBuf::from(top);
    // Of a tree that is mounted in part only what is in the part can be seen.
    let below = Path::new(path).strip_prefix(root).ok()?;
    let own = if below.as_os_str().is_empty() { top.clone() } else { top.join(below) };
    Some((top, own))
}

/// Control groups of ours.
#[derive(Debug, Clone, Default)]
pub struct Cgroups {
    /// A directory of ours in each of these.
    folders: Vec<Folder>,
}

#[derive(Debug, Clone)]
struct Folder {
    root: PathBuf,
    path: PathBuf,
}

impl Cgroups {
    /// Nothing is made yet. `name` is what ours are kept under, different for each supervisor.
    pub fn new(places: Places, name: &str) -> Self {
        let folder = |root: PathBuf| Folder { path: root.join(name), root };
        Self { folders: places.roots.into_iter().map(folder).collect() }
    }

    /// A control group with these controllers, in the first place that has them all; where none has, what is lacking is
    /// said, and it is in the first place that can have any. An error where no place can.
    pub fn create(&self, name: &str, controllers: &[&'static str]) -> io::Result<(Cgroup, Vec<Lacking>)> {
        let mut refused = io::Error::new(io::ErrorKind::NotFound, "there is no control group of version 2 here");
        let mut best: Option<(&Folder, Vec<Lacking>)> = None;
        for folder in &self.folders {
            match folder.enable(controllers) {
                Ok(lacking) if lacking.is_empty() => return Ok((folder.create(name)?, lacking)),
                Ok(lacking) if best.is_none() => best = Some((folder, lacking)),
                Ok(_) => folder.tidy(),
                Err(error) => refused = error,
            }
        }
        let (folder, lacking) = best.ok_or(refused)?;
        Ok((folder.create(name)?, lacking))
    }

    /// One that was made, perhaps by another generation.
    pub fn find(&self, name: &str) -> Option<Cgroup> {
        self.folders.iter().map(|folder| folder.path.join(name)).find(|path| path.is_dir()).map(Cgroup::at)
    }

    /// All there are.
    pub fn all(&self) -> Vec<Cgroup> {
        let entries = self.folders.iter().filter_map(|folder| fs::read_dir(&folder.path).ok()).flatten();
        let directories = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.map(|entry| Cgroup::at(entry.path())).collect()
    }

    /// Removes what holds ours, where it holds none.
    pub fn tidy(&self) {
        self.folders.iter().for_each(Folder::tidy);
    }
}

impl Folder {
    /// Makes it, and hands the controllers down to what will be in it; those that cannot be are told.
    fn enable(&self, controllers: &[&'static str]) -> io::Result<Vec<Lacking>> {
        make(&self.path)?;
        let hand_down = |controller| hand_down(&self.root, controller).and_then(|()| hand_down(&self.path, controller));
        let lacking = |controller: &&'static str| Some(Lacking { controller, why: hand_down(controller).err()? });
        Ok(controllers.iter().filter_map(lacking).collect())
    }

    fn create(&self, name: &str) -> io::Result<Cgroup> {
        let path = self.path.join(name);
        make(&path)?;
        Ok(Cgroup::at(path))
    }

    fn tidy(&self) {
        // Refused as long as there is something in it.
        let _ = fs::remove_dir(&self.path);
    }
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Gives the groups in this one a controller.
fn hand_down(directory: &Path, controller: &str) -> io::Result<()> {
    let has = |file: &str| {
        fs::read_to_string(directory.join(file)).map(|text| text.split_whitespace().any(|word| word == controller))
    };
    if has("cgroup.subtree_control").unwrap_or(false) {
        return Ok(());
    }
    // Where nothing is said the kernel has the last word.
    if !has("cgroup.controllers").unwrap_or(true) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, format!("{} does not have it", directory.display())));
    }
    Cgroup::at(directory.to_owned()).set("cgroup.subtree_control", &format!("+{controller}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    fn around(mountinfo: &str, cgroup: &str) -> Vec<String> {
        Places::around(mountinfo, cgroup).roots.iter().map(|root| root.display().to_string()).collect()
    }

    #[test]
    fn places_are_found_from_what_the_kernel_says() {
        let hybrid = "26 24 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      27 24 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw\n";
        assert_eq!(around(hybrid, "4:memory:/x\n0::/\n"), ["/sys/fs/cgroup/unified"]);
        let service = around(UNIFIED, "0::/system.slice/rpm.service/daemon\n");
        let below = "/sys/fs/cgroup/system.slice/rpm.service";
        assert_eq!(service, [&format!("{below}/daemon"), below, "/sys/fs/cgroup"]);
        // The host's tree, of which a container sees its own part.
        let part = "40 30 0:27 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        assert_eq!(around(part, "0::/docker/abc\n"), ["/sys/fs/cgroup"]);
        assert_eq!(around(part, "0::/elsewhere\n"), [""; 0]);
        assert_eq!(around("", "0::/\n"), [""; 0]);
        assert_eq!(around(UNIFIED, "4:memory:/x\n"), [""; 0]);
    }

    fn fake(controllers: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), controllers).unwrap();
        root
    }

    fn in_all(roots: &[&tempfile::TempDir]) -> Cgroups {
        let roots = roots.iter().map(|root| root.path().to_owned()).collect();
        Cgroups::new(Places { roots }, "rpm-test")
    }

    #[test]
    fn a_group_is_made_in_the_first_place_that_has_what_it_needs() {
        let (near, far) = (fake("pids"), fake("cpu memory pids"));
        let groups = in_all(&[&near, &far]);
        let (plain, lacking) = groups.create("1-1", &[]).unwrap();
        assert!(lacking.is_empty() && plain.path().starts_with(near.path()), "{plain:?}");
        let (limited, lacking) = groups.create("1-2", &["memory", "cpu"]).unwrap();
        assert!(lacking.is_empty() && limited.path().starts_with(far.path()), "{limited:?}");
        // Once is enough for all that follow.
        for folder in [far.path().to_owned(), far.path().join("rpm-test")] {
            assert!(fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap().starts_with("+cpu"));
        }
        assert_eq!(groups.find("1-2"), Some(limited.clone()));
        assert_eq!(groups.find("1-3"), None);
        let mut all: Vec<_> = groups.all().iter().map(|group| group.name().to_owned()).collect();
        all.sort();
        assert_eq!(all, ["1-1", "1-2"]);
        plain.remove().unwrap();
        groups.tidy();
        assert!(!near.path().join("rpm-test").exists());
        assert!(limited.path().exists());
    }

    #[test]
    fn what_no_place_has_is_lacking_and_said() {
        let (near, far) = (fake("hugetlb"), fake("pids"));
        let groups = in_all(&[&near, &far]);
        let (group, lacking) = groups.create("1-1", &["memory"]).unwrap();
        assert!(group.path().starts_with(near.path()));
        assert_eq!(lacking[0].controller, "memory");
        assert!(lacking[0].why.to_string().contains("does not have it"));
        assert!(!far.path().join("rpm-test").exists(), "nothing stays where nothing is used");
    }

    #[test]
    fn without_a_place_there_is_none() {
        assert!(in_all(&[]).create("1-1", &[]).is_err());
        let gone = Cgroups::new(Places { roots: vec!["/no/such/directory".into()] }, "rpm-test");
        assert_eq!(gone.create("1-1", &["pids"]).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(gone.all().is_empty());
    }
}
