//! As many marks as connections that nobody has but us.

use super::super::connection::Connection;
use super::super::primary::{HandOver, Primary};
use super::super::sched::Way;
use super::super::worker::{Seat, WorkerId};
use crate::ipc::Passenger;
use crate::slots::{InFlight, Table};
use crate::sys::memory::SharedWords;
use crate::sys::socket;
use proptest::prelude::*;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

/// A daemon's scheduling, with channels that may be full.
struct Model {
    primary: Primary<Rc<Connection>>,
    in_flight: InFlight,
    listener: OwnedFd,
    path: std::path::PathBuf,
    alive: Vec<WorkerId>,
    /// Handed over, and not written yet.
    unsent: Vec<HandOver<Rc<Connection>>>,
    sent: Vec<(WorkerId, u64)>,
    accepted: usize,
    served: usize,
    born: u32,
}

impl Model {
    fn accept(&mut self) {
        let _client = UnixStream::connect(&self.path).unwrap();
        let connection = Connection::accept(self.listener.as_fd(), &self.in_flight).unwrap();
        self.accepted += 1;
        self.unsent.extend(self.primary.accepted("k", connection, Duration::ZERO));
    }

    fn begin_worker(&mut self) {
        self.born += 1;
        self.primary.add_worker(WorkerId(self.born), Seat(self.born));
        self.primary.join(WorkerId(self.born), "k");
        self.alive.push(WorkerId(self.born));
    }

    fn send(&mut self, which: usize) {
        let hand_over = self.unsent.remove(which % self.unsent.len());
        hand_over.connection.sent();
        self.sent.push((hand_over.worker, hand_over.seq));
    }

    fn answer(&mut self, which: usize, accepted: bool, now: Duration) {
        let (worker, seq) = self.sent.remove(which % self.sent.len());
        assert!(self.primary.answered(worker, seq, accepted, now));
        self.served += usize::from(accepted);
    }

    fn end_worker(&mut self, which: usize) {
        let id = self.alive.remove(which % self.alive.len());
        self.unsent.retain(|hand_over| hand_over.worker != id);
        self.sent.retain(|(worker, _)| *worker != id);
        self.primary.gone(id, Duration::ZERO);
    }

    fn step(&mut self, kind: u8, which: usize, yes: bool, now: Duration) {
        match kind {
            0 | 1 => self.accept(),
            2 => self.begin_worker(),
            3 | 4 if !self.unsent.is_empty() => self.send(which),
            5 | 6 if !self.sent.is_empty() => self.answer(which, yes, now),
            7 if !self.alive.is_empty() => self.end_worker(which),
            _ => {}
        }
        while let Some(hand_over) = self.primary.dispatch_any(now) {
            self.unsent.push(hand_over);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn are_counted(steps in prop::collection::vec((0..8u8, any::<usize>(), any::<bool>()), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let (table, _) = Table::open(SharedWords::open(&directory.path().join("slots"), Table::words()).unwrap(), "boot");
        let path = directory.path().join("socket");
        let mut model = Model {
            primary: Primary::new(0),
            in_flight: table.in_flight(),
            listener: socket::listen_unix(&path, 8).unwrap(),
            path,
            alive: Vec::new(),
            unsent: Vec::new(),
            sent: Vec::new(),
            accepted: 0,
            served: 0,
            born: 0,
        };
        model.primary.open("k", Way::Turns);
        for (turn, (kind, which, yes)) in steps.into_iter().enumerate() {
            model.step(kind, which, yes, Duration::from_millis(turn as u64 * 7));
            // Whoever is neither served nor with a worker that has not said.
            let ours = model.accepted - model.served - model.sent.len();
            prop_assert_eq!(table.in_flight().count(), ours as u64);
        }
        prop_assert!(Connection::accept(model.listener.as_fd(), &model.in_flight).is_err());
        model.unsent.clear();
        drop(model.primary);
        prop_assert_eq!(table.in_flight().count(), 0, "what is closed is not lost");
    }
}
