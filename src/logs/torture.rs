//! The copying cut off at every place where it may be, and finished by the next: nothing is missing, nothing twice.

use super::copier::Copier;
use super::destination::Destination;
use super::handle::Command;
use super::tests::label;
use super::{Recovered, Staging, recover};
use crate::domain::SpawnId;
use crate::slots::Journal;
use crate::sys::epoll::Waker;
use crate::sys::pipe::{lasting, output_pipe, set_nonblocking};
use proptest::prelude::*;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

thread_local! {
    /// How many places are passed before this thread is cut off; `None`: all of them.
    static FUSE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// What a thread that is cut off unwinds with. The journal, the pipes and the files are all that is left of it.
struct CutOff;

pub(super) fn reached() {
    match FUSE.get() {
        Some(0) => {
            FUSE.set(None);
            resume_unwind(Box::new(CutOff));
        }
        left => FUSE.set(left.map(|left| left - 1)),
    }
}

/// Runs it, and cuts it off after so many places; `None` then.
pub(super) fn cut_after<T>(places: Option<usize>, run: impl FnOnce() -> T) -> Option<T> {
    FUSE.set(places);
    let done = catch_unwind(AssertUnwindSafe(run));
    FUSE.set(None);
    match done {
        Ok(done) => Some(done),
        Err(cause) if cause.is::<CutOff>() => None,
        Err(cause) => resume_unwind(cause),
    }
}

/// An app as the world sees it: its pipe, its file, and what it has written.
pub(super) struct App {
    pub(super) id: u32,
    ours: Arc<OwnedFd>,
    end: File,
    path: PathBuf,
    pub(super) to: Destination,
    pub(super) written: Vec<u8>,
    /// A line that is begun.
    unsent: Vec<u8>,
    lines: u32,
}

impl App {
    pub(super) fn new(id: u32, pipe: usize, to: Destination) -> Self {
        let (ours, end) = output_pipe(pipe).unwrap();
        // A full pipe ends the write, not the test.
        set_nonblocking(end.as_fd()).unwrap();
        let path = to.path.as_deref().unwrap().to_owned();
        Self { id, ours: ours.into(), end: end.into(), path, to, written: Vec::new(), unsent: Vec::new(), lines: 0 }
    }

    /// Writes up to `count` bytes of numbered lines.
    pub(super) fn print(&mut self, count: usize, width: usize) {
        while self.unsent.len() < count {
            let line = format!("{} {} {}\n", self.id, self.lines, "x".repeat(width * (self.lines as usize % 7)));
            self.unsent.extend_from_slice(line.as_bytes());
            self.lines += 1;
        }
        let sent = (&self.end).write(&self.unsent[..count]).unwrap_or(0);
        self.written.extend(self.unsent.drain(..sent));
    }

    fn finish_line(&mut self) -> bool {
        let rest = self.unsent.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if self.written.last().is_none_or(|&byte| byte == b'\n') {
            return true;
        }
        self.print(rest, 1);
        self.written.last() == Some(&b'\n')
    }
}

/// A log thread that goes step by step.
pub(super) struct Stepped {
    copier: Copier,
    commands: Sender<Command>,
    waker: Arc<Waker>,
}

impl Stepped {
    pub(super) fn new(staging: Staging) -> Self {
        let (commands, inbox) = mpsc::channel();
        let waker = Arc::new(Waker::new().unwrap());
        Self { copier: Copier::new(inbox, Arc::clone(&waker), staging).unwrap(), commands, waker }
    }

    pub(super) fn command(&self, command: Command) {
        self.commands.send(command).ok().unwrap();
        self.waker.wake();
    }

    /// How many events there were.
    pub(super) fn round(&mut self) -> usize {
        let mut ready = Vec::new();
        self.copier.round(Some(Duration::ZERO), &mut ready).unwrap();
        ready.len()
    }

    /// Whether it would sleep until something happens.
    pub(super) fn is_idle(&self) -> bool {
        self.copier.timeout().is_none()
    }
}

pub(super) struct World {
    pub(super) apps: Vec<App>,
    staging: Staging,
    pub(super) thread: Option<Stepped>,
    pub(super) redone: Recovered,
    _dir: TempDir,
}

impl World {
    /// The first app has a file to itself, two others share one.
    fn new(pipe: usize, staging: usize) -> Self {
        let dir = TempDir::new().unwrap();
        let app = |id, file: &str| App::new(id, pipe, Some(dir.path().join(file)).into());
        let apps = vec![app(1, "sole.log"), app(2, "shared.log"), app(3, "shared.log")];
        Self::of(apps, staging, dir)
    }

    pub(super) fn of(apps: Vec<App>, staging: usize, dir: TempDir) -> Self {
        let staging = Staging::inherited(Arc::new(lasting(staging).unwrap()), Journal::unkept());
        let (thread, redone) = (None, Recovered::default());
        Self { apps, staging, thread, redone, _dir: dir }
    }

    /// What a daemon does when it starts, and one round.
    pub(super) fn go_on(&mut self) {
        let Self { apps, staging, thread, redone, .. } = self;
        let thread = thread.get_or_insert_with(|| {
            let recovered = recover(staging, |id, _, _| {
                let app = apps.iter().find(|app| app.id == id.0)?;
                Some((Arc::clone(&app.ours), app.to.clone()))
            });
            redone.redone += recovered.redone;
            redone.consumed += recovered.consumed;
            let thread = Stepped::new(staging.clone());
            for App { id, ours, to, .. } in apps {
                thread.command(Command::Capture { label: label(*id), pipe: Arc::clone(ours), to: to.clone() });
            }
            thread
        });
        thread.round();
    }

    pub(super) fn finish(&mut self) {
        while !self.apps.iter_mut().all(App::finish_line) {
            self.go_on();
        }
        for app in 0..self.apps.len() {
            self.go_on();
            let (reply, mut answer) = oneshot::channel();
            let spawn = SpawnId(self.apps[app].id.into());
            self.thread.as_ref().unwrap().command(Command::Finish { spawn, reply });
            while answer.try_recv().is_err() {
                self.go_on();
            }
        }
    }

    /// Each line of each app once, whole, in order.
    fn check(&self) {
        for app in &self.apps {
            let file = fs::read(&app.path).unwrap();
            let mark = format!("{} ", app.id);
            let own: Vec<u8> = file
                .split_inclusive(|&b| b == b'\n')
                .filter(|line| line.starts_with(mark.as_bytes()))
                .flatten()
                .copied()
                .collect();
            assert!(own == app.written, "app {}: {} of {} bytes", app.id, own.len(), app.written.len());
        }
        let shared = fs::read(&self.apps[1].path).unwrap().len();
        assert_eq!(shared, self.apps[1].written.len() + self.apps[2].written.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn cut_off_anywhere_nothing_is_missing_and_nothing_twice(
        pipe in prop::sample::select(vec![8192_usize, 16 << 10, 64 << 10]),
        staging in prop::sample::select(vec![4096_usize, 16 << 10, 1 << 20]),
        width in 0_usize..300,
        steps in prop::collection::vec((0_usize..3, 0_usize..9000, prop::option::of(0_usize..24)), 1..120),
    ) {
        let mut world = World::new(pipe, staging);
        for (app, count, cut) in steps {
            world.apps[app].print(count, width);
            if cut_after(cut, || world.go_on()).is_none() {
                world.thread = None;
            }
        }
        // The last one may be cut off itself while it finishes what another began.
        world.finish();
        world.check();
    }
}

#[test]
fn the_cuts_meet_every_step() {
    let mut world = World::new(16 << 10, 4096);
    let mut cuts = 0;
    for places in (0..40).cycle().take(2000) {
        world.apps[places % 3].print(5000, 40);
        if cut_after(Some(places), || world.go_on()).is_none() {
            world.thread = None;
            cuts += 1;
        }
    }
    world.finish();
    world.check();
    assert!(cuts > 500, "{cuts}");
    assert!(world.redone.redone > 0 && world.redone.consumed > 0, "{:?}", world.redone);
}

#[test]
fn an_unfinished_line_in_a_shared_file_wakes_nobody_and_its_end_does() {
    let mut world = World::new(64 << 10, 1 << 20);
    world.go_on();
    let path = world.apps[1].path.clone();
    let print = |world: &World, text: &[u8]| assert_eq!((&world.apps[1].end).write(text).unwrap(), text.len());
    let step = |world: &mut World| {
        let thread = world.thread.as_mut().unwrap();
        (thread.round(), thread.round())
    };
    while !world.thread.as_ref().unwrap().is_idle() || world.thread.as_mut().unwrap().round() > 0 {}
    for part in [&b"begun"[..], b", not", b" ended"] {
        print(&world, part);
        assert_eq!(step(&mut world), (1, 0), "one event a write, and none for what stays");
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
    print(&world, b"\nnext");
    assert_eq!(step(&mut world), (1, 0));
    assert_eq!(fs::read(&path).unwrap(), b"begun, not ended\n");
    print(&world, b"\n");
    assert_eq!(step(&mut world), (1, 0));
    assert_eq!(fs::read(&path).unwrap(), b"begun, not ended\nnext\n");
    assert!(world.thread.as_ref().unwrap().is_idle() || world.thread.as_mut().unwrap().round() == 0);
}

#[test]
fn an_unfinished_line_is_taken_once_after_a_second_and_then_all_is_quiet() {
    let mut world = World::new(64 << 10, 1 << 20);
    world.go_on();
    (&world.apps[1].end).write_all(b"password: ").unwrap();
    let thread = world.thread.as_mut().unwrap();
    let begun = crate::clock::boot_ms();
    let mut rounds = 0;
    let mut ready = Vec::new();
    while rounds == 0 || !thread.is_idle() {
        let timeout = thread.copier.timeout();
        thread.copier.round(timeout, &mut ready).unwrap();
        rounds += 1;
    }
    assert!(crate::clock::boot_ms() - begun >= 900);
    assert!(rounds <= 4, "{rounds} wake-ups in a second");
    assert_eq!(fs::read(&world.apps[1].path).unwrap(), b"password: ");
}

#[test]
fn more_small_writes_than_a_look_has_room_for_are_all_seen() {
    let mut world = World::new(1 << 20, 1 << 20);
    world.go_on();
    // Of odd sizes, so that they share few pages; far more than one chunk.
    for n in 0..300 {
        world.apps[0].print(2049 + n, 50);
    }
    let thread = world.thread.as_mut().unwrap();
    let mut ready = Vec::new();
    thread.round();
    while !thread.is_idle() {
        thread.copier.round(Some(Duration::ZERO), &mut ready).unwrap();
    }
    assert_eq!(fs::metadata(&world.apps[0].path).unwrap().len(), world.apps[0].written.len() as u64);
}

#[test]
fn the_end_of_a_pipe_is_noticed_with_and_without_a_line_that_waits() {
    for last in ["whole\n", "not whole"] {
        let mut world = World::new(64 << 10, 1 << 20);
        world.go_on();
        let App { end, path, ours, .. } = world.apps.remove(1);
        (&end).write_all(last.as_bytes()).unwrap();
        drop(end);
        let weak = Arc::downgrade(&ours);
        drop(ours);
        let thread = world.thread.as_mut().unwrap();
        thread.round();
        while weak.strong_count() > 0 {
            assert_ne!(thread.copier.timeout(), None, "it sleeps before the end");
            thread.round();
        }
        assert_eq!(fs::read(&path).unwrap(), last.as_bytes());
    }
}
