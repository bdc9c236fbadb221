//! What a run has started: found wherever it has gone, asked to end, killed until nothing of it lives.
//!
//! It is found by any of these: it is below the main process, in its session or group, carries the run's mark in its
//! environment, is in the run's control group where there is one, or was found so before. Without a control group what
//! has left its parent and its session and lost its environment, all before anybody looked, is out of reach.

use super::kin::Family;
use super::kinship::{Kinship, Place};
use super::mark::Mark;
use crate::clock;
use crate::slots::Standing;
use crate::sys::cgroup::Cgroup;
use crate::sys::fault::{self, Point};
use crate::sys::tree::{self, Kin};
use crate::sys::{group, pidfd, ready};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

/// What forks while it is waited for is found after this time.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long what forks as fast as it dies is chased without a rest.
const CHASE: Duration = Duration::from_millis(20);
const SIGKILL: i32 = 9;

/// All that one run has started.
#[derive(Debug)]
pub(super) struct Containment {
    kinship: Rc<Kinship>,
    mark: Mark,
    /// The main process, alive or not, and when it began; 0 where nobody knows.
    leader: i32,
    began: u64,
    place: Place,
    cgroup: Option<Cgroup>,
    /// Those found so far that may live.
    known: BTreeMap<i32, u64>,
    /// What each of them gets.
    signal: Option<i32>,
    /// Those that have it.
    signalled: BTreeSet<(i32, u64)>,
    found_some: bool,
}

impl Containment {
    pub(super) fn new(kinship: Rc<Kinship>, mark: Mark, (leader, began): (i32, u64), place: Place) -> Self {
        Self {
            kinship,
            mark,
            leader,
            began,
            place,
            cgroup: None,
            known: BTreeMap::new(),
            signal: None,
            signalled: BTreeSet::new(),
            found_some: false,
        }
    }

    /// Whatever is in this group belongs to it.
    #[must_use]
    pub(super) fn within(self, cgroup: Option<Cgroup>) -> Self {
        Self { cgroup, ..self }
    }

    /// The main process, as it is named for good.
    pub(super) fn main(&self) -> (i32, u64) {
        (self.leader, self.began)
    }

    /// Takes note of what there is, while the tree still tells.
    pub(super) fn remember(&mut self) {
        let all = match self.place {
            Place::Guardian(guardian) => self.kinship.below_guardian(guardian, self.leader),
            // Only what is below the main process: the rest has been found by something that it keeps.
            Place::Anywhere => tree::below(self.leader, |_| false)
                .map(|below| tree::kin(self.leader).into_iter().chain(below).collect()),
        };
        if let Some(all) = all {
            let members = self.members(&all);
            self.known.extend(members.iter().map(|kin| (kin.pid, kin.began)));
        }
    }

    /// Whether something of it may live that is not the main process. Costs little where nothing does.
    pub(super) fn may_have_members(&self) -> bool {
        // Where that is not told, what else tells does.
        if self.cgroup.as_ref().is_some_and(|cgroup| cgroup.is_populated().unwrap_or(false)) {
            return true;
        }
        match self.place {
            Place::Guardian(guardian) => {
                let all = self.kinship.below_guardian(guardian, self.leader);
                all.is_none_or(|all| !self.members(&all).is_empty())
            }
            Place::Anywhere => true,
        }
    }

    /// From now on each of them gets this signal, once.
    pub(super) fn ask(&mut self, signal: i32) {
        self.signal = Some(signal);
        self.signalled.clear();
        self.found_some = false;
    }

    /// Whether there was anything but the main process since then.
    pub(super) fn has_found_some(&self) -> bool {
        self.found_some
    }

    /// From now on all are killed, whatever they were asked before.
    pub(super) fn kill(&mut self) {
        self.ask(SIGKILL);
        self.kill_group();
        // At once, and in one step: what is in the group cannot fork in between.
        if tree::kin(self.leader).is_none_or(|kin| kin.began == self.began) {
            group::signal(self.leader, SIGKILL);
        }
    }

    /// Waits until nothing of it lives but the main process, whose end somebody else waits for. Can be dropped and begun
    /// anew at any time.
    pub(super) async fn gone(&mut self, standing: &Standing) {
        // Those that a daemon before this one has asked are not asked twice.
        let mut told = standing.is_asked() && self.signalled.is_empty();
        loop {
            let members = self.look(clock::boot()).await;
            if told && self.signal != Some(SIGKILL) {
                self.signalled.extend(members.iter().map(|kin| (kin.pid, kin.began)));
            }
            self.deliver(&members);
            if !told {
                fault::point(Point::StopAsked);
                standing.set_asked(true);
                told = true;
            }
            if members.is_empty() {
                return;
            }
            self.found_some = true;
            let _ = tokio::time::timeout(LOOK_AGAIN, ended(&members)).await;
        }
    }

