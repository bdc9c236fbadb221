//! The guardian's loop: one thread that waits for the daemon's packets, for children that end, and for time.

use super::generation::{Aim, Generation, Surroundings, end_of};
use super::image::Image;
use super::message::{About, Cause, DeathRecord, End, ExitRecord, Message, UpdateRecord, VERSION, Verdict};
use super::places;
use super::policy::Deaths;
use super::store::Store;
use super::voice::say;
use super::wire::{Blocked, Incoming, Wire};
use crate::sys::children;
use crate::sys::pidfd::Exit;
use crate::sys::time::{awake_ms, unix_ms};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// How long a child may hold a dead daemon's socket before it is executed.
const FENCE: u64 = 2_000;
/// Between two tries when the kernel had no room for a message.
const CROWDED: u64 = 5;
/// How long we wait for a daemon that ends everything in order, once we were asked to.
const ENDING: u64 = 60_000;

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

#[derive(Debug)]
pub(super) struct Guardian {
    pub(super) current: Image,
    pub(super) previous: Option<Image>,
    /// To be tried when the daemon has made room.
    pub(super) candidate: Option<Image>,
    pub(super) store: Store,
    pub(super) stage: Stage,
    pub(super) deaths: Deaths,
    pub(super) generation: u64,
    pub(super) last_death: Option<DeathRecord>,
    pub(super) last_update: Option<UpdateRecord>,
    pub(super) started_at: i64,
    pub(super) orphans: u64,
    /// Some daemon has been ready.
    pub(super) served: bool,
    pub(super) word: Option<File>,
    pub(super) lock: OwnedFd,
    pub(super) open_files: u64,
    /// Numbers from here on are ours, to start a daemon with.
    pub(super) most_descriptors: u64,
    pub(super) signals: SignalFd,
    /// We were asked to end: when we do so without a daemon.
    pub(super) ending: Option<u64>,
    pub(super) code: u8,
}

impl Guardian {
    /// Until the daemon has left for good.
    pub(super) fn watch(mut self) -> u8 {
        while !matches!(self.stage, Stage::Over) {
            self.wait();
            self.read_wire();
            self.read_signals();
            self.look_after_children();
            self.keep_time();
            if let Stage::Running(daemon) = &mut self.stage {
                daemon.wire.pump(&mut self.store);
            }
        }
        self.code
    }

    fn wire(&self) -> Option<&Wire> {
        match &self.stage {
            Stage::Running(daemon) => (!daemon.mute).then_some(&daemon.wire),
            Stage::Fencing { wire, .. } => Some(wire),
            Stage::Waiting { .. } | Stage::Over => None,
        }
    }

    /// When to give up the end that we were asked for. A daemon that is at work takes the time that its apps have.
    fn leaving(&self) -> Option<u64> {
        self.ending.filter(|_| !matches!(self.stage, Stage::Running(_)))
    }

