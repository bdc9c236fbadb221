//! What a run has announced, kept in memory that outlives this program: apps announce once, and every daemon after this
//! one has to know.
//!
//! The memory has a word and two halves. What is new is written to the half that isn't valid, then the word says which
//! one is: a death in between leaves the one before.

use super::wires::{PANEL, name_of};
use crate::clock;
use crate::domain::panel::{Announcement, Panel, Taken};
use crate::domain::{ProcessId, SpawnId};
use crate::sys::fault::{self, Point};
use crate::sys::keep::Keep;
use crate::sys::memory;
use std::cell::{Cell, Ref, RefCell};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Where the first half begins, and how long each is: more than a panel as JSON.
const HALF: u64 = 1 << 20;
/// Metrics are written at once so often, and no more than so many times in a row, in milliseconds; behind that a little later.
const EVERY: u64 = 20;
const AT_ONCE: u64 = 100;
/// Later.
const LATER: Duration = Duration::from_secs(1);

/// What a process's run has announced. Cheap to clone; all copies are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Announced {
    inner: Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Most announce nothing.
    panel: RefCell<Option<Box<Panel>>>,
    memory: RefCell<Option<Memory>>,
    /// When the next write may be made at once, were all made in order.
    due: Cell<u64>,
    /// What is written is older than what is known; somebody writes it soon.
    is_late: Cell<bool>,
}

impl Inner {
    fn panel(&self) -> Ref<'_, Panel> {
        static NOTHING: LazyLock<Panel> = LazyLock::new(Panel::default);
        Ref::map(self.panel.borrow(), |panel| panel.as_deref().unwrap_or(&NOTHING))
    }
}

/// Where it is kept, in so much memory as it takes.
#[derive(Debug)]
struct Memory {
    run: SpawnId,
    file: File,
    /// The half that is written next.
    next: u64,
}

impl Announced {
    pub(super) fn panel(&self) -> Ref<'_, Panel> {
        self.inner.panel()
    }

    /// Nothing is true of the run any more, or of the next one yet. What was kept is forgotten with all that is kept
    /// for the run.
    pub(super) fn clear(&self) {
        self.inner.panel.take();
        self.inner.memory.take();
        self.inner.is_late.set(false);
    }

    /// Takes an announcement; an action or an option is kept when this returns.
    pub(super) fn take(&self, announcement: Announcement, process: ProcessId, run: SpawnId, keep: &dyn Keep) -> Taken {
        let is_metric = matches!(announcement, Announcement::Metrics(_));
        let taken = self.inner.panel.borrow_mut().get_or_insert_default().take(announcement);
        if taken == Taken::Known {
            return taken;
        }
        if is_metric && !self.may_write() {
            self.write_later();
        } else {
            self.write(process, run, keep);
        }
        taken
    }

    /// What was kept for a run that another daemon has listened to.
    pub(super) fn adopt(&self, run: SpawnId, fd: &Arc<OwnedFd>) -> io::Result<()> {
        let file = File::from(fd.try_clone()?);
        let (panel, next) = read(&file)?;
        self.inner.panel.replace(Some(Box::new(panel)));
        self.inner.memory.replace(Some(Memory { run, file, next }));
        Ok(())
    }

    fn may_write(&self) -> bool {
        let now = clock::boot_ms();
        let due = self.inner.due.get().max(now.saturating_sub(EVERY * AT_ONCE));
        let may = due <= now;
        if may {
            self.inner.due.set(due + EVERY);
        }
        may
    }

    fn write(&self, process: ProcessId, run: SpawnId, keep: &dyn Keep) {
        let mut memory = self.inner.memory.borrow_mut();
        if memory.as_ref().is_none_or(|memory| memory.run != run) {
            match begin(process, run, keep) {
                Ok(begun) => *memory = Some(begun),
                Err(error) => {
                    tracing::warn!("what process {process} announces is lost with this daemon: {error}");
                    return;
                }
            }
        }
        if let Some(memory) = memory.as_mut()
            && let Err(error) = memory.write(&self.inner.panel())
        {
            tracing::warn!("what process {process} announces is not kept: {error}");
        }
    }

    /// So that an app which tells its metrics without end costs others nothing.
    fn write_later(&self) {
        if self.inner.is_late.replace(true) {
            return;
        }
        let inner = Rc::downgrade(&self.inner);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(LATER).await;
            let Some(inner) = inner.upgrade() else { return };
            if inner.is_late.replace(false)
                && let Some(memory) = inner.memory.borrow_mut().as_mut()
                && let Err(error) = memory.write(&inner.panel())
            {
                tracing::warn!("metrics are not kept: {error}");
            }
        });
    }
}

