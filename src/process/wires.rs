//! The pipes and the channel of a run, made and given into keeping before there is a process.

use super::account::hand_over;
use super::environment::Identity;
use super::launch::destination;
use crate::domain::{AppSpec, OutputStream, ProcessId, SpawnId};
use crate::sys::fault::{self, Point};
use crate::sys::keep::{Keep, LONGEST_TAG};
use crate::sys::user::Ids;
use crate::sys::{channel, input, notify, pipe};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

/// The number under which the channel is found. Node's own choice.
pub(super) const CHANNEL_FD: RawFd = 3;

/// Where inherited sockets begin, as systemd has it.
const FIRST_SOCKET: RawFd = 3;

/// What stands before the numbers in the names of what is kept for a run.
pub(super) const OUT: &str = "out";
pub(super) const ERR: &str = "err";
pub(super) const IPC: &str = "ipc";
/// Where it says how it is.
pub(super) const NOTIFY: &str = "notify";
/// What it has announced.
pub(super) const PANEL: &str = "panel";
/// Of a run that is nobody's child of ours: only its own descriptor tells how it ends.
pub(super) const PID: &str = "pid";

/// Under which name something of a run is kept.
pub(super) fn name_of(what: &str, id: ProcessId, run: SpawnId) -> String {
    format!("{what}/{id}/{run}")
}

/// The process and the run that a name is about.
pub(super) fn owner_of(name: &str) -> Option<(ProcessId, SpawnId)> {
    let mut parts = name.split('/').skip(1);
    let (id, run) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((ProcessId(id), SpawnId(run)))
}

/// Forgets all that is kept for a run, but its output, of which something may still be unread.
pub(super) fn forget_all_but_output(keep: &dyn Keep, id: ProcessId, run: SpawnId) {
    for what in [IPC, NOTIFY, PANEL, PID] {
        keep.forget(&name_of(what, id, run));
    }
}

/// Forgets its output too.
pub(super) fn forget_output(keep: &dyn Keep, id: ProcessId, run: SpawnId) {
    for what in [OUT, ERR] {
        keep.forget(&name_of(what, id, run));
    }
}

/// Our ends and the app's.
pub(super) struct Wires {
    input: OwnedFd,
    pub(super) out: (Arc<OwnedFd>, OwnedFd),
    pub(super) err: (Arc<OwnedFd>, OwnedFd),
    pub(super) channel: Option<(Arc<OwnedFd>, OwnedFd)>,
    /// With its name.
    pub(super) notify: Option<(Arc<OwnedFd>, String)>,
    /// What it listens on, and inherits.
    pub(super) sockets: Vec<Arc<OwnedFd>>,
}

/// What could not be done, and why.
pub(super) struct WireError {
    pub(super) what: &'static str,
    pub(super) source: io::Error,
}

fn because(what: &'static str) -> impl FnOnce(io::Error) -> WireError {
    move |source| WireError { what, source }
}

impl Wires {
    /// Everything is in keeping when this returns.
    pub(super) fn make(
        spec: &AppSpec,
        run: SpawnId,
        identity: &Identity,
        pipe_size: usize,
        keep: &dyn Keep,
    ) -> Result<Self, WireError> {
        Self::make_and_put(spec, run, identity, pipe_size, keep).inspect_err(|_| {
            forget_all_but_output(keep, identity.id, run);
            forget_output(keep, identity.id, run);
        })
    }

    fn make_and_put(
        spec: &AppSpec,
        run: SpawnId,
        identity: &Identity,
        pipe_size: usize,
        keep: &dyn Keep,
    ) -> Result<Self, WireError> {
        let id = identity.id;
        let input = input::input_pipe().map_err(because("its input cannot be made"))?;
        let output = |what, stream| {
            let (ours, theirs) = pipe::output_pipe(pipe_size).map_err(because("its output pipes cannot be made"))?;
            let ours = Arc::new(ours);
            let tag = destination(spec, identity, stream).tag();
            if tag.len() > LONGEST_TAG {
                let what = "paths of logs and log_date_format are too long together";
                return Err(because("its output cannot be kept")(io::Error::new(io::ErrorKind::InvalidInput, what)));
            }
            keep.put(&name_of(what, id, run), &tag, &ours).map_err(because("its output cannot be kept"))?;
            Ok((ours, theirs))
        };
        let out = output(OUT, OutputStream::Out)?;
        let err = output(ERR, OutputStream::Err)?;
        let channel = if spec.program.is_node() {
            let (ours, theirs) = channel::pair().map_err(because("its channel cannot be made"))?;
            let ours = Arc::new(ours);
            keep.put(&name_of(IPC, id, run), b"", &ours).map_err(because("its channel cannot be kept"))?;
            Some((ours, theirs))
        } else {
            None
        };
        let notify = if spec.ready.notify {
            let (ours, address) = notify::open().map_err(because("its notify socket cannot be made"))?;
            let ours = Arc::new(ours);
            keep.put(&name_of(NOTIFY, id, run), b"", &ours).map_err(because("its notify socket cannot be kept"))?;
            Some((ours, address))
        } else {
            None
        };
        fault::point(Point::SpawnPut);
        let wires = Self { input, out, err, channel, notify, sockets: Vec::new() };
        keep.settle().map_err(because("its pipes cannot be kept by the guardian"))?;
        fault::point(Point::SpawnSettled);
        Ok(wires)
    }

    /// The app's ends, and their numbers there.
    pub(super) fn places(&self) -> Vec<(BorrowedFd<'_>, RawFd)> {
        let mut places = vec![(self.input.as_fd(), 0), (self.out.1.as_fd(), 1), (self.err.1.as_fd(), 2)];
        let sockets = self.sockets.iter().map(|socket| socket.as_fd());
        places.extend(sockets.zip(FIRST_SOCKET..));
        places.extend(self.channel.iter().map(|(_, theirs)| (theirs.as_fd(), self.channel_number())));
        places
    }

    /// Where the app finds its channel: after what it inherits, whose place is settled elsewhere.
    pub(super) fn channel_number(&self) -> RawFd {
        CHANNEL_FD + self.sockets.len() as RawFd
    }

    /// An app that runs as somebody else may open them anew.
    pub(super) fn hand_over(&self, ids: Option<&Ids>) {
        hand_over(&[self.input.as_fd(), self.out.1.as_fd(), self.err.1.as_fd()], ids);
    }
}
