//! The guardian's loop: one thread that waits for the daemon's packets, for children that end, and for time.

use super::generation::end_of;
use super::image::Image;
use super::manager::Manager;
use super::message::{DeathRecord, ExitRecord, Message, UpdateRecord};
use super::places;
use super::policy::Deaths;
use super::store::Store;
use super::succession::{FENCE, Stage};
use super::voice::say;
use super::wire::{Blocked, Incoming, Wire};
use crate::sys::children;
use crate::sys::time::awake_ms;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// Between two tries when the kernel had no room for a message.
const CROWDED: u64 = 5;
/// How long we wait for a daemon that ends everything in order, once we were asked to.
const ENDING: u64 = 60_000;

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
    /// Whose service we are the main process of.
    pub(super) manager: Manager,
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
        let next = self.leaving().map_or(next, |at| next.min(at)).min(self.manager.next());
        let timeout = PollTimeout::from(u16::try_from(next.saturating_sub(now)).unwrap_or(u16::MAX));
        let mut wanted = PollFlags::POLLIN;
        wanted.set(PollFlags::POLLOUT, blocked == Some(Blocked::Full));
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.wire().map(|wire| PollFd::new(wire.fd(), wanted)));
        // Interrupted or out of memory: everything is looked at all the same.
        let _ = poll(&mut fds, timeout);
    }

    /// Everything that the daemon, or its children that are not executed yet, have sent.
    pub(super) fn read_wire(&mut self) {
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

    fn read_signals(&mut self) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            // The others only wake us.
            if matches!(signal.ssi_signo as i32, libc::SIGTERM | libc::SIGINT | libc::SIGQUIT) {
                self.ending = Some(awake_ms() + places::milliseconds(places::END_VARIABLE, ENDING));
                self.manager.ends();
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
        self.manager.keep_time(matches!(self.stage, Stage::Running(_)));
        if self.leaving().is_some_and(|at| at <= now) {
            say("asked to end, and no daemon is there to do it in order: what runs is left alone");
            self.stage = Stage::Over;
        }
    }
}
