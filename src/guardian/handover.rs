//! A guardian's whole state in a descriptor, for the program that becomes the guardian in its place.
//!
//! Who writes it keeps its pid and executes the guardian's program: a daemon whose guardian was killed. The form is the protocol's: messages, each with its length before it and, where a descriptor
//! belongs to it, that descriptor's number behind it.

use super::image::Image;
use super::keeper::Guardian;
use super::manager::Manager;
use super::message::{About, Child, DeathRecord, ExitRecord, LONGEST_MESSAGE, Message, UpdateRecord, VERSION};
use super::places::{CANDIDATE, CURRENT, HOME_LOCK as LOCK, PREVIOUS};
use super::policy::Deaths;
use super::run::{most_descriptors, sign};
use super::store::Store;
use super::succession::Stage;
use crate::sys::children;
use crate::sys::inherit;
use crate::sys::socket::raise_open_files;
use crate::sys::time::awake_ms;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Before the number of the descriptor.
pub const ARGUMENT: &str = "--adopt";

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

/// What is written, read whole and found to make sense before any descriptor is taken over.
#[derive(Debug, PartialEq, Eq)]
pub struct Inventory {
    /// Names, tags, and the numbers of the descriptors: no number twice.
    pub(super) kept: Vec<(String, Vec<u8>, RawFd)>,
    pub(super) children: Vec<Child>,
    pub(super) exits: Vec<ExitRecord>,
    pub(super) last_death: Option<DeathRecord>,
    pub(super) last_update: Option<UpdateRecord>,
    pub(super) about: About,
}

impl Inventory {
    /// Touches no descriptor but the one it is read from.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let Some((Message::Hello { version: VERSION }, _)) = next(from)? else { return Err(malformed()) };
        let (mut kept, mut children, mut exits) = (Vec::new(), Vec::new(), Vec::new());
        let (mut last_death, mut last_update, mut about) = (None, None, None);
        let mut numbers = BTreeSet::new();
        while let Some((message, number)) = next(from)? {
            match (message, number) {
                (Message::Kept { name, tag }, Some(number)) if numbers.insert(number) => kept.push((name, tag, number)),
                (Message::Child(child), None) => children.push(child),
                (Message::Exit(exit), None) => exits.push(exit),
                (Message::Death(death), None) => last_death = Some(death),
                (Message::Update(update), None) => last_update = Some(update),
                (Message::End(said), None) => about = Some(said),
                _ => return Err(malformed()),
            }
        }
        let has = |wanted: &str| kept.iter().any(|(name, ..)| name == wanted);
        match about {
            Some(about) if has(CURRENT) && has(LOCK) => {
                Ok(Self { kept, children, exits, last_death, last_update, about })
            }
            _ => Err(malformed()),
        }
    }

    fn guardian(self) -> io::Result<Guardian> {
        let mut store = Store::default();
        let (mut current, mut previous, mut candidate, mut lock) = (None, None, None, None);
        for (name, tag, number) in self.kept {
            let fd = inherit::take(number)?;
            match name.as_str() {
                CURRENT => current = Some(Image::new(fd, &tag)),
                PREVIOUS => previous = Some(Image::new(fd, &tag)),
                CANDIDATE => candidate = Some(Image::new(fd, &tag)),
                LOCK => lock = Some(fd),
                _ => store.put(&name, &tag, fd),
            }
        }
        self.children.iter().for_each(|child| store.born(child.run, child.pid));
        self.exits.into_iter().for_each(|exit| store.record(exit));
        let (Some(current), Some(lock)) = (current, lock) else { return Err(malformed()) };
        children::inherit_orphans()?;
        raise_open_files();
        Ok(Guardian {
            current,
            previous,
            candidate,
            store,
            stage: Stage::Waiting { until: awake_ms() },
            deaths: Deaths::default(),
            generation: self.about.generation,
            last_death: self.last_death,
            last_update: self.last_update,
            started_at: self.about.started_at,
            orphans: self.about.orphans,
            served: true,
            word: None,
            lock: sign(lock),
            open_files: self.about.open_files,
            most_descriptors: most_descriptors(),
            signals: children::signals()?,
            manager: Manager::of_service(),
            ending: None,
            code: 0,
        })
    }
}

