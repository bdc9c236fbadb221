//! The daemon's end: everything that it says to its guardian and hears from it.

use super::handover::Writer;
use super::message::{About, Child, DeathRecord, ExitRecord, LONGEST_MESSAGE, Message, UpdateRecord, VERSION};
use super::places;
use super::run::PROGRAM;
use crate::sys::keep::{Inheritance, Keep, Kept};
use crate::sys::spawn::c_string;
use crate::sys::{inherit, packet, ready};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// A guardian answers in microseconds; one that doesn't in this time is stopped or gone. Milliseconds.
const PATIENCE: u16 = 5_000;

/// What the daemons before this one have left with the guardian.
#[derive(Debug, Default)]
pub struct Legacy {
    pub kept: Inheritance,
    /// Runs that live.
    pub children: Vec<Child>,
    /// Runs that have ended, and whose end no daemon has taken note of.
    pub exits: Vec<ExitRecord>,
    pub last_death: Option<DeathRecord>,
    pub last_update: Option<UpdateRecord>,
    pub about: About,
}

/// A tag and a descriptor.
type Entry = (Vec<u8>, Arc<OwnedFd>);

/// The way to the guardian. One thread.
#[derive(Debug)]
pub struct Link {
    socket: Arc<OwnedFd>,
    /// What the guardian has of us; we have it too.
    table: RefCell<BTreeMap<String, Entry>>,
    exits: RefCell<VecDeque<ExitRecord>>,
    /// Ends that we were told and have not acknowledged: the guardian's, should we take its place.
    told: RefCell<BTreeMap<u64, ExitRecord>>,
    heard: Notify,
    barrier: Cell<u64>,
    gone: Cell<bool>,
    image: OwnedFd,
    lock: OwnedFd,
    /// Of the guardian, for one that takes its place.
    about: RefCell<About>,
}

impl Link {
    /// The guardian that started us; `None` where none did. To be asked once, before anything else is opened.
    pub fn find() -> io::Result<Option<Self>> {
        let parent = nix::unistd::getppid().to_string();
        if std::env::var_os(places::VARIABLE).is_none_or(|pid| pid.to_str() != Some(&parent)) {
            return Ok(None);
        }
        Ok(Some(Self {
            socket: Arc::new(inherit::take(places::CONTROL)?),
            table: RefCell::default(),
            exits: RefCell::default(),
            told: RefCell::default(),
            heard: Notify::new(),
            barrier: Cell::new(0),
            gone: Cell::new(false),
            image: inherit::take(places::IMAGE)?,
            lock: inherit::take(places::LOCK)?,
            about: RefCell::default(),
        }))
    }