    async fn look(&mut self, since: Duration) -> Vec<Kin> {
        let below = match self.place {
            Place::Guardian(guardian) => self.kinship.below_guardian(guardian, self.leader),
            Place::Anywhere => None,
        };
        let mut members = match below {
            Some(all) => self.members(&all),
            None => self.members(&self.kinship.all_since(since).await),
        };
        for kin in self.grouped() {
            if kin.pid != self.leader && !members.contains(&kin) {
                members.push(kin);
            }
        }
        self.known = members.iter().map(|kin| (kin.pid, kin.began)).collect();
        members
    }

    fn members(&self, all: &[Kin]) -> Vec<Kin> {
        let family = Family { leader: self.leader, began: self.began, known: &self.known };
        family.members(all, |kin| self.mark.of(kin))
    }

    /// Those of its control group: also what has lost everything else that tells.
    fn grouped(&self) -> Vec<Kin> {
        let pids = self.cgroup.as_ref().and_then(|cgroup| cgroup.pids().ok()).unwrap_or_default();
        pids.into_iter().filter(|pid| !self.kinship.is_us(*pid)).filter_map(tree::kin).collect()
    }

    /// Its control group in one step, of which no fork can escape.
    fn kill_group(&self) {
        let Some(cgroup) = &self.cgroup else { return };
        // We may be in there ourselves: started by an app, after the daemon before us was killed.
        let ours = |pids: Vec<i32>| pids.into_iter().any(|pid| self.kinship.is_us(pid));
        if !cgroup.pids().is_ok_and(ours)
            && let Err(error) = cgroup.kill()
        {
            tracing::debug!("{} cannot be killed in one step: {error}", cgroup.path().display());
        }
    }

    fn deliver(&mut self, members: &[Kin]) {
        let Some(signal) = self.signal else { return };
        if signal == SIGKILL {
            return self.kill_all(members);
        }
        for kin in members {
            if self.signalled.insert((kin.pid, kin.began)) {
                send(kin, signal);
            }
        }
    }

    /// What was started meanwhile is found and killed again, until nothing new is there: so that what forks faster than
    /// it dies is caught between two forks.
    fn kill_all(&mut self, members: &[Kin]) {
        self.kill_group();
        let deadline = clock::boot() + CHASE;
        let mut killed = BTreeSet::new();
        let mut found = members.to_vec();
        loop {
            found.retain(|kin| killed.insert((kin.pid, kin.began)));
            if found.is_empty() || clock::boot() >= deadline {
                return;
            }
            // Their groups in one step each, of which a fork in between cannot escape.
            let groups: BTreeSet<i32> = found.iter().map(|kin| kin.group).collect();
            for group in groups.into_iter().filter(|group| *group != self.leader) {
                group::signal(group, SIGKILL);
            }
            for kin in &found {
                send(kin, SIGKILL);
            }
            let Place::Guardian(guardian) = self.place else { return };
            let Some(all) = self.kinship.below_guardian(guardian, self.leader) else { return };
            found = self.members(&all);
        }
    }
}

/// To exactly this process. One that has ended needs none; one that we may not signal is left to who waits for it.
fn send(kin: &Kin, signal: i32) {
    // The descriptor first: what is looked at afterwards is that process, or it is dead and nothing happens.
    let Ok(process) = pidfd::open(kin.pid) else { return };
    if tree::kin(kin.pid).is_some_and(|now| now.began == kin.began)
        && let Err(error) = pidfd::signal(&process, signal)
    {
        tracing::warn!("process {} cannot be signalled: {error}", kin.pid);
    }
}

/// Waits until all of them have ended; for ever where that cannot be waited for.
async fn ended(members: &[Kin]) {
    let watched: Vec<_> = members.iter().map(|kin| pidfd::open(kin.pid).and_then(watch)).collect();
    for process in watched {
        match process {
            Ok(process) => {
                let _ = process.readable().await;
            }
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(_) => std::future::pending().await,
        }
    }
}

fn watch(process: OwnedFd) -> std::io::Result<tokio::io::unix::AsyncFd<OwnedFd>> {
    ready::register(process)
}
