//! A guardian's whole state in a descriptor, for the program that becomes the guardian in its place.
//!
//! Who writes it keeps its pid and executes the guardian's program: a guardian that is updated, or a daemon whose
//! guardian was killed. The form is the protocol's: messages, each with its length before it and, where a descriptor
//! belongs to it, that descriptor's number behind it.

use super::image::Image;
use super::keeper::{Guardian, Stage};
use super::message::{LONGEST_MESSAGE, Message, VERSION};
use super::policy::Deaths;
use super::store::Store;
use crate::sys::children;
use crate::sys::inherit;
use crate::sys::socket::raise_open_files;
use crate::sys::time::awake_ms;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Before the number of the descriptor.
pub const ARGUMENT: &str = "--adopt";

/// Names of what is no app's.
const CURRENT: &str = "guardian/current";
const PREVIOUS: &str = "guardian/previous";
const LOCK: &str = "guardian/lock";

/// Writes the state. The descriptors in it stay open over the exec.
#[derive(Debug)]
pub struct Writer {
    file: File,
}

impl Writer {
    pub fn new() -> io::Result<Self> {
        let mut writer = Self { file: inherit::memory_file()? };
        writer.message(&Message::Hello { version: VERSION }, None)?;
        Ok(writer)
    }

    pub fn message(&mut self, message: &Message, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let bytes = message.encode();
        let number = match descriptor {
            Some(fd) => {
                inherit::keep_over_exec(fd)?;
                fd.as_raw_fd()
            }
            None => -1,
        };
        self.file.write_all(&(bytes.len() as u32).to_le_bytes())?;
        self.file.write_all(&bytes)?;
        self.file.write_all(&number.to_le_bytes())
    }

    pub fn kept(&mut self, name: &str, tag: &[u8], fd: BorrowedFd<'_>) -> io::Result<()> {
        self.message(&Message::Kept { name: name.to_owned(), tag: tag.to_vec() }, Some(fd))
    }

    /// What is no app's: the program to start as the daemon, and the lock of the home.
    pub fn own(&mut self, image: BorrowedFd<'_>, path: &[u8], lock: BorrowedFd<'_>) -> io::Result<()> {
        self.kept(CURRENT, path, image)?;
        self.kept(LOCK, b"", lock)
    }

    /// The descriptor to name behind [`ARGUMENT`].
    pub fn finish(mut self) -> io::Result<OwnedFd> {
        self.file.rewind()?;
        let fd = OwnedFd::from(self.file);
        inherit::keep_over_exec(std::os::fd::AsFd::as_fd(&fd))?;
        Ok(fd)
    }
}

/// The state that was written, as a guardian that has no daemon yet.
pub(super) fn take(number: &OsStr) -> io::Result<Guardian> {
    let number = number.to_str().and_then(|text| text.parse::<RawFd>().ok()).ok_or_else(malformed)?;
    let mut file = File::from(inherit::take(number)?);
    let mut store = Store::default();
    let (mut current, mut previous, mut lock, mut about) = (None, None, None, None);
    let (mut last_death, mut last_update) = (None, None);
    while let Some((message, fd)) = next(&mut file)? {
        match (message, fd) {
            (Message::Hello { version: VERSION }, _) => {}
            (Message::Kept { name, tag }, Some(fd)) => match name.as_str() {
                CURRENT => current = Some(Image::new(fd, &tag)),
                PREVIOUS => previous = Some(Image::new(fd, &tag)),
                LOCK => lock = Some(fd),
                _ => store.put(&name, &tag, fd),
            },
            (Message::Child(child), _) => store.born(child.run, child.pid),
            (Message::Exit(exit), _) => store.record(exit),
            (Message::Death(death), _) => last_death = Some(death),
            (Message::Update(update), _) => last_update = Some(update),
            (Message::End(said), _) => about = Some(said),
            _ => return Err(malformed()),
        }
    }
    let (Some(current), Some(lock), Some(about)) = (current, lock, about) else { return Err(malformed()) };
    children::inherit_orphans()?;
    Ok(Guardian {
        current,
        previous,
        candidate: None,
        store,
        stage: Stage::Waiting { until: awake_ms() },
        deaths: Deaths::default(),
        generation: about.generation,
        last_death,
        last_update,
        started_at: about.started_at,
        orphans: about.orphans,
        served: true,
        word: None,
        lock,
        open_files: raise_open_files(),
        signals: children::signals()?,
        ending: None,
        code: 0,
    })
}

fn next(file: &mut File) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
    let mut length = [0; 4];
    if file.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    file.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_MESSAGE {
        return Err(malformed());
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    let mut number = [0; 4];
    file.read_exact(&mut number)?;
    let number = RawFd::from_le_bytes(number);
    let message = Message::decode(&bytes).map_err(|_| malformed())?;
    let fd = if number >= 0 { Some(inherit::take(number)?) } else { None };
    Ok(Some((message, fd)))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not what this version writes")
}
