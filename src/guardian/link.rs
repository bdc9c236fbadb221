//! The daemon's end: everything that it says to its guardian and hears from it. It never waits for ever.

use super::message::{About, ExitRecord, LONGEST_MESSAGE, Message, UpdateRecord};
use super::places;
use crate::sys::keep::{Keep, LONGEST_TAG};
use crate::sys::{inherit, packet, ready};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// A guardian answers in microseconds; one that doesn't in this time hangs. Milliseconds.
const PATIENCE: u16 = 5_000;
/// That time is waited for in so many parts: while we were stopped ourselves one of them is over.
const LOOKS: u16 = 50;
/// Beats one after another for which a guardian that reads nothing has no room.
const MOST_UNSENT: u32 = 3;

/// Descriptors that handing everything over takes.
const RESERVE: usize = 4;

/// A tag and a descriptor.
type Entry = (Box<[u8]>, Arc<OwnedFd>);

/// The way to the guardian. One thread.
#[derive(Debug)]
pub struct Link {
    pub(super) socket: Arc<OwnedFd>,
    /// Its pid.
    pub(super) guardian: i32,
    pub(super) patience: u16,
    /// What the guardian has of us; we have it too.
    pub(super) table: RefCell<BTreeMap<Box<str>, Entry>>,
    exits: RefCell<VecDeque<ExitRecord>>,
    /// Ends that we were told and have not acknowledged: the guardian's, should we take its place.
    pub(super) told: RefCell<BTreeMap<u64, ExitRecord>>,
    heard: Notify,
    barrier: Cell<u64>,
    gone: Cell<bool>,
    unsent: Cell<u32>,
    pub(super) image: OwnedFd,
    /// Numbers for taking the guardian's place, where there are no others left.
    pub(super) reserve: RefCell<Vec<File>>,
    pub(super) lock: OwnedFd,
    /// Of the guardian, for one that takes its place.
    pub(super) about: RefCell<About>,
    pub(super) last_update: RefCell<Option<UpdateRecord>>,
}

impl Link {
    /// The guardian that started us; `None` where none did. To be asked once, before anything else is opened.
    pub fn find() -> io::Result<Option<Self>> {
        let parent = nix::unistd::getppid();
        if std::env::var_os(places::VARIABLE).is_none_or(|pid| pid.to_str() != Some(&parent.to_string())) {
            return Ok(None);
        }
        let [socket, image, lock] = [places::CONTROL, places::IMAGE, places::LOCK].map(inherit::take);
        Ok(Some(Self::new(socket?, parent.as_raw(), image?, lock?)))
    }

    pub(super) fn new(socket: OwnedFd, guardian: i32, image: OwnedFd, lock: OwnedFd) -> Self {
        Self {
            socket: Arc::new(socket),
            guardian,
            patience: PATIENCE,
            table: RefCell::default(),
            exits: RefCell::default(),
            told: RefCell::default(),
            heard: Notify::new(),
            barrier: Cell::new(0),
            gone: Cell::new(false),
            unsent: Cell::new(0),
            image,
            reserve: RefCell::new((0..RESERVE).map_while(|_| File::open("/dev/null").ok()).collect()),
            lock,
            about: RefCell::default(),
            last_update: RefCell::default(),
        }
    }

    /// The guardian's pid.
    pub fn pid(&self) -> i32 {
        self.guardian
    }

    /// Where a child announces its birth, and the announcement.
    pub fn birth(&self, run: u64) -> (BorrowedFd<'_>, Vec<u8>) {
        (self.socket.as_fd(), Message::Born(run).encode())
    }

    /// The end of the run is recorded where it outlives us: the guardian may forget it.
    pub fn acknowledge(&self, run: u64) {
        self.told.borrow_mut().remove(&run);
        self.tell(&Message::Acknowledge(run));
    }

    /// We serve.
    pub fn ready(&self) {
        self.tell(&Message::Ready);
    }

