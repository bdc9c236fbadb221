//! A connection, and the mark it bears for as long as nobody but us has it.

use super::primary::Carried;
use super::sched::Client;
use crate::ipc::Passenger;
use crate::slots::InFlight;
use crate::sys::fault::{self, Point};
use crate::sys::socket;
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use tokio::sync::oneshot;

/// Counts one connection that our death would end.
#[derive(Debug)]
struct Mark {
    in_flight: InFlight,
}

impl Mark {
    fn new(in_flight: &InFlight) -> Self {
        in_flight.begin();
        Self { in_flight: in_flight.clone() }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.in_flight.end();
    }
}

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    fd: OwnedFd,
    in_flight: InFlight,
    mark: RefCell<Option<Mark>>,
    client: Option<Client>,
    /// It is for one worker alone, and somebody waits for it to be taken. No client's: nothing is lost with it.
    question: Option<RefCell<Option<oneshot::Sender<()>>>>,
}

impl Connection {
    /// The next one that waits at the listener.
    pub(super) fn accept(listener: BorrowedFd<'_>, in_flight: &InFlight) -> io::Result<Rc<Self>> {
        // Before the accept: what is counted too much is a failure expected that doesn't come.
        let mark = Mark::new(in_flight);
        fault::point(Point::AcceptMarked);
        let fd = socket::accept(listener)?;
        fault::point(Point::AcceptDone);
        Ok(Rc::new(Self {
            fd,
            in_flight: in_flight.clone(),
            mark: RefCell::new(Some(mark)),
            client: None,
            question: None,
        }))
    }

    /// The same, with whose it is.
    pub(super) fn accept_from(listener: BorrowedFd<'_>, in_flight: &InFlight) -> io::Result<Rc<Self>> {
        let mut connection = Self::accept(listener, in_flight)?;
        let client = socket::peer_address(connection.fd.as_fd()).map(|address| Client::of(address.ip()));
        if let Some(connection) = Rc::get_mut(&mut connection) {
            connection.client = client;
        }
        Ok(connection)
    }

    /// One of our own making. Whether it is taken is told; when it is not, the sender is dropped.
    pub(super) fn question(fd: OwnedFd, in_flight: &InFlight, taken: oneshot::Sender<()>) -> Rc<Self> {
        let question = Some(RefCell::new(Some(taken)));
        Rc::new(Self { fd, in_flight: in_flight.clone(), mark: RefCell::new(None), client: None, question })
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Passenger for Connection {
    fn sent(&self) {
        fault::point(Point::HandedOver);
        self.mark.take();
    }
}

impl Carried for Rc<Connection> {
    fn came_back(&self) {
        if let Some(question) = &self.question {
            question.take();
            return;
        }
        self.mark.borrow_mut().get_or_insert_with(|| Mark::new(&self.in_flight));
    }

    fn taken(&self) {
        if let Some(taken) = self.question.as_ref().and_then(RefCell::take) {
            // Who asked may not wait any more.
            let _ = taken.send(());
        }
    }

    fn is_for_one(&self) -> bool {
        self.question.is_some()
    }

    fn client(&self) -> Option<Client> {
        self.client
    }
}
