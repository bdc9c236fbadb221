//! What a daemon takes over from its guardian, in one go at its beginning.

use super::link::{Link, nonsense};
use super::message::{About, Child, DeathRecord, ExitRecord, Message, UpdateRecord, VERSION};
use super::places;
use crate::sys::keep::{Inheritance, Kept};
use std::io::{self, ErrorKind};
use std::sync::Arc;

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

impl Link {
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
                    self.table.borrow_mut().insert(name.as_str().into(), (tag.as_slice().into(), Arc::clone(&fd)));
                    if !name.starts_with(places::OWN) {
                        legacy.kept.add(Kept { name, tag, fd });
                    }
                }
                (Message::Child(child), _) => legacy.children.push(child),
                (Message::Exit(exit), _) => {
                    self.told.borrow_mut().insert(exit.run, exit);
                    legacy.exits.push(exit);
                }
                (Message::Death(death), _) => legacy.last_death = Some(death),
                (Message::Update(update), _) => {
                    self.last_update.replace(Some(update.clone()));
                    legacy.last_update = Some(update);
                }
                (Message::End(about), _) => {
                    self.about.replace(About { open_files, ..about.clone() });
                    legacy.about = about;
                    return Ok(legacy);
                }
                _ => return Err(nonsense()),
            }
        }
    }
}
