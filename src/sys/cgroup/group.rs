//! One control group: its members, its limits, its end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A control group of ours. Dropping it leaves it where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// What a process can be born into.
    pub fn directory(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// The file that a process moves itself into it by.
    pub fn procs(&self) -> io::Result<File> {
        self.open("cgroup.procs")
    }

    /// Who is in it, threads and zombies left out.
    pub fn pids(&self) -> io::Result<Vec<i32>> {
        let text = self.read("cgroup.procs")?;
        // 0 is a process that this namespace of pids does not know.
        Ok(text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect())
    }

    /// Whether anything in it lives. One that is gone is empty.
    pub fn is_populated(&self) -> io::Result<bool> {
        // Some words, in one read: it is asked at each end of a run.
        let mut events = [0; 256];
        match File::open(self.path.join("cgroup.events")).and_then(|mut file| file.read(&mut events)) {
            Ok(length) => {
                let events = String::from_utf8_lossy(&events[..length]);
                Ok(value_of(&events, "populated").is_some_and(|count| count > 0))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// SIGKILL to all that is in it, in one step: what forks meanwhile is killed too. Since Linux 5.14.
    pub fn kill(&self) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path.join("cgroup.kill"))?.write_all(b"1")
    }

    /// How many of its processes the kernel has killed for want of memory. `None` without the memory controller.
    pub fn oom_kills(&self) -> Option<u64> {
        value_of(&self.read("memory.events").ok()?, "oom_kill")
    }

    /// Writes a setting, such as `memory.max`.
    pub fn set(&self, file: &str, value: &str) -> io::Result<()> {
        self.open(file)?.write_all(value.as_bytes())
    }

    pub fn read(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(self.path.join(file))
    }

    /// Removes it, once nothing in it lives. One that is gone is no error.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// The kernel makes no files in a control group, whoever asks; in a directory that stands for one there are none yet.
    fn open(&self, file: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(self.path.join(file))
    }
}

/// The number after a name, in a file of lines `name number`.
fn value_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_files_are_read_as_the_kernel_writes_them() {
        let directory = tempfile::tempdir().unwrap();
        let group = Cgroup::at(directory.path().join("7-12"));
        assert!(!group.is_populated().unwrap());
        assert_eq!(group.oom_kills(), None);
        group.remove().unwrap();
        fs::create_dir(group.path()).unwrap();
        for (file, text) in [
            ("cgroup.procs", "12\n0\n13\n"),
            ("cgroup.events", "populated 1\nfrozen 0\n"),
            ("memory.events", "low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n"),
        ] {
            fs::write(group.path().join(file), text).unwrap();
        }
        assert_eq!(group.name(), "7-12");
        assert_eq!(group.pids().unwrap(), [12, 13]);
        assert!(group.is_populated().unwrap());
        assert_eq!(group.oom_kills(), Some(1));
        group.set("memory.max", "1000").unwrap();
        assert_eq!(group.read("memory.max").unwrap(), "1000");
        assert_eq!(group.kill().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
