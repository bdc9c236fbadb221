//! Memory of a process with all that it has started.
//!
//! The cheap figure is the sum of the resident sets, which counts a page as often as it is mapped: what is within its
//! limit by that is within it. Only above it the proportional sets are asked for, which count each page once; for them
//! the kernel walks all pages, so that they are good for a while.

use crate::domain::ProcessId;
use crate::sys::cgroup::Cgroup;
use crate::sys::proc::{self, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long an exact figure is taken for true, as long as the cheap one says nothing else: within the limit that it has
/// not grown by what is left, above it that it has not shrunk.
const EXACT_FOR: Duration = Duration::from_secs(5);

/// What a process and all it has started use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    pub bytes: u64,
    pub processes: u32,
}

/// Whose tree it is.
#[derive(Debug, Clone, Copy)]
pub struct Root<'a> {
    pub id: ProcessId,
    pub pid: i32,
    /// Where the run has one, it tells who belongs to it. Else it is who descends from it, and its session.
    pub cgroup: Option<&'a Cgroup>,
}

#[derive(Debug, Clone, Copy)]
struct Exact {
    pid: i32,
    at: Duration,
    cheap: u64,
    bytes: u64,
}

/// Trees, as they are sampled again and again.
#[derive(Debug, Default)]
pub struct Trees {
    /// All processes of the machine, read at most once a sample.
    table: Option<Table>,
    exact: BTreeMap<ProcessId, Exact>,
}

impl Trees {
    /// Another sample begins, of these.
    pub fn begin(&mut self, ids: &BTreeSet<ProcessId>) {
        self.table = None;
        self.exact.retain(|id, _| ids.contains(id));
    }

    /// What it uses, exactly where that is more than `limit` at first sight. Whoever is about to do something for it
    /// wants a figure above the limit to be `fresh`.
    pub fn footprint(&mut self, root: Root<'_>, limit: u64, now: Duration, fresh: bool) -> Footprint {
        let members = self.members(root);
        let sets: Vec<(i32, u64)> = members.into_iter().filter_map(|pid| Some((pid, resident(pid)?))).collect();
        let cheap = sets.iter().map(|(_, bytes)| bytes).sum();
        let processes = sets.len() as u32;
        if cheap <= limit || processes < 2 {
            return Footprint { bytes: cheap, processes };
        }
        if let Some(known) = self.exact.get(&root.id).filter(|known| known.holds(root.pid, cheap, limit, now, fresh)) {
            return Footprint { bytes: known.bytes + cheap.saturating_sub(known.cheap), processes };
        }
        let bytes = sets.iter().map(|(pid, resident)| proc::pss(*pid).unwrap_or(*resident)).sum();
        self.exact.insert(root.id, Exact { pid: root.pid, at: now, cheap, bytes });
        Footprint { bytes, processes }
    }

    fn members(&mut self, root: Root<'_>) -> Vec<i32> {
        match root.cgroup.and_then(|group| group.pids().ok()) {
            Some(pids) if pids.contains(&root.pid) => pids,
            _ => self.table.get_or_insert_with(Table::read).tree(root.pid),
        }
    }
}

impl Exact {
    fn holds(&self, pid: i32, cheap: u64, limit: u64, now: Duration, fresh: bool) -> bool {
        let is_recent = self.pid == pid && now.saturating_sub(self.at) < EXACT_FOR;
        let says_the_same = match limit.checked_sub(self.bytes) {
            Some(left) => cheap.saturating_sub(self.cheap) < left.max(1),
            None => !fresh && cheap >= self.cheap,
        };
        is_recent && says_the_same
    }
}

fn resident(pid: i32) -> Option<u64> {
    proc::stat(pid).ok().filter(|stat| !stat.is_dead()).map(|stat| stat.rss_bytes())
}

/// Who is whose child, and in whose session.
#[derive(Debug, Default)]
struct Table {
    children: BTreeMap<i32, Vec<i32>>,
    sessions: BTreeMap<i32, Vec<i32>>,
}

impl Table {
    fn read() -> Self {
        Self::of(proc::pids().into_iter().filter_map(|pid| Some((pid, proc::stat(pid).ok()?))))
    }

    fn of(processes: impl Iterator<Item = (i32, Stat)>) -> Self {
        let mut table = Self::default();
        for (pid, stat) in processes {
            table.children.entry(stat.parent).or_default().push(pid);
            table.sessions.entry(stat.session).or_default().push(pid);
        }
        table
    }

    /// The process, all that descend from it, and what it has started and lost sight of.
    fn tree(&self, root: i32) -> Vec<i32> {
        let mut found = BTreeSet::from([root]);
        let mut next = vec![root];
        next.extend(self.sessions.get(&root).into_iter().flatten());
        while let Some(pid) = next.pop() {
            found.insert(pid);
            next.extend(self.children.get(&pid).into_iter().flatten().filter(|child| !found.contains(child)));
        }
        found.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(parent: i32, session: i32) -> Stat {
        Stat {
            state: 'S',
            parent,
            group: session,
            session,
            threads: 1,
            reaped_faults: 0,
            cpu_ticks: 0,
            started: 0,
            rss_pages: 0,
            flags: 0,
            environment: (0, 0),
            program_end: 0,
        }
    }

    #[test]
    fn children_and_orphans_of_the_session_belong_to_a_tree() {
        let table = Table::of(
            [
                (10, stat(1, 10)),
                (11, stat(10, 10)),
                // In a session of its own.
                (12, stat(11, 12)),
                (13, stat(12, 12)),
                // Whose parent has ended.
                (14, stat(1, 10)),
                (15, stat(14, 15)),
                (20, stat(1, 20)),
            ]
            .into_iter(),
        );
        assert_eq!(table.tree(10), [10, 11, 12, 13, 14, 15]);
        assert_eq!(table.tree(20), [20]);
        assert_eq!(table.tree(99), [99]);
    }

    #[test]
    fn an_exact_figure_is_good_for_a_while() {
        let exact = Exact { pid: 7, at: Duration::from_secs(10), cheap: 150, bytes: 90 };
        let holds = |pid, cheap, at| exact.holds(pid, cheap, 100, Duration::from_secs(at), true);
        assert!(holds(7, 150, 11) && holds(7, 159, 14) && holds(7, 120, 14));
        assert!(!holds(8, 150, 11) && !holds(7, 160, 11) && !holds(7, 150, 15));
        let above = Exact { bytes: 101, ..exact };
        let holds = |cheap, at, fresh| above.holds(7, cheap, 100, Duration::from_secs(at), fresh);
        assert!(!holds(150, 11, true), "above the limit each sample counts");
        assert!(holds(150, 11, false) && !holds(149, 11, false) && !holds(150, 15, false));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test starts what it looks at")]
    fn pages_that_are_shared_count_once() {
        // Each child maps all that its parent does.
        let script = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); exec 3<&0
                      for i in 1 2 3 4; do (read -r y <&3) & done; echo ready; read -r z";
        let mut child = std::process::Command::new("bash")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let root = Root { id: ProcessId(1), pid: child.id() as i32, cgroup: None };
        let mut trees = Trees::default();
        let cheap = trees.footprint(root, u64::MAX, Duration::ZERO, true);
        let exact = trees.footprint(root, 0, Duration::ZERO, true);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!((cheap.processes, exact.processes), (5, 5));
        assert!(exact.bytes > 20_000_000 && exact.bytes < cheap.bytes / 2, "{exact:?} of {cheap:?}");
        assert!(cheap.bytes > 100_000_000, "{cheap:?}");
    }
}
