//! The tree of processes: who is whose child, and what of each tells where it belongs.
//!
//! A number alone names nobody for long: with when it began it names one process for good.

use super::proc::{self, Stat, StatFile};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// So often is looked at what changes while it is looked at.
const TRIES: u32 = 5;

/// A living process, as it was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kin {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// In clock ticks since boot.
    pub began: u64,
}

impl Kin {
    fn of(pid: i32, stat: &Stat) -> Self {
        Self { pid, parent: stat.parent, group: stat.group, session: stat.session, began: stat.started }
    }
}

/// The process of this number, if it lives.
pub fn kin(pid: i32) -> Option<Kin> {
    Some(Kin::of(pid, &living(pid)?))
}

fn living(pid: i32) -> Option<Stat> {
    proc::stat(pid).ok().filter(|stat| !stat.is_dead())
}

/// Everything that lives. Some microseconds a process.
pub fn all() -> Vec<Kin> {
    proc::pids().into_iter().filter_map(kin).collect()
}

/// The children of a process, zombies included: each of its threads has its own. `None` where the kernel doesn't list
/// them. It takes no more than what it finds is worth, however many processes the machine has.
pub fn children(pid: i32) -> Option<Vec<i32>> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Some(Vec::new()) };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        match read_list(&thread.path().join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            // A thread that has ended since; a kernel that lists none has the file for nobody.
            Err(_) if thread.path().join("stat").exists() => return None,
            Err(_) => {}
        }
    }
    Some(found)
}

/// The same of one that has so many threads. Most have one, and its list needs no look for others.
fn children_of(pid: i32, threads: u64) -> Option<Vec<i32>> {
    if threads == 1
        && let Ok(list) = read_list(Path::new(&format!("/proc/{pid}/task/{pid}/children")))
    {
        return Some(list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect());
    }
    children(pid)
}

/// In as few calls as there can be: between two of them a child that is reaped hides another.
fn read_list(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut list = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match file.read(&mut buffer)? {
            0 => return String::from_utf8(list).map_err(|_| io::ErrorKind::InvalidData.into()),
            length => list.extend_from_slice(&buffer[..length]),
        }
    }
}

/// All that lives below a process, those that `skip` names and what is below them left out.
pub fn below(pid: i32, skip: impl Fn(i32) -> bool) -> Option<Vec<Kin>> {
    below_these(children(pid)?, &skip)
}

/// The same of one whose figures are at hand.
pub fn below_keeper(pid: i32, stat: Option<&StatFile>, skip: impl Fn(i32) -> bool) -> Option<Vec<Kin>> {
    let threads = stat.and_then(|stat| stat.read().ok()).map_or(0, |stat| stat.threads);
    below_these(children_of(pid, threads)?, &skip)
}

/// The same of one that inherits orphans and reaps them. `None` also where so many die that no list of them is whole.
pub fn below_reaper(pid: i32, stat: &StatFile, skip: impl Fn(i32) -> bool) -> Option<Vec<Kin>> {
    for _ in 0..TRIES {
        let before = stat.read().ok()?;
        let children = || children_of(pid, before.threads);
        let direct: BTreeSet<i32> = children()?.into_iter().filter(|child| !skip(*child)).collect();
        let found = below_these(direct.iter().copied().collect(), &skip)?;
        // Whoever of them has died meanwhile has left its children here.
        let has_no_more = || Some(children()?.into_iter().all(|child| direct.contains(&child) || skip(child)));
        if (direct.is_empty() || has_no_more()?) && stat.read().ok()?.reaped_faults == before.reaped_faults {
            return Some(found);
        }
    }
    None
}

fn below_these(mut pids: Vec<i32>, skip: &impl Fn(i32) -> bool) -> Option<Vec<Kin>> {
    let mut found = Vec::new();
    while let Some(pid) = pids.pop() {
        if skip(pid) {
            continue;
        }
        // One that dies while it is looked at hands its children on to another parent: whoever wants all of them
        // looks until there is nothing new.
        if let Some(stat) = living(pid) {
            found.push(Kin::of(pid, &stat));
            pids.extend(children_of(pid, stat.threads)?);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::{Command, Stdio};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child that this test alone waits for")]
    fn what_is_below_a_process_is_found_through_its_threads() {
        let mut shell = std::thread::spawn(|| {
            Command::new("sh")
                // A shell gives what it starts in the background another input.
                .args(["-c", "exec 3<&0; setsid sh -c 'echo x; read y; :' <&3 & wait"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .join()
        .unwrap();
        shell.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        let pid = shell.id() as i32;
        let mine = std::process::id() as i32;
        let Some(found) = below(mine, |_| false) else {
            eprintln!("skipped: this kernel lists no children");
            shell.kill().unwrap();
            shell.wait().unwrap();
            return;
        };
        let own = found.iter().find(|kin| kin.pid == pid).unwrap();
        assert_eq!(own.parent, mine);
        assert_eq!(Some(*own), kin(pid));
        let child = found.iter().find(|kin| kin.parent == pid).unwrap();
        assert!(child.began >= own.began && child.session != own.session, "{child:?} of {own:?}");
        assert!(below(mine, |skipped| skipped == pid).unwrap().iter().all(|kin| kin.pid != child.pid));
        assert!(all().contains(child));
        shell.kill().unwrap();
        shell.wait().unwrap();
        // Its input has ended with the shell's.
        while kin(child.pid).is_some_and(|now| now.began == child.began) {
            std::thread::yield_now();
        }
    }
}
