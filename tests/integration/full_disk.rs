//! A disk that is full: the app goes on, and the gap is marked when there is room again.

use crate::support::{Home, Program, eventually, is_root};
use std::fs;
use std::path::{Path, PathBuf};

/// A small file system in memory, as long as it lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Program::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).args([at]).run();
        mounted.status.success().then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Program::new("umount").args(["-l"]).args([&self.0]).run();
    }
}

#[test]
fn an_app_outlives_a_full_disk() {
    if !is_root() {
        return eprintln!("skipped: only root can mount a small file system");
    }
    let home = Home::new();
    let Some(disk) = SmallDisk::mount(&home.work().join("disk")) else {
        return eprintln!("skipped: no file system can be mounted here");
    };
    home.write(
        "app.js",
        "const fs = require('node:fs'); let n = 0
         setInterval(() => { console.log(`line ${n++} ` + 'z'.repeat(20000)); fs.writeFileSync('beat', String(n)) }, 5)",
    );
    let log = disk.0.join("app.log");
    home.rpm(["start", "app.js", "--output", log.to_str().unwrap(), "--error", "/dev/null"]).ok();
    let pid = home.pid("app");
    // Longer than the moment for which a disk may be slow, and longer than what pipes hold.
    let beat = || fs::read_to_string(home.work().join("beat")).ok().and_then(|text| text.parse::<u64>().ok());
    eventually("the app goes on although its lines are lost", || beat().filter(|count| *count > 600));
    assert!(fs::metadata(&log).unwrap().len() <= 256 * 1024);
    let full = fs::metadata(&log).unwrap().len();
    assert!(full > 100 * 1024, "{full}");
    home.rpm(["flush", "app"]).ok();
    let text = eventually("the gap is marked, and lines follow", || {
        let text = String::from_utf8_lossy(&fs::read(&log).ok()?).into_owned();
        let (_, after) = text.split_once(" bytes of output could not be written here]\n")?;
        after.contains("line ").then_some(text)
    });
    let marker = text.lines().find(|line| line.contains("could not be written")).unwrap();
    let lost: u64 = marker.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!(lost > 1_000_000, "{marker}");
    assert_eq!((home.pid("app"), home.process("app").restarts), (pid, 0));
    home.rpm(["delete", "app"]).ok();
}
