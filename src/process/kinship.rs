//! Looking at the processes there are, for all that have to know what belongs to their runs.

use super::kin::{Family, Marked};
use super::mark::{Mark, Realm};
use crate::clock;
use crate::domain::{ProcessId, SpawnId};
use crate::sys::births::{Births, Judged};
use crate::sys::launch::SPAWN_ID;
use crate::sys::pidfd;
use crate::sys::proc::{self, StatFile, Variable};
use crate::sys::tree::{self, Kin};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// Between two looks at all processes, which take some milliseconds where there are many.
const SPACING: Duration = Duration::from_millis(20);
const SIGKILL: i32 = 9;

/// What the runs of one supervisor share in order to find what they have started.
#[derive(Debug)]
pub struct Kinship {
    pub(super) realm: Realm,
    /// Ours: asked for each process that is looked at.
    own: i32,
    /// Where orphans of our apps go: a process that has no other children but the daemon and the apps themselves.
    guardian: Option<i32>,
    /// Its figures.
    reaper: Option<StatFile>,
    /// Main processes of runs that live.
    mains: RefCell<BTreeSet<i32>>,
    /// The last look at everything, and when it began.
    last: RefCell<Option<(Duration, Rc<Vec<Kin>>)>>,
}

/// Where what a run has started can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Below the guardian: its main process began there, and orphans stay there.
    Guardian(i32),
    Anywhere,
}

impl Kinship {
    pub fn new(realm: Realm, guardian: Option<i32>) -> Self {
        let reaper = guardian.and_then(|pid| StatFile::open(pid).ok());
        Self {
            realm,
            own: std::process::id() as i32,
            guardian,
            reaper,
            mains: RefCell::default(),
            last: RefCell::default(),
        }
    }

    /// The daemon, and its guardian.
    pub(super) fn is_us(&self, pid: i32) -> bool {
        pid == self.own || Some(pid) == self.guardian
    }

    pub(super) fn place(&self, guardians_child: bool) -> Place {
        self.guardian.filter(|_| guardians_child).map_or(Place::Anywhere, Place::Guardian)
    }

    pub(super) fn began(&self, main: i32) {
        self.mains.borrow_mut().insert(main);
    }

    pub(super) fn ended(&self, main: i32) {
        self.mains.borrow_mut().remove(&main);
    }

    /// All below the guardian that is no other run's, as far as a list shows it: what apps have left behind, and what is
    /// below `leader`. `None` where it cannot be told this way.
    pub(super) fn listed_below_guardian(&self, guardian: i32, leader: i32) -> Option<Vec<Kin>> {
        if !is_parent(guardian) {
            return None;
        }
        tree::below_keeper(guardian, self.reaper.as_ref(), |pid| self.spares(pid, leader))
    }

    /// The same, with everybody who was there all the time.
    pub(super) fn below_guardian(&self, guardian: i32, leader: i32) -> Option<Vec<Kin>> {
        if !is_parent(guardian) {
            return None;
        }
        tree::below_reaper(guardian, self.reaper.as_ref()?, |pid| self.spares(pid, leader))
    }

    /// Whether it is one of us, or the main process of another run than that of `leader`.
    pub(super) fn spares(&self, pid: i32, leader: i32) -> bool {
        self.is_us(pid) || (pid != leader && self.mains.borrow().contains(&pid))
    }

    /// All those.
    pub(super) fn spared(&self, leader: i32) -> BTreeSet<i32> {
        let mains = self.mains.borrow();
        let us = [Some(self.own), self.guardian];
        us.into_iter().flatten().chain(mains.iter().copied().filter(|pid| *pid != leader)).collect()
    }

    /// Everything, as it is now.
    pub(super) fn all(&self) -> Rc<Vec<Kin>> {
        let began = clock::boot();
        let all = Rc::new(tree::all().into_iter().filter(|kin| !self.is_us(kin.pid)).collect());
        *self.last.borrow_mut() = Some((began, Rc::clone(&all)));
        all
    }

    /// Everything, as it was then or later. Many that ask at the same time share the answer.
    pub(super) async fn all_since(&self, then: Duration) -> Rc<Vec<Kin>> {
        loop {
            let last = self.last.borrow().clone();
            match last {
                Some((at, all)) if at >= then => return all,
                Some((at, _)) if at + SPACING > clock::boot() => {
                    tokio::time::sleep((at + SPACING).saturating_sub(clock::boot())).await;
                }
                _ => return self.all(),
            }
        }
    }

    /// The main process of a run, of which nothing is known but that it was to be started: the oldest with its mark that
    /// leads a session, as all of them begin.
    pub(super) fn find_main(&self, id: ProcessId, run: SpawnId) -> Option<(i32, u64)> {
        let all = self.all();
        let leads = all.iter().filter(|kin| kin.pid == kin.session && kin.pid == kin.group);
        let ours = leads.filter(|kin| self.realm.owner(kin.pid) == Some((id, run)));
        ours.map(|kin| (kin.began, kin.pid)).min().map(|(began, pid)| (pid, began))
    }

    /// Kills all that carries the mark of a run.
    pub(super) fn kill_marked(&self, run: SpawnId) {
        for kin in self.all().iter() {
            // The descriptor first: what is looked at afterwards is that process, or it is dead and nothing happens.
            if let Ok(process) = pidfd::open(kin.pid)
                && self.realm.owner(kin.pid).is_some_and(|(_, owner)| owner == run)
                && let Err(error) = pidfd::signal(&process, SIGKILL)
            {
                tracing::warn!("process {} of run {run} cannot be killed: {error}", kin.pid);
            }
        }
    }

    /// What runs of a process have left alive that have ended: all but `current`.
    pub(super) fn left_by(&self, id: ProcessId, current: Option<SpawnId>) -> Vec<i32> {
        let is_left =
            |kin: &&Kin| self.realm.owner(kin.pid).is_some_and(|(owner, run)| owner == id && Some(run) != current);
        self.all().iter().filter(is_left).map(|kin| kin.pid).collect()
    }
}

/// When the guardian has died its orphans have gone elsewhere, and new ones do.
pub(super) fn is_parent(guardian: i32) -> bool {
    std::os::unix::process::parent_id() as i32 == guardian
}

impl Family<'_> {
    /// Those of them that belong to it. Who cannot tell yet is looked at again, with those who are born.
    pub(super) fn members_by(&self, mark: &Mark, all: &[Kin], births: Option<&mut Births>) -> Vec<Kin> {
        let untold = RefCell::new(BTreeSet::new());
        let members = self.members(all, |kin| {
            let marked = mark.on(kin.pid);
            if marked.is_none() && Judged::of_blank(kin.pid) == Judged::Unclear {
                untold.borrow_mut().insert(kin.pid);
            }
            marked.unwrap_or(Marked::No)
        });
        if let Some(births) = births {
            births.look_again(untold.into_inner());
        }
        members
    }
}

impl Mark {
    /// What the mark of a process says about whether it is of this run.
    pub(super) fn of(&self, kin: &Kin) -> Marked {
        match self.on(kin.pid) {
            Some(marked) => marked,
            None => Marked::No,
        }
    }

    /// The same of whatever has this number; `None` where there is nothing that could be marked.
    pub(super) fn on(&self, pid: i32) -> Option<Marked> {
        Some(match proc::look_up(pid, SPAWN_ID) {
            Variable::Is(text) if text == self.to_string() => Marked::Ours,
            Variable::Is(_) => Marked::Others,
            Variable::None => Marked::No,
            Variable::Blank => return None,
        })
    }
}
