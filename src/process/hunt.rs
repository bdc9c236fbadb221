//! Ending what forks as fast as it dies, on a thread of its own: it is found by its birth, before it can fork again.
//!
//! No list of processes shows it ([`births`](crate::sys::births)). So everything is looked at and killed once, and then
//! all that is born, until something is certain: nothing of it lives, or it is not to be had.

use super::kin::{Family, Marked};
use super::kinship::{Place, is_parent};
use super::mark::Mark;
use crate::clock;
use crate::sys::births::{Births, Chase, Judged};
use crate::sys::pidfd;
use crate::sys::proc::StatFile;
use crate::sys::tree::{self, Kin};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The longest hunt.
const EFFORT: Duration = Duration::from_secs(2);
/// For so long nothing of it is seen, while everybody who is born is looked at: there is nothing.
const QUIET: Duration = Duration::from_millis(500);
/// And so often was looked, whatever else this machine had to do.
const LOOKS: u32 = 100;
const SIGKILL: i32 = 9;

/// How a hunt has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Catch {
    /// Nothing of it is born any more, and all that was has been killed.
    Gone,
    /// Nothing of it was seen for a long time; others fork so fast that it is not certain.
    Unseen,
    /// It was there to the end.
    Lives,
}

/// What one process is to a run, as far as it alone can tell. Kills nobody.
pub(super) fn judge(family: &Family<'_>, mark: &Mark, spares: impl Fn(i32) -> bool, pid: i32) -> Judged {
    if spares(pid) {
        return Judged::Stranger;
    }
    // Whoever waits for the main process does so elsewhere.
    let marked = if pid == family.leader { None } else { mark.on(pid) };
    match marked {
        Some(Marked::Ours) => return Judged::Ours,
        Some(Marked::Others) => return Judged::Stranger,
        Some(Marked::No) | None => {}
    }
    let Some(kin) = tree::kin(pid) else { return Judged::Gone };
    if is_family(family, mark, &kin, marked, spares) {
        Judged::Ours
    } else if marked.is_none() && pid != family.leader {
        Judged::of_blank(pid)
    } else {
        Judged::Stranger
    }
}

/// Whether it is by its session, or as a child of one that is.
fn is_family(
    family: &Family<'_>,
    mark: &Mark,
    kin: &Kin,
    marked: Option<Marked>,
    spares: impl Fn(i32) -> bool,
) -> bool {
    let tells = |pid: i32| pid != kin.pid && (pid == family.leader || family.known.contains_key(&pid));
    let in_session = kin.session == family.leader || kin.group == family.leader;
    // Few have either, and the others cost nothing more.
    let others = [Some(kin.parent), Some(family.leader).filter(|_| in_session)];
    let others: BTreeSet<i32> = others.into_iter().flatten().filter(|pid| tells(*pid) && !spares(*pid)).collect();
    let all: Vec<Kin> = others.into_iter().filter_map(tree::kin).chain([*kin]).collect();
    let marked = |other: &Kin| if other.pid == kin.pid { marked.unwrap_or(Marked::No) } else { mark.of(other) };
    family.members(&all, marked).iter().any(|member| member.pid == kin.pid)
}

/// All that tells what is hunted, for a thread of its own.
#[derive(Debug)]
pub(super) struct Quarry {
    pub(super) mark: Mark,
    pub(super) leader: i32,
    pub(super) began: u64,
    pub(super) place: Place,
    pub(super) known: BTreeMap<i32, u64>,
    pub(super) spared: BTreeSet<i32>,
    /// Those that were killed before.
    pub(super) killed: BTreeSet<(i32, u64)>,
}

