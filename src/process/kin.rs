//! Who of the processes there are belongs to a run: a decision on what was seen of them.

use crate::sys::tree::Kin;
use std::collections::{BTreeMap, BTreeSet};

/// What tells the processes of a run.
#[derive(Debug)]
pub(super) struct Family<'a> {
    /// The main process. Its number is also that of the session, and of the group, that all begin in.
    pub(super) leader: i32,
    /// When it began; 0 where nobody knows.
    pub(super) began: u64,
    /// Those found before, with when they began. They may have lost since whatever told.
    pub(super) known: &'a BTreeMap<i32, u64>,
}

/// What the mark of a process says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marked {
    Ours,
    /// Another run's.
    Others,
    /// Nothing (any more), or nothing that we may see.
    No,
}

impl Family<'_> {
    /// All of them but the main process, in the order of their births. `marked` is asked only where nothing else tells.
    pub(super) fn members(&self, all: &[Kin], marked: impl Fn(&Kin) -> Marked) -> Vec<Kin> {
        // Nobody else has a number as long as a session or a group has it; but once those are gone it is free.
        let is_anothers = all.iter().any(|kin| kin.pid == self.leader && !self.is_leader(kin));
        let mut found: BTreeSet<i32> = BTreeSet::new();
        for kin in all.iter().filter(|kin| kin.pid != self.leader) {
            let in_session = !is_anothers && (kin.session == self.leader || kin.group == self.leader);
            let is_ours = if self.known.get(&kin.pid) == Some(&kin.began) {
                true
            } else if kin.began < self.began {
                false
            } else {
                match marked(kin) {
                    Marked::Ours => true,
                    Marked::Others => false,
                    Marked::No => in_session,
                }
            };
            if is_ours {
                found.insert(kin.pid);
            }
        }
        self.add_descendants(all, marked, &mut found);
        let mut members: Vec<Kin> = all.iter().filter(|kin| found.contains(&kin.pid)).copied().collect();
        members.sort_by_key(|kin| (kin.began, kin.pid));
        members
    }

    /// What they have started, and what the main process has.
    fn add_descendants(&self, all: &[Kin], marked: impl Fn(&Kin) -> Marked, found: &mut BTreeSet<i32>) {
        let mut by_parent: BTreeMap<i32, Vec<&Kin>> = BTreeMap::new();
        for kin in all {
            by_parent.entry(kin.parent).or_default().push(kin);
        }
        let leader = all.iter().find(|kin| self.is_leader(kin)).map(|kin| kin.pid);
        let mut parents: Vec<i32> = found.iter().copied().chain(leader).collect();
        while let Some(parent) = parents.pop() {
            for child in by_parent.get(&parent).into_iter().flatten().filter(|child| child.pid != self.leader) {
                // A run of another supervisor, or of ours, that was started from within this one.
                if !found.contains(&child.pid) && marked(child) != Marked::Others {
                    found.insert(child.pid);
                    parents.push(child.pid);
                }
            }
        }
    }

    fn is_leader(&self, kin: &Kin) -> bool {
        kin.pid == self.leader && (self.began == 0 || kin.began == self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAIN: i32 = 100;

    fn kin(pid: i32, parent: i32, session: i32, began: u64) -> Kin {
        Kin { pid, parent, group: session, session, began }
    }

    fn members(all: &[Kin], known: &[(i32, u64)], ours: &[i32], others: &[i32]) -> Vec<i32> {
        let known = known.iter().copied().collect();
        let family = Family { leader: MAIN, began: 50, known: &known };
        let marked = |kin: &Kin| match kin.pid {
            pid if ours.contains(&pid) => Marked::Ours,
            pid if others.contains(&pid) => Marked::Others,
            _ => Marked::No,
        };
        family.members(all, marked).iter().map(|kin| kin.pid).collect()
    }

    #[test]
    fn each_thing_that_tells_is_enough() {
        let main = kin(MAIN, 7, MAIN, 50);
        let all = [
            main,
            kin(101, MAIN, 101, 60),
            kin(102, 101, 101, 61),
            kin(103, 1, MAIN, 62),
            kin(104, 1, 104, 63),
            kin(105, 1, 105, 64),
            kin(106, 105, 106, 65),
            kin(107, 1, 107, 66),
        ];
        // Below the main process, in its session, marked, known from before with what it started; and a stranger.
        assert_eq!(members(&all, &[(105, 64)], &[104], &[]), [101, 102, 103, 104, 105, 106]);
        // Without the main process nothing ties its own children to it but the rest.
        assert_eq!(members(&all[1..], &[(105, 64)], &[104], &[]), [103, 104, 105, 106]);
    }

    #[test]
    fn a_number_that_is_used_again_names_nobody_of_ours() {
        let another = kin(MAIN, 1, MAIN, 90);
        let all = [another, kin(101, MAIN, MAIN, 91), kin(102, 1, 102, 92), kin(103, 1, 103, 95)];
        assert_eq!(members(&all, &[(103, 70)], &[102], &[]), [102]);
    }

    #[test]
    fn what_is_older_than_the_run_or_another_runs_is_none_of_it() {
        let main = kin(MAIN, 7, MAIN, 50);
        let all = [main, kin(101, 1, MAIN, 49), kin(102, MAIN, 102, 60), kin(103, 102, 103, 61)];
        assert_eq!(members(&all, &[], &[101], &[102]), [0; 0]);
    }

    proptest! {
        /// Whatever there is: the main process is never among them, and what belongs to others, or began before, only
        /// by descent or because it was known.
        #[test]
        fn any_table(rows in prop::collection::vec((90..120i32, 90..120i32, 90..120i32, 40..80u64), 0..30), ours in prop::collection::vec(90..120i32, 0..4), others in prop::collection::vec(90..120i32, 0..4)) {
            let rows: BTreeMap<i32, Kin> = rows.into_iter().map(|(pid, parent, session, began)| (pid, kin(pid, parent, session, began))).collect();
            let all: Vec<Kin> = rows.values().copied().collect();
            let found = members(&all, &[], &ours, &others);
            prop_assert!(!found.contains(&MAIN));
            for pid in &found {
                let kin = rows[pid];
                let by_descent = found.contains(&kin.parent) || kin.parent == MAIN;
                prop_assert!(by_descent || (kin.began >= 50 && (ours.contains(pid) || kin.session == MAIN)));
                prop_assert!(ours.contains(pid) || !others.contains(pid));
            }
        }
    }
}
