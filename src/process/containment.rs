//! What a run has started: found wherever it has gone, asked to end, killed until nothing of it lives.
//!
//! It is found by any of these: it is below the main process, in its session or group, carries the run's mark in its
//! environment, is in the run's control group where there is one, or was found so before. Without a control group what
//! has left its parent and its session and lost its environment, all before anybody looked, is out of reach.

use super::hunt::Hunt;
use super::kin::Family;
use super::kinship::{Kinship, Place};
use super::mark::Mark;
use crate::clock;
use crate::slots::Standing;
use crate::sys::births::Births;
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
/// After a look that has shown nothing, while somebody was born and died unseen.
const UNCERTAIN: Duration = Duration::from_millis(2);
const SIGKILL: i32 = 9;

/// All that one run has started.
#[derive(Debug)]
pub(super) struct Containment {
    pub(super) kinship: Rc<Kinship>,
    pub(super) mark: Mark,
    /// The main process, alive or not, and when it began; 0 where nobody knows.
    pub(super) leader: i32,
    pub(super) began: u64,
    pub(super) place: Place,
    cgroup: Option<Cgroup>,
    /// Those found so far that may live.
    pub(super) known: BTreeMap<i32, u64>,
    /// What each of them gets.
    signal: Option<i32>,
    /// Those that have it.
    pub(super) signalled: BTreeSet<(i32, u64)>,
    found_some: bool,
    /// On the trail of what forks as fast as it dies.
    pub(super) hunt: Option<Hunt>,
    pub(super) doubt: Option<&'static str>,
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
            hunt: None,
            doubt: None,
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
            Place::Guardian(guardian) => self.kinship.listed_below_guardian(guardian, self.leader),
            // Only what is below the main process: the rest has been found by something that it keeps.
            Place::Anywhere => tree::below(self.leader, |_| false)
                .map(|below| tree::kin(self.leader).into_iter().chain(below).collect()),
        };
        if let Some(all) = all {
            let members = self.members(&all, None);
            self.known.extend(members.iter().map(|kin| (kin.pid, kin.began)));
        }
    }

    /// Whether something of it may live that is not the main process. Costs little where nothing does.
    pub(super) fn may_have_members(&self) -> bool {
        // Where that is not told, what else tells does.
        let is_populated = self.is_populated();
        if is_populated == Some(true) {
            return true;
        }
        match self.place {
            Place::Guardian(guardian) => {
                // In an empty group nobody is born any more.
                let is_empty = is_populated == Some(false);
                let mut births = if is_empty { None } else { Births::begin() };
                let all = self.kinship.below_guardian(guardian, self.leader);
                let found = all.is_none_or(|all| !self.members(&all, births.as_mut()).is_empty());
                found || !(is_empty || self.is_certain(births))
            }
            Place::Anywhere => true,
        }
    }

    pub(super) fn is_populated(&self) -> Option<bool> {
        self.cgroup.as_ref().and_then(|cgroup| cgroup.is_populated().ok())
    }

    /// Why something of it may live although it counts as ended.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        self.doubt
    }

    pub(super) fn main_lives(&self) -> bool {
        tree::kin(self.leader).is_some_and(|kin| kin.began == self.began)
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
            let caught = self.caught().await;
            let mut births = Births::begin();
            let members = self.look(clock::boot(), births.as_mut()).await;
            if told && self.signal != Some(SIGKILL) {
                self.signalled.extend(members.iter().map(|kin| (kin.pid, kin.began)));
            }
            let is_first = self.signalled.is_empty();
            let is_news = self.deliver(&members);
            if !told {
                fault::point(Point::StopAsked);
                standing.set_asked(true);
                told = true;
            }
            if members.is_empty() && (caught.is_some_and(|catch| self.believes(catch)) || self.is_certain(births)) {
                return;
            }
            self.found_some |= !members.is_empty();
            if self.signal == Some(SIGKILL) && (members.is_empty() || (is_news && !is_first)) {
                self.begin_hunt();
            } else if members.is_empty() {
                tokio::time::sleep(UNCERTAIN).await;
            } else {
                let _ = tokio::time::timeout(LOOK_AGAIN, ended(&members)).await;
            }
        }
    }

    async fn look(&mut self, since: Duration, births: Option<&mut Births>) -> Vec<Kin> {
        let below = match self.place {
            Place::Guardian(guardian) => self.kinship.below_guardian(guardian, self.leader),
            Place::Anywhere => None,
        };
        let mut members = match below {
            Some(all) => self.members(&all, births),
            None => self.members(&self.kinship.all_since(since).await, births),
        };
        for kin in self.grouped() {
            if kin.pid != self.leader && !members.contains(&kin) {
                members.push(kin);
            }
        }
        self.known = members.iter().map(|kin| (kin.pid, kin.began)).collect();
        members
    }

    fn members(&self, all: &[Kin], births: Option<&mut Births>) -> Vec<Kin> {
        self.family().members_by(&self.mark, all, births)
    }

    pub(super) fn family(&self) -> Family<'_> {
        Family { leader: self.leader, began: self.began, known: &self.known }
    }

    /// Those of its control group: also what has lost everything else that tells.
    fn grouped(&self) -> Vec<Kin> {
        let pids = self.cgroup.as_ref().and_then(|cgroup| cgroup.pids().ok()).unwrap_or_default();
        pids.into_iter().filter(|pid| !self.kinship.is_us(*pid)).filter_map(tree::kin).collect()
    }

    /// We may be in its control group ourselves: started by an app, after the daemon before us was killed.
    pub(super) fn holds_us(&self) -> bool {
        let ours = |pids: Vec<i32>| pids.into_iter().any(|pid| self.kinship.is_us(pid));
        self.cgroup.as_ref().is_some_and(|cgroup| cgroup.pids().is_ok_and(ours))
    }

    /// Its control group in one step, of which no fork can escape.
    fn kill_group(&self) {
        let Some(cgroup) = &self.cgroup else { return };
        if !self.holds_us()
            && let Err(error) = cgroup.kill()
        {
            tracing::debug!("{} cannot be killed in one step: {error}", cgroup.path().display());
        }
    }

    /// Whether there are some that had it not yet.
    fn deliver(&mut self, members: &[Kin]) -> bool {
        let Some(signal) = self.signal else { return false };
        let news: Vec<&Kin> = members.iter().filter(|kin| self.signalled.insert((kin.pid, kin.began))).collect();
        if signal == SIGKILL {
            self.kill_group();
            // Their groups in one step each, of which a fork in between cannot escape.
            let groups: BTreeSet<i32> = news.iter().map(|kin| kin.group).collect();
            for group in groups.into_iter().filter(|group| *group != self.leader) {
                group::signal(group, SIGKILL);
            }
        }
        for kin in &news {
            send(kin, signal);
        }
        !news.is_empty()
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
