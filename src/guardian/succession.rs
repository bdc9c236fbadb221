//! From one daemon to the next: what the end of one means, what has to be over before another starts, and from which
//! program it does.

use super::generation::{Aim, Generation, Surroundings, end_of};
use super::image::Image;
use super::keeper::Guardian;
use super::message::{Cause, DeathRecord, End, Verdict};
use super::voice::say;
use super::wire::Wire;
use crate::sys::children;
use crate::sys::pidfd::Exit;
use crate::sys::time::{awake_ms, unix_ms};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// How long a child may hold a dead daemon's socket before it is executed.
pub(super) const FENCE: u64 = 2_000;

/// Where the daemon is.
#[derive(Debug)]
pub(super) enum Stage {
    Running(Box<Generation>),
    /// It is dead; children that it was about to start may still be born.
    Fencing {
        wire: Box<Wire>,
        until: u64,
        then: Next,
    },
    Waiting {
        until: u64,
    },
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    StartAfter(u64),
    Leave,
}

impl Next {
    fn stage(self) -> Stage {
        match self {
            Self::StartAfter(delay) => Stage::Waiting { until: awake_ms() + delay },
            Self::Leave => Stage::Over,
        }
    }
}

impl Guardian {
    pub(super) fn daemon_ended(&mut self, exit: &Exit) {
        let Stage::Running(daemon) = std::mem::replace(&mut self.stage, Stage::Over) else { return };
        let (cause, end) = (daemon.cause(exit), end_of(exit));
        self.last_death = Some(DeathRecord { generation: self.generation, at: unix_ms(), cause });
        let lived = awake_ms().saturating_sub(daemon.since);
        let then = if daemon.aim == Aim::Quit {
            Next::Leave
        } else if daemon.on_trial {
            say("the program that was tried cannot be the daemon; the one before it goes on");
            self.give_back(daemon.verdict(exit));
            Next::StartAfter(0)
        } else if daemon.aim == Aim::MakeRoom {
            Next::StartAfter(0)
        } else if !self.served && self.store.children().is_empty() && matches!(end, End::Code(_)) {
            // It has said why, and there is nothing that needs it.
            self.code = if let End::Code(code) = end { u8::try_from(code).unwrap_or(1) } else { 1 };
            Next::Leave
        } else {
            // What we have killed ourselves nobody else has.
            let by_itself = if let Cause::Ended(end) = cause { end } else { End::Unknown };
            let next = self.deaths.another(lived, daemon.ready, by_itself);
            say(&format!("daemon {} ({cause:?}) is started again in {} ms", daemon.pid, next.delay));
            self.manager.status(&format!("daemon {} has ended; the next one is on its way", daemon.pid));
            if next.fall_back {
                self.fall_back(end);
            }
            Next::StartAfter(next.delay)
        };
        if daemon.mute {
            self.let_go(then);
        } else {
            self.stage = Stage::Fencing { wire: Box::new(daemon.wire), until: awake_ms() + FENCE, then };
            self.read_wire();
        }
    }

    /// Nothing more can come from the dead daemon, and its children are ours. Those that are not it has reaped itself
    /// (where it could not make them ours at their birth), and nobody may trust their numbers.
    pub(super) fn let_go(&mut self, then: Next) {
        self.store.drop_lost(|child| children::is_child(child.pid));
        self.stage = then.stage();
    }

    /// The program on trial has failed.
    fn give_back(&mut self, outcome: Verdict) {
        if let Some(image) = self.candidate.take() {
            self.last_update = Some(image.update(outcome));
        }
    }

    fn fall_back(&mut self, end: End) {
        let Some(previous) = self.previous.take() else { return };
        let failed = std::mem::replace(&mut self.current, previous);
        say(&format!("{} ends again and again: the one before it is back", String::from_utf8_lossy(&failed.path)));
        self.last_update = Some(failed.update(Verdict::Crashed(end)));
        self.previous = Some(failed);
    }

    pub(super) fn start(&mut self) {
        let on_trial = self.candidate.is_some();
        let image = self.candidate.as_ref().unwrap_or(&self.current).clone();
        let around = Surroundings {
            word: self.word.as_ref().map(AsFd::as_fd),
            lock: self.lock.as_fd(),
            open_files: self.open_files,
            manager: &self.manager,
        };
        self.generation += 1;
        match Generation::start(&image, on_trial, &around) {
            Ok(daemon) => self.stage = Stage::Running(Box::new(daemon)),
            Err(error) => self.not_started(&image, &error),
        }
    }

    fn not_started(&mut self, image: &Image, error: &io::Error) {
        let path = String::from_utf8_lossy(&image.path).into_owned();
        say(&format!("{path} cannot be started: {error}"));
        if self.candidate.is_some() {
            self.give_back(Verdict::NotExecuted(error.raw_os_error().unwrap_or(libc::EIO)));
            self.stage = Stage::Waiting { until: awake_ms() };
        } else if !self.served && self.store.children().is_empty() {
            if let Some(word) = &mut self.word {
                let _ = write!(word, "{path} cannot be started: {error}");
            }
            self.code = 1;
            self.stage = Stage::Over;
        } else {
            let next = self.deaths.another(0, false, End::Unknown);
            self.stage = Stage::Waiting { until: awake_ms() + next.delay.max(50) };
        }
    }
}
