//! What the guardian does when the daemon says something.

use super::generation::Aim;
use super::image::Image;
use super::keeper::Guardian;
use super::message::{About, Cause, End, Message, UpdateRecord, VERSION, Verdict};
use super::places;
use super::policy::Deaths;
use super::succession::Stage;
use super::voice::say;
use std::os::fd::{AsRawFd, OwnedFd};

impl Guardian {
    pub(super) fn obey(&mut self, message: Message, descriptor: Option<OwnedFd>, truncated: bool) {
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
        if daemon.ready {
            self.manager.daemon_is_well();
        }
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
        let (death, update) = (self.last_death.map(Message::Death), self.update_to_tell().map(Message::Update));
        if let Stage::Running(daemon) = &mut self.stage {
            daemon.wire.replay(&self.store, death.into_iter().chain(update).chain([Message::End(about)]));
            // All of them are in the answer.
            self.store.all_told();
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
        self.manager.daemon_is_well();
        self.manager
            .serves(std::process::id() as i32, &format!("daemon {}, generation {}", daemon.pid, self.generation));
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

    /// What it says makes no sense: the next one may do better.
    pub(super) fn distrust(&mut self) {
        if let Stage::Running(daemon) = &mut self.stage {
            say("the daemon says what no daemon should; it is replaced");
            daemon.kill(Cause::Ended(End::Unknown));
        }
    }
}