    /// Greets the guardian and takes over what it has for us.
    ///
    /// `open_files` is the soft limit that we were started with.
    pub fn inherit(&self, open_files: u64) -> io::Result<Legacy> {
        self.say(&Message::Hello { version: VERSION })?;
        match self.hear()? {
            (Message::Welcome { version: VERSION }, _) => {}
            (Message::Welcome { version }, _) => {
                let message = format!("the guardian speaks version {version} of its protocol, this program {VERSION}");
                return Err(io::Error::new(ErrorKind::Unsupported, message));
            }
            _ => return Err(nonsense()),
        }
        self.say(&Message::Get)?;
        let mut legacy = Legacy::default();
        loop {
            match self.hear()? {
                (Message::Kept { name, tag }, Some(fd)) => {
                    let fd = Arc::new(fd);
                    self.table.borrow_mut().insert(name.clone(), (tag.clone(), Arc::clone(&fd)));
                    if name != PROGRAM {
                        legacy.kept.add(Kept { name, tag, fd });
                    }
                }
                (Message::Child(child), _) => legacy.children.push(child),
                (Message::Exit(exit), _) => {
                    self.told.borrow_mut().insert(exit.run, exit);
                    legacy.exits.push(exit);
                }
                (Message::Death(death), _) => legacy.last_death = Some(death),
                (Message::Update(update), _) => legacy.last_update = Some(update),
                (Message::End(about), _) => {
                    self.about.replace(About { open_files, ..about.clone() });
                    legacy.about = about;
                    return Ok(legacy);
                }
                _ => return Err(nonsense()),
            }
        }
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

    pub fn beat(&self) {
        self.tell(&Message::Beat);
    }

    /// We are about to leave for good, and nothing runs any more.
    pub fn quit(&self) {
        self.tell(&Message::Quit);
    }

    /// Has the guardian start this program when we have ended.
    pub fn try_program(&self, program: &Path) -> io::Result<()> {
        let file = File::open(program)?;
        let message = Message::Try { path: program.as_os_str().as_bytes().to_vec() };
        packet::send(self.socket.as_fd(), &message.encode(), Some(file.as_fd()), true)?;
        self.wait_for_barrier()
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
            match self.receive(false) {
                Ok((Message::Exit(exit), _)) => self.heard_exit(exit),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.gone.set(true),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the place of a guardian that is gone: this program becomes one, with all that the old one had, and
    /// starts a daemon. Returns only when that is impossible.
    pub fn become_guardian(&self, death: DeathRecord) -> io::Error {
        match self.hand_over(death) {
            Ok((program, argv, env)) => inherit::become_program(program.as_fd(), &argv, &env),
            Err(error) => error,
        }
    }

    fn hand_over(&self, death: DeathRecord) -> io::Result<(Arc<OwnedFd>, Vec<CString>, Vec<CString>)> {
        use super::handover::ARGUMENT;
        let table = self.table.borrow();
        let (_, program) = table.get(PROGRAM).ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
        let mut writer = Writer::new()?;
        let path = std::fs::read_link("/proc/self/exe").unwrap_or_default();
        writer.own(self.image.as_fd(), path.as_os_str().as_bytes(), self.lock.as_fd())?;
        for (name, (tag, fd)) in &*table {
            writer.kept(name, tag, fd.as_fd())?;
        }
        for exit in self.told.borrow().values() {
            writer.message(&Message::Exit(*exit), None)?;
        }
        writer.message(&Message::Death(death), None)?;
        writer.message(&Message::End(self.about.borrow().clone()), None)?;
        let state = writer.finish()?;
        let number = std::os::fd::IntoRawFd::into_raw_fd(state);
        let argv =
            ["rpm-guardian", ARGUMENT, &number.to_string()].map(c_string).into_iter().collect::<Result<_, _>>()?;
        let env = std::env::vars_os().map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            c_string(name)
        });
        Ok((Arc::clone(program), argv, env.collect::<Result<_, _>>()?))
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

    fn say(&self, message: &Message) -> io::Result<()> {
        packet::send(self.socket.as_fd(), &message.encode(), None, true)
    }

    fn wait_for_barrier(&self) -> io::Result<()> {
        let number = self.barrier.get() + 1;
        self.barrier.set(number);
        self.say(&Message::Barrier(number))?;
        loop {
            match self.hear()? {
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
    fn hear(&self) -> io::Result<(Message, Option<OwnedFd>)> {
        if !packet::wait_readable(self.socket.as_fd(), PATIENCE)? {
            // It may be able to in a moment.
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        self.receive(false).inspect_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof {
                self.note_gone();
            }
        })
    }

    fn receive(&self, wait: bool) -> io::Result<(Message, Option<OwnedFd>)> {
        let mut buffer = [0; LONGEST_MESSAGE];
        let Some(packet) = packet::receive(self.socket.as_fd(), &mut buffer, wait)? else {
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
        self.table.borrow_mut().insert(name.to_owned(), (tag.to_vec(), Arc::clone(fd)));
        let message = Message::Put { name: name.to_owned(), tag: tag.to_vec() };
        match packet::send(self.socket.as_fd(), &message.encode(), Some(fd.as_fd()), true) {
            Err(_) if self.is_gone() => Ok(()),
            sent => sent,
        }
    }

    fn note(&self, name: &str, fd: &Arc<OwnedFd>) {
        self.table.borrow_mut().insert(name.to_owned(), (Vec::new(), Arc::clone(fd)));
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

fn nonsense() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the guardian says what no guardian should")
}