fn begin(process: ProcessId, run: SpawnId, keep: &dyn Keep) -> io::Result<Memory> {
    let fd = Arc::new(memory::scratch()?);
    let file = File::from(fd.try_clone()?);
    keep.put(&name_of(PANEL, process, run), b"", &fd)?;
    keep.settle()?;
    Ok(Memory { run, file, next: 0 })
}

impl Memory {
    fn write(&mut self, panel: &Panel) -> io::Result<()> {
        let text = serde_json::to_vec(panel)?;
        let length = text.len() as u64;
        if length > HALF {
            return Err(io::Error::other("it is too large"));
        }
        self.file.write_all_at(&text, HALF + self.next * HALF)?;
        fault::point(Point::PanelWritten);
        // Eight bytes within a page: written as a whole, or not at all.
        self.file.write_all_at(&(length << 1 | self.next).to_ne_bytes(), 0)?;
        self.next ^= 1;
        Ok(())
    }
}

/// What is there, and which half is written next.
fn read(file: &File) -> io::Result<(Panel, u64)> {
    let mut word = [0; 8];
    match file.read_exact_at(&mut word, 0) {
        // Nothing has been written yet.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok((Panel::default(), 0)),
        other => other?,
    }
    let word = u64::from_ne_bytes(word);
    let (length, half) = (word >> 1, word & 1);
    if length == 0 || length > HALF {
        return Ok((Panel::default(), 0));
    }
    let mut text = vec![0; length as usize];
    file.read_exact_at(&mut text, HALF + half * HALF)?;
    let panel: Panel = serde_json::from_slice(&text)?;
    Ok((panel.measured(), half ^ 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::keep::LocalKeep;
    use serde_json::{Value, json};

    fn metrics(value: &Value) -> Announcement {
        Announcement::Metrics(json!({ "m": value }).as_object().unwrap().clone())
    }

    fn kept(announced: &Announced) -> Arc<OwnedFd> {
        let memory = announced.inner.memory.borrow();
        Arc::new(memory.as_ref().unwrap().file.try_clone().unwrap().into())
    }

    #[test]
    fn another_daemon_knows_what_was_announced() {
        let (keep, announced, next) = (LocalKeep::default(), Announced::default(), Announced::default());
        for value in 1..=3 {
            announced.take(metrics(&json!(value)), ProcessId(4), SpawnId(9), &keep);
            next.adopt(SpawnId(9), &kept(&announced)).unwrap();
            assert_eq!(*next.panel(), *announced.panel());
        }
        assert_eq!(keep.names(), ["panel/4/9"]);
        next.take(metrics(&json!(4)), ProcessId(4), SpawnId(9), &keep);
        announced.adopt(SpawnId(9), &kept(&next)).unwrap();
        assert_eq!(announced.panel().metrics["m"], json!(4));
        announced.clear();
        assert!(announced.panel().is_empty());
    }

    #[test]
    fn a_death_in_the_middle_leaves_what_was_before() {
        let (keep, announced, next) = (LocalKeep::default(), Announced::default(), Announced::default());
        announced.take(metrics(&json!(1)), ProcessId(0), SpawnId(1), &keep);
        let memory = kept(&announced);
        let half = announced.inner.memory.borrow().as_ref().unwrap().next;
        File::from(memory.try_clone().unwrap()).write_all_at(b"{\"half", HALF + half * HALF).unwrap();
        next.adopt(SpawnId(1), &memory).unwrap();
        assert_eq!(next.panel().metrics["m"], json!(1));
        next.adopt(SpawnId(1), &Arc::new(memory::scratch().unwrap())).unwrap();
        assert!(next.panel().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_tells_without_end_is_written_down_in_the_end() {
        let tasks = tokio::task::LocalSet::new();
        let flood = async {
            let (keep, announced, next) = (LocalKeep::default(), Announced::default(), Announced::default());
            for value in 0..2000 {
                announced.take(metrics(&json!(value)), ProcessId(0), SpawnId(1), &keep);
            }
            next.adopt(SpawnId(1), &kept(&announced)).unwrap();
            assert_ne!(next.panel().metrics["m"], json!(1999));
            tokio::time::sleep(LATER * 2).await;
            next.adopt(SpawnId(1), &kept(&announced)).unwrap();
            assert_eq!(next.panel().metrics["m"], json!(1999));
        };
        tasks.run_until(flood).await;
    }
}
