//! One daemon: started from an image, watched, and what its end means.

use super::image::Image;
use super::manager::{self, Manager};
use super::message::{Cause, End, Verdict};
use super::places;
use super::wire::Wire;
use crate::sys::pidfd::{self, Ended, Exit};
use crate::sys::spawn::{Program, SpawnError, SpawnPlan, c_string, spawn};
use crate::sys::time::awake_ms;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Beats that may be missing.
const MOST_MISSED: u32 = 3;
const SIGKILL: i32 = 9;
/// Between the close of its descriptors and its end.
const DYING: u64 = 2_000;
/// A daemon that leaves on purpose has this long.
const LEAVING: u64 = 10_000;

/// What a daemon is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Serve,
    /// To end, and let another program be the daemon.
    MakeRoom,
    /// To end for good.
    Quit,
}

/// A daemon that runs.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) pid: i32,
    pidfd: OwnedFd,
    pub(super) wire: Wire,
    pub(super) since: u64,
    pub(super) ready: bool,
    /// It was started to find out whether it can be the daemon.
    pub(super) on_trial: bool,
    pub(super) aim: Aim,
    /// Nobody has its end of the wire any more: it is about to end.
    pub(super) mute: bool,
    /// When the next beat is missing.
    beat_due: u64,
    missed: u32,
    /// When it is killed if it is still there, and why.
    deadline: Option<(u64, Cause)>,
    killed_for: Option<Cause>,
    /// A `PUT` since the last barrier that could not be carried out.
    pub(super) failed: Option<i32>,
}

/// What a daemon is started with.
pub(super) struct Surroundings<'a> {
    pub(super) word: Option<BorrowedFd<'a>>,
    pub(super) lock: BorrowedFd<'a>,
    pub(super) open_files: u64,
    pub(super) manager: &'a Manager,
}

impl Generation {
    pub(super) fn start(image: &Image, on_trial: bool, around: &Surroundings<'_>) -> io::Result<Self> {
        let (wire, theirs) = Wire::new()?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let (out, err) = (io::stdout(), io::stderr());
        let mut env = Vec::new();
        let is_passed_on = |name: &OsStr| name != places::VARIABLE && !manager::is_ours(name);
        for (name, value) in std::env::vars_os().filter(|(name, _)| is_passed_on(name)) {
            let mut pair = name;
            pair.push("=");
            pair.push(value);
            env.push(c_string(pair)?);
        }
        env.push(c_string(format!("{}={}", places::VARIABLE, std::process::id()))?);
        for pair in around.manager.handed() {
            env.push(c_string(pair)?);
        }
        let argv = vec![c_string("rpm")?, c_string("daemon")?];
        let mut plan = SpawnPlan::new(Program::Inherited(places::IMAGE), argv, env, c_string("/")?);
        plan.fds = vec![
            (null.as_fd(), 0),
            (out.as_fd(), 1),
            (err.as_fd(), 2),
            (around.word.unwrap_or(null.as_fd()), places::WORD),
            (theirs.as_fd(), places::CONTROL),
            (image.fd.as_fd(), places::IMAGE),
            (around.lock, places::LOCK),
        ];
        plan.open_files = Some(around.open_files);
        let spawned = spawn(&plan).map_err(|SpawnError { source, .. }| source)?;
        let now = awake_ms();
        let time = places::milliseconds(places::TRIAL_VARIABLE, 10_000);
        let late = on_trial.then_some((now + time, Cause::Hung(time)));
        Ok(Self {
            pid: spawned.pid,
            pidfd: spawned.pidfd,
            wire,
            since: now,
            ready: false,
            on_trial,
            aim: Aim::Serve,
            mute: false,
            beat_due: now + places::beat(),
            missed: 0,
            deadline: late,
            killed_for: None,
            failed: None,
        })
    }

    /// It said something.
    pub(super) fn heard(&mut self) {
        self.beat_due = awake_ms() + places::beat();
        self.missed = 0;
    }

    pub(super) fn is_ready(&mut self) {
        self.ready = true;
        if self.on_trial {
            self.deadline = None;
        }
    }

    /// It makes room for another program.
    pub(super) fn leaves(&mut self) {
        self.aim = Aim::MakeRoom;
        self.deadline = Some((awake_ms() + LEAVING, Cause::MadeRoom));
    }

    /// Its end of the wire is closed. A daemon of ours never does that and lives.
    pub(super) fn fell_silent(&mut self) {
        self.mute = true;
        self.deadline = Some((awake_ms() + DYING, Cause::Ended(End::Unknown)));
    }

    /// When to look again.
    pub(super) fn next_look(&self) -> u64 {
        self.deadline.map_or(self.beat_due, |(at, _)| at.min(self.beat_due))
    }

    /// Time has passed. Beats are counted one look at a time: while we were stopped ourselves none was missed.
    pub(super) fn look(&mut self) {
        let now = awake_ms();
        if let Some((at, cause)) = self.deadline
            && now >= at
        {
            self.deadline = None;
            self.kill(cause);
        }
        if now >= self.beat_due {
            self.missed += 1;
            self.beat_due = now + places::beat();
            if self.missed >= MOST_MISSED {
                self.kill(Cause::Hung(places::beat() * u64::from(MOST_MISSED)));
            }
        }
    }

    /// Its end is then told with this cause.
    pub(super) fn kill(&mut self, cause: Cause) {
        self.killed_for.get_or_insert(cause);
        self.signal(SIGKILL);
    }

    pub(super) fn signal(&self, signal: i32) {
        // It can only have ended.
        let _ = pidfd::signal(&self.pidfd, signal);
    }

    /// What its end means.
    pub(super) fn cause(&self, exit: &Exit) -> Cause {
        match self.killed_for {
            Some(cause) => cause,
            None if self.aim == Aim::MakeRoom => Cause::MadeRoom,
            None => Cause::Ended(end_of(exit)),
        }
    }

    /// What its end means when it was on trial.
    pub(super) fn verdict(&self, exit: &Exit) -> Verdict {
        match self.killed_for {
            Some(Cause::Hung(time)) => Verdict::Late(time),
            _ => Verdict::Ended(end_of(exit)),
        }
    }
}

pub(super) fn end_of(exit: &Exit) -> End {
    match exit.ended {
        Ended::Code(code) => End::Code(code),
        Ended::Signal(signal) => End::Signal(signal),
        Ended::Unknown => End::Unknown,
    }
}