    fn wait(&self) {
        let mut next = match &self.stage {
            Stage::Running(daemon) => daemon.next_look(),
            Stage::Fencing { until, .. } | Stage::Waiting { until } => *until,
            Stage::Over => 0,
        };
        let blocked = self.wire().and_then(Wire::blocked);
        let now = awake_ms();
        if blocked == Some(Blocked::Crowded) {
            next = next.min(now + CROWDED);
        }
        let next = self.leaving().map_or(next, |at| next.min(at));
        let timeout = PollTimeout::from(u16::try_from(next.saturating_sub(now)).unwrap_or(u16::MAX));
        let mut wanted = PollFlags::POLLIN;
        wanted.set(PollFlags::POLLOUT, blocked == Some(Blocked::Full));
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.wire().map(|wire| PollFd::new(wire.fd(), wanted)));
        // Interrupted or out of memory: everything is looked at all the same.
        let _ = poll(&mut fds, timeout);
    }

    /// Everything that the daemon, or its children that are not executed yet, have sent.
    fn read_wire(&mut self) {
        while let Some(wire) = self.wire() {
            match wire.receive() {
                Incoming::Empty => return,
                Incoming::End => return self.wire_ended(),
                Incoming::Garbage => self.distrust(),
                Incoming::Message { message: Message::Born(run), sender, .. } => self.store.born(run, sender),
                Incoming::Message { message, descriptor, truncated, .. } => {
                    self.obey(message, descriptor, truncated);
                }
            }
        }
    }

    /// What it says makes no sense: the next one may do better.
    fn distrust(&mut self) {
        if let Stage::Running(daemon) = &mut self.stage {
            say("the daemon says what no daemon should; it is replaced");
            daemon.kill(Cause::Ended(End::Unknown));
        }
    }

    fn wire_ended(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Fencing { then, .. } => self.let_go(then),
            Stage::Running(mut daemon) => {
                daemon.fell_silent();
                self.stage = Stage::Running(daemon);
            }
            other => self.stage = other,
        }
    }

    fn obey(&mut self, message: Message, descriptor: Option<OwnedFd>, truncated: bool) {
        // What a dead daemon has still sent changes the store, and needs no answer.
        match &message {
            Message::Put { name, tag } => match descriptor {
                Some(fd) if !truncated && (fd.as_raw_fd() as u64) < self.most_descriptors => {
                    return self.store.put(name, tag, fd);
                }
                descriptor => {
                    let full = truncated || descriptor.is_some();
                    if let Stage::Running(daemon) = &mut self.stage {
                        daemon.failed = Some(if full { libc::EMFILE } else { libc::EBADF });
                    }
                    return;
                }
            },
            Message::Delete { name } => return self.store.delete(name),
            Message::Acknowledge(run) => return self.store.acknowledge(*run),
            _ => {}
        }
        let Stage::Running(daemon) = &mut self.stage else { return };
        daemon.heard();
        let fine = match message {
            Message::Beat => true,
            Message::Hello { .. } => daemon.wire.answer(Message::Welcome { version: VERSION }),
            Message::Barrier(number) => daemon.wire.answer(match daemon.failed.take() {
                None => Message::Done(number),
                Some(errno) => Message::Refused { barrier: number, errno },
            }),
            Message::Get => {
                self.tell_all();
                true
            }
            Message::Ready => {
                self.is_ready();
                true
            }
            Message::Quit => {
                daemon.aim = Aim::Quit;
                true
            }
            Message::Try { path } => {
                self.is_to_try(&path, descriptor);
                true
            }
            _ => false,
        };
        if !fine {
            self.distrust();
        }
    }

    fn tell_all(&mut self) {
        self.store.new_listener();
        self.keep_previous();
        let about = About {
            pid: std::process::id() as i32,
            generation: self.generation,
            started_at: self.started_at,
            orphans: self.orphans,
            open_files: self.open_files,
            version: env!("CARGO_PKG_VERSION").into(),
        };
        // Each run is among those that live or those that have ended: both as they are at this moment.
        let mut rest: Vec<Message> = self.store.children().iter().map(|child| Message::Child(*child)).collect();
        rest.extend(self.store.exits().map(|exit| Message::Exit(*exit)));
        // All of them are in the answer.
        self.store.all_told();
        rest.extend(self.last_death.map(Message::Death));
        rest.extend(self.update_to_tell().map(Message::Update));
        rest.push(Message::End(about));
        if let Stage::Running(daemon) = &mut self.stage {
            daemon.wire.replay(rest);
        }
    }

    /// For a daemon that has to take our place: the program to go back to. One on trial that lives to do so has been
    /// taken, and so goes back to what is still the current one.
    fn keep_previous(&mut self) {
        let on_trial = matches!(&self.stage, Stage::Running(daemon) if daemon.on_trial);
        let previous = if on_trial { Some(&self.current) } else { self.previous.as_ref() };
        match previous.and_then(|image| Some((&image.path, image.fd.try_clone().ok()?))) {
            Some((path, fd)) => self.store.put(places::PREVIOUS, path, fd),
            None => self.store.delete(places::PREVIOUS),
        }
    }

    /// A daemon on trial that lives to tell it has been taken.
    fn update_to_tell(&self) -> Option<UpdateRecord> {
        match (&self.stage, &self.candidate) {
            (Stage::Running(daemon), Some(image)) if daemon.on_trial => Some(image.update(Verdict::Taken)),
            _ => self.last_update.clone(),
        }
    }

    fn is_ready(&mut self) {
        let Stage::Running(daemon) = &mut self.stage else { return };
        daemon.is_ready();
        self.served = true;
        self.word = None;
        if std::mem::take(&mut daemon.on_trial)
            && let Some(image) = self.candidate.take()
        {
            self.last_update = Some(image.update(Verdict::Taken));
            self.previous = Some(std::mem::replace(&mut self.current, image));
            self.deaths = Deaths::default();
            say(&format!("the daemon is now {}", String::from_utf8_lossy(&self.current.path)));
        }
        if self.ending.is_some() {
            daemon.signal(libc::SIGTERM);
        }
    }

    fn is_to_try(&mut self, path: &[u8], descriptor: Option<OwnedFd>) {
        let Stage::Running(daemon) = &mut self.stage else { return };
        match descriptor {
            Some(fd) if daemon.ready && daemon.aim == Aim::Serve => {
                self.candidate = Some(Image::new(fd, path));
                daemon.leaves();
            }
            _ => daemon.failed = Some(libc::EBUSY),
        }
    }

    fn read_signals(&mut self) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            // The others only wake us.
            if matches!(signal.ssi_signo as i32, libc::SIGTERM | libc::SIGINT | libc::SIGQUIT) {
                self.ending = Some(awake_ms() + places::milliseconds(places::END_VARIABLE, ENDING));
                if let Stage::Running(daemon) = &self.stage {
                    daemon.signal(libc::SIGTERM);
                }
            }
        }
    }

    fn look_after_children(&mut self) {
        while let Some(pid) = children::ended() {
            let is_daemon = matches!(&self.stage, Stage::Running(daemon) if daemon.pid == pid);
            if !is_daemon && !self.store.is_child(pid) {
                // Its birth may have been announced since we last looked: it was, before it could end.
                self.read_wire();
            }
            let Some(exit) = children::reap(pid) else { continue };
            if is_daemon {
                self.read_wire();
                self.daemon_ended(&exit);
            } else if let Some(run) = self.store.ended(pid) {
                let (end, cpu_us, max_rss) = (end_of(&exit), exit.cpu_us, exit.max_rss);
                self.store.record(ExitRecord { run, pid, end, cpu_us, max_rss, at: exit.at });
            } else {
                self.orphans += 1;
            }
        }
    }

    fn daemon_ended(&mut self, exit: &Exit) {
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
    fn let_go(&mut self, then: Next) {
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

    fn keep_time(&mut self) {
        let now = awake_ms();
        match &mut self.stage {
            Stage::Running(daemon) => daemon.look(),
            Stage::Fencing { wire, until, then } if *until <= now => {
                // Not executed after so long: stuck, and without a name.
                let stuck = children::holding_socket(wire.peer);
                *until = now + FENCE;
                // Those that were born have nothing more to say, however long their execution takes.
                if stuck.iter().all(|pid| self.store.is_child(*pid)) {
                    let then = *then;
                    return self.let_go(then);
                }
                for pid in stuck.into_iter().filter(|pid| !self.store.is_child(*pid)) {
                    say(&format!("child {pid} was never executed; it is killed"));
                    children::kill(pid);
                }
            }
            Stage::Waiting { until } if *until <= now => self.start(),
            Stage::Fencing { .. } | Stage::Waiting { .. } | Stage::Over => {}
        }
        if self.leaving().is_some_and(|at| at <= now) {
            say("asked to end, and no daemon is there to do it in order: what runs is left alone");
            self.stage = Stage::Over;
        }
    }

    pub(super) fn start(&mut self) {
        let on_trial = self.candidate.is_some();
        let image = self.candidate.as_ref().unwrap_or(&self.current).clone();
        let around = Surroundings {
            word: self.word.as_ref().map(AsFd::as_fd),
            lock: self.lock.as_fd(),
            open_files: self.open_files,
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