    /// Never waits.
    pub fn beat(&self) {
        match packet::send(self.socket.as_fd(), &Message::Beat.encode(), None) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.unsent.set(self.unsent.get() + 1),
            _ => self.unsent.set(0),
        }
        if self.unsent.get() >= MOST_UNSENT {
            self.unsent.set(0);
            self.end_guardian();
        }
    }

    /// We are about to leave for good, and nothing runs any more.
    pub fn quit(&self) {
        self.tell(&Message::Quit);
    }

    /// Has the guardian start this program when we have ended.
    pub fn try_program(&self, program: &Path) -> io::Result<()> {
        let file = OwnedFd::from(File::open(program)?);
        let path = program.as_os_str().as_bytes();
        self.send(&Message::Try { path: path.to_vec() }, Some(file.as_fd()))?;
        self.wait_for_barrier()?;
        let tag = path[..path.len().min(LONGEST_TAG)].to_vec();
        self.table.borrow_mut().insert(places::CANDIDATE.into(), (tag.into(), Arc::new(file)));
        Ok(())
    }

    /// All ends of runs, each handed to `each`, until the guardian is gone.
    pub async fn listen(&self, mut each: impl FnMut(ExitRecord)) -> io::Result<()> {
        let socket = ready::register(Arc::clone(&self.socket))?;
        while let Some(exit) = self.next_exit_on(&socket).await? {
            each(exit);
        }
        Ok(())
    }

    async fn next_exit_on(&self, socket: &AsyncFd<Arc<OwnedFd>>) -> io::Result<Option<ExitRecord>> {
        loop {
            if let Some(exit) = self.exits.borrow_mut().pop_front() {
                return Ok(Some(exit));
            }
            if self.gone.get() {
                return Ok(None);
            }
            let mut ready = tokio::select! {
                ready = socket.readable() => ready?,
                () = self.heard.notified() => continue,
            };
            match self.receive() {
                Ok((Message::Exit(exit), _)) => self.heard_exit(exit),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.gone.set(true),
                Err(error) => return Err(error),
            }
        }
    }

    fn heard_exit(&self, exit: ExitRecord) {
        self.told.borrow_mut().insert(exit.run, exit);
        self.exits.borrow_mut().push_back(exit);
    }

    /// Whether the guardian has ended. What is put until this program takes its place is kept here.
    pub fn is_gone(&self) -> bool {
        if !self.gone.get() && packet::is_closed(self.socket.as_fd()) {
            self.note_gone();
        }
        self.gone.get()
    }

    fn note_gone(&self) {
        self.gone.set(true);
        self.heard.notify_one();
    }

    /// Says something that needs no answer. A guardian that is gone is noticed where we listen.
    fn tell(&self, message: &Message) {
        let _ = self.say(message);
    }

    pub(super) fn say(&self, message: &Message) -> io::Result<()> {
        self.send(message, None)
    }

    fn send(&self, message: &Message, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let bytes = message.encode();
        loop {
            match packet::send(self.socket.as_fd(), &bytes, descriptor) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                sent => return sent,
            }
            if !self.in_time(packet::wait_writable)? {
                self.end_guardian();
                return Err(io::Error::from_raw_os_error(libc::EAGAIN));
            }
        }
    }

    /// Whether what is looked for comes while we have patience.
    fn in_time(&self, look: impl Fn(BorrowedFd<'_>, u16) -> io::Result<bool>) -> io::Result<bool> {
        for _ in 0..LOOKS {
            if look(self.socket.as_fd(), self.patience / LOOKS)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn wait_for_barrier(&self) -> io::Result<()> {
        let number = self.barrier.get() + 1;
        self.barrier.set(number);
        self.say(&Message::Barrier(number))?;
        loop {
            let heard = self.hear().inspect_err(|error| {
                if error.kind() == ErrorKind::WouldBlock {
                    self.end_guardian();
                }
            });
            match heard? {
                (Message::Done(done), _) if done == number => return Ok(()),
                (Message::Refused { barrier, errno }, _) if barrier == number => {
                    return Err(io::Error::from_raw_os_error(errno));
                }
                (Message::Exit(exit), _) => {
                    self.heard_exit(exit);
                    self.heard.notify_one();
                }
                // The answer to a barrier that was given up.
                _ => {}
            }
        }
    }

    /// Waits for a message.
    pub(super) fn hear(&self) -> io::Result<(Message, Option<OwnedFd>)> {
        if !self.in_time(packet::wait_readable)? {
            // It may be able to in a moment.
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        self.receive().inspect_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof {
                self.note_gone();
            }
        })
    }

    fn receive(&self) -> io::Result<(Message, Option<OwnedFd>)> {
        let mut buffer = [0; LONGEST_MESSAGE];
        let Some(packet) = packet::receive(self.socket.as_fd(), &mut buffer)? else {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the guardian is gone"));
        };
        if packet.truncated {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        let message = Message::decode(&buffer[..packet.length]).map_err(|_| nonsense())?;
        Ok((message, packet.descriptor))
    }
}

impl Keep for Link {
    fn put(&self, name: &str, tag: &[u8], fd: &Arc<OwnedFd>) -> io::Result<()> {
        self.table.borrow_mut().insert(name.into(), (tag.into(), Arc::clone(fd)));
        let message = Message::Put { name: name.to_owned(), tag: tag.to_vec() };
        match self.send(&message, Some(fd.as_fd())) {
            Err(_) if self.is_gone() => Ok(()),
            sent => sent,
        }
    }

    fn note(&self, name: &str, fd: &Arc<OwnedFd>) {
        self.table.borrow_mut().insert(name.into(), (Box::default(), Arc::clone(fd)));
    }

    fn settle(&self) -> io::Result<()> {
        match self.wait_for_barrier() {
            Err(_) if self.is_gone() => Ok(()),
            settled => settled,
        }
    }

    fn forget(&self, name: &str) {
        if self.table.borrow_mut().remove(name).is_some() {
            self.tell(&Message::Delete { name: name.to_owned() });
        }
    }
}

pub(super) fn nonsense() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the guardian says what no guardian should")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::time::awake_ms;

    /// A link whose guardian, which is none, reads nothing.
    fn to_nobody() -> (Link, OwnedFd) {
        let (theirs, ours) = packet::pair().unwrap();
        let null = || OwnedFd::from(File::open("/dev/null").unwrap());
        let mut link = Link::new(ours, std::process::id() as i32, null(), null());
        link.patience = 300;
        (link, theirs)
    }

    #[test]
    fn a_guardian_that_reads_nothing_holds_nobody_up_for_ever() {
        let (link, theirs) = to_nobody();
        let began = awake_ms();
        (0..5000).for_each(|_| link.beat());
        let fd = Arc::new(OwnedFd::from(File::open("/dev/null").unwrap()));
        assert_eq!(link.put("slots", b"", &fd).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!((300..5000).contains(&(awake_ms() - began)));
        assert!(!link.is_gone());
        // Everything that did fit is there, and there is room again.
        let mut buffer = [0; LONGEST_MESSAGE];
        while let Ok(Some(packet)) = packet::receive(theirs.as_fd(), &mut buffer) {
            assert_eq!(Message::decode(&buffer[..packet.length]), Ok(Message::Beat));
        }
        link.put("slots", b"", &fd).unwrap();
        assert_eq!(link.settle().unwrap_err().kind(), ErrorKind::WouldBlock);
        // A dead one is gone, and what is put is kept here.
        drop(theirs);
        link.put("slots", b"", &fd).unwrap();
        link.settle().unwrap();
        assert!(link.is_gone());
    }
}
