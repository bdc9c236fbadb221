//! A daemon whose guardian is dead, or as good as that, becomes one.

use super::handover::{ARGUMENT, Writer};
use super::link::Link;
use super::message::{DeathRecord, Message};
use super::places;
use crate::sys::keep::LONGEST_TAG;
use crate::sys::spawn::c_string;
use crate::sys::{children, inherit, packet, pidfd};
use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

const SIGKILL: i32 = 9;

impl Link {
    /// A guardian that hangs (or was stopped) is as good as dead, and nobody watches over it but us: this makes it so.
    /// We then hear of its end as of any other.
    pub(super) fn end_guardian(&self) {
        let Ok(guardian) = pidfd::open(self.guardian) else { return };
        // Where it is not our parent it has ended already, and the number may be somebody else's.
        if nix::unistd::getppid().as_raw() == self.guardian && pidfd::signal(&guardian, SIGKILL).is_ok() {
            let _ = packet::wait_closed(self.socket.as_fd(), self.patience);
        }
    }

    /// Takes the place of a guardian that is gone: this program becomes one, with all that the old one had, and
    /// starts a daemon. Returns only when that is impossible.
    pub fn become_guardian(&self, death: DeathRecord) -> io::Error {
        match self.hand_over(death) {
            Ok((program, argv, env)) => match children::block_signals() {
                // One that comes before it can be read waits, and kills nobody.
                Ok(_) => inherit::become_program(program.as_fd(), &argv, &env),
                Err(error) => error,
            },
            Err(error) => error,
        }
    }

    fn hand_over(&self, death: DeathRecord) -> io::Result<(Arc<OwnedFd>, Vec<CString>, Vec<CString>)> {
        self.reserve.borrow_mut().clear();
        let table = self.table.borrow();
        let (_, program) = table.get(places::PROGRAM).ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
        let mut writer = Writer::new()?;
        let path = std::fs::read_link("/proc/self/exe").unwrap_or_default();
        let path = path.as_os_str().as_bytes();
        writer.own(self.image.as_fd(), &path[..path.len().min(LONGEST_TAG)], self.lock.as_fd())?;
        for (name, (tag, fd)) in &*table {
            writer.kept(name, tag, fd.as_fd())?;
        }
        for exit in self.told.borrow().values() {
            writer.message(&Message::Exit(*exit), None)?;
        }
        writer.message(&Message::Death(death), None)?;
        if let Some(update) = &*self.last_update.borrow() {
            writer.message(&Message::Update(update.clone()), None)?;
        }
        writer.message(&Message::End(self.about.borrow().clone()), None)?;
        let state = writer.finish()?;
        let number = state.into_raw_fd();
        let argv =
            ["rpm-guardian", ARGUMENT, &number.to_string()].map(c_string).into_iter().collect::<Result<_, _>>()?;
        let env = std::env::vars_os().map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            c_string(name)
        });
        Ok((Arc::clone(program), argv, env.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardian::handover::Inventory;
    use crate::guardian::message::{About, Cause, End, ExitRecord, UpdateRecord, Verdict};
    use crate::sys::keep::Keep;
    use std::fs::File;
    use std::os::fd::AsRawFd;

    fn null() -> Arc<OwnedFd> {
        Arc::new(File::open("/dev/null").unwrap().into())
    }

    #[test]
    fn all_that_the_guardian_had_is_handed_over() {
        let (theirs, ours) = packet::pair().unwrap();
        let own = || Arc::into_inner(null()).unwrap();
        let link = Link::new(ours, 0, own(), own());
        let exit = ExitRecord { run: 8, pid: 9, end: End::Code(3), cpu_us: 1, max_rss: 2, at: 3 };
        let update = UpdateRecord { at: 4, program: b"/new".to_vec(), outcome: Verdict::Taken };
        let death = DeathRecord { generation: 5, at: 6, cause: Cause::GuardianKilled };
        let about = About { generation: 5, open_files: 77, ..About::default() };
        link.told.borrow_mut().insert(8, exit);
        link.last_update.replace(Some(update.clone()));
        link.about.replace(about.clone());
        let kept =
            [places::PROGRAM, places::PREVIOUS, places::CANDIDATE, "out/1/7", "pid/7"].map(|name| (name, null()));
        for (name, fd) in &kept {
            link.table.borrow_mut().insert((*name).into(), (name.as_bytes().into(), Arc::clone(fd)));
        }
        link.note("pid/8", &kept[0].1);
        link.forget("pid/8");
        drop(theirs);
        let (program, argv, _) = link.hand_over(death).unwrap();
        assert!(Arc::ptr_eq(&program, &kept[0].1));
        assert_eq!(argv[1].to_str(), Ok(ARGUMENT));
        let state = inherit::take(argv[2].to_str().unwrap().parse().unwrap()).unwrap();
        let inventory = Inventory::read(&mut File::from(state)).unwrap();
        for (name, fd) in &kept {
            let entry = ((*name).to_owned(), name.as_bytes().to_vec(), fd.as_raw_fd());
            assert!(inventory.kept.contains(&entry), "{entry:?}");
        }
        assert_eq!(inventory.kept.len(), kept.len() + 2);
        assert_eq!((inventory.exits, inventory.last_update), (vec![exit], Some(update)));
        assert_eq!((inventory.last_death, inventory.about), (Some(death), about));
    }
}