/// The state that was written, as a guardian that has no daemon yet.
pub(super) fn take(number: &OsStr) -> io::Result<Guardian> {
    let number = number.to_str().and_then(|text| text.parse::<RawFd>().ok()).ok_or_else(malformed)?;
    Inventory::read(&mut File::from(inherit::take(number)?))?.guardian()
}

fn next(from: &mut impl Read) -> io::Result<Option<(Message, Option<RawFd>)>> {
    let mut length = [0; 4];
    if from.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_MESSAGE {
        return Err(malformed());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    let mut number = [0; 4];
    from.read_exact(&mut number)?;
    let number = RawFd::from_le_bytes(number);
    let message = Message::decode(&bytes).map_err(|_| malformed())?;
    Ok(Some((message, (number >= 0).then_some(number))))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not what this version writes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardian::message::{Cause, End};
    use std::os::fd::AsFd;

    fn null() -> OwnedFd {
        File::open("/dev/null").unwrap().into()
    }

    /// What a daemon writes, as bytes.
    fn written(with: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::new().unwrap();
        with(&mut writer);
        let mut bytes = Vec::new();
        File::from(writer.finish().unwrap()).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn death() -> DeathRecord {
        DeathRecord { generation: 4, at: 5, cause: Cause::GuardianKilled }
    }

    fn end(writer: &mut Writer) {
        writer.message(&Message::End(About { generation: 4, ..About::default() }), None).unwrap();
    }

    #[test]
    fn what_is_written_is_read() {
        let (image, lock, pipe) = (null(), null(), null());
        let exit = ExitRecord { run: 8, pid: 9, end: End::Code(3), cpu_us: 1, max_rss: 2, at: 3 };
        let bytes = written(|writer| {
            writer.own(image.as_fd(), b"/bin/rpm", lock.as_fd()).unwrap();
            writer.kept("out/1/7", b"/log", pipe.as_fd()).unwrap();
            writer.message(&Message::Child(Child { run: 7, pid: 70 }), None).unwrap();
            writer.message(&Message::Exit(exit), None).unwrap();
            writer.message(&Message::Death(death()), None).unwrap();
            end(writer);
        });
        let inventory = Inventory::read(&mut &bytes[..]).unwrap();
        let numbers = [&image, &lock, &pipe].map(AsRawFd::as_raw_fd);
        let names: Vec<_> = inventory.kept.iter().map(|(name, _, number)| (name.as_str(), *number)).collect();
        assert_eq!(names, [(CURRENT, numbers[0]), (LOCK, numbers[1]), ("out/1/7", numbers[2])]);
        assert_eq!((inventory.children, inventory.exits), (vec![Child { run: 7, pid: 70 }], vec![exit]));
        assert_eq!((inventory.last_death, inventory.about.generation), (Some(death()), 4));
    }

    /// Two owners of one descriptor would close each other's.
    #[test]
    fn no_descriptor_has_two_names() {
        let (image, lock) = (null(), null());
        let bytes = written(|writer| {
            writer.own(image.as_fd(), b"", lock.as_fd()).unwrap();
            writer.kept("slots", b"", lock.as_fd()).unwrap();
            end(writer);
        });
        assert!(Inventory::read(&mut &bytes[..]).is_err());
    }

    #[test]
    fn what_is_cut_or_lacks_something_is_refused() {
        let (image, lock) = (null(), null());
        let bytes = written(|writer| {
            writer.own(image.as_fd(), b"", lock.as_fd()).unwrap();
            end(writer);
        });
        assert!(Inventory::read(&mut &bytes[..]).is_ok());
        for length in 0..bytes.len() {
            assert!(Inventory::read(&mut &bytes[..length]).is_err(), "{length}");
        }
        assert!(Inventory::read(&mut &written(end)[..]).is_err());
    }
}