impl Quarry {
    fn hunt(self, stop: &AtomicBool) -> Catch {
        let began = clock::boot();
        let trail = Trail { seen: Cell::new(began), looks: Cell::new(0), killed: RefCell::new(self.killed.clone()) };
        let goes_on = || {
            trail.looks.set(trail.looks.get() + 1);
            clock::boot() < began + EFFORT && trail.is_warm() && !stop.load(Ordering::Relaxed)
        };
        while goes_on() {
            // Without it a look at everything is all that there is.
            let mut births = Births::begin();
            let mut found = false;
            for kin in self.all(births.as_mut()) {
                found |= strike(&kin, &trail);
            }
            let chase = births.map_or(Chase::Calm, |mut births| {
                let judge = |pid: i32, process: &OwnedFd| self.strike_newborn(pid, process, &trail);
                births.chase(judge, goes_on)
            });
            if found {
                trail.note();
            } else if chase == Chase::Calm {
                return Catch::Gone;
            }
        }
        if trail.is_warm() { Catch::Lives } else { Catch::Unseen }
    }

    fn family(&self) -> Family<'_> {
        Family { leader: self.leader, began: self.began, known: &self.known }
    }

    /// Everything of it, as far as a list shows it.
    fn all(&self, births: Option<&mut Births>) -> Vec<Kin> {
        let below = match self.place {
            Place::Guardian(guardian) if is_parent(guardian) => {
                let stat = StatFile::open(guardian).ok();
                stat.and_then(|stat| tree::below_reaper(guardian, &stat, |pid| self.spared.contains(&pid)))
            }
            Place::Guardian(_) | Place::Anywhere => None,
        };
        let everybody = || tree::all().into_iter().filter(|kin| !self.spared.contains(&kin.pid)).collect();
        self.family().members_by(&self.mark, &below.unwrap_or_else(everybody), births)
    }

    fn strike_newborn(&self, pid: i32, process: &OwnedFd, trail: &Trail) -> Judged {
        let judged = judge(&self.family(), &self.mark, |pid| self.spared.contains(&pid), pid);
        if judged != Judged::Ours {
            return judged;
        }
        // First: it may be about to fork.
        kill(pid, process);
        if tree::kin(pid).is_some_and(|kin| !trail.killed.borrow_mut().insert((kin.pid, kin.began))) {
            return Judged::Stranger;
        }
        trail.note();
        Judged::Ours
    }
}

/// What was seen of it.
struct Trail {
    /// When the last one was.
    seen: Cell<Duration>,
    /// How often was looked since.
    looks: Cell<u32>,
    killed: RefCell<BTreeSet<(i32, u64)>>,
}

impl Trail {
    fn note(&self) {
        self.seen.set(clock::boot());
        self.looks.set(0);
    }

    fn is_warm(&self) -> bool {
        clock::boot() < self.seen.get() + QUIET || self.looks.get() < LOOKS
    }
}

/// Whether it is one that was not killed before.
fn strike(kin: &Kin, trail: &Trail) -> bool {
    let is_new = trail.killed.borrow_mut().insert((kin.pid, kin.began));
    if is_new
        && let Ok(process) = pidfd::open(kin.pid)
        && tree::kin(kin.pid).is_some_and(|now| now.began == kin.began)
    {
        kill(kin.pid, &process);
    }
    is_new
}

fn kill(pid: i32, process: &OwnedFd) {
    if let Err(error) = pidfd::signal(process, SIGKILL) {
        tracing::warn!("process {pid} cannot be killed: {error}");
    }
}

/// A hunt that goes on. Ends with this.
#[derive(Debug)]
pub(super) struct Hunt {
    thread: JoinHandle<Catch>,
    stop: Arc<AtomicBool>,
}

impl Hunt {
    pub(super) fn begin(quarry: Quarry) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        Self { thread: tokio::task::spawn_blocking(move || quarry.hunt(&told)), stop }
    }

    /// Can be dropped and begun anew, until it has said how it ended.
    pub(super) async fn end(&mut self) -> Catch {
        // One that could not be begun has caught nothing.
        (&mut self.thread).await.unwrap_or(Catch::Lives)
    }
}

impl Drop for Hunt {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
