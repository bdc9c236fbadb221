//! Finishing what a log thread was doing when it was killed.

use super::commit::Committer;
use super::copier::CHUNK;
use super::ledger::{Place, Step};
use super::peek::Peek;
use super::sink::Identity;
use super::staging::Staging;
use crate::domain::{OutputStream, ProcessId, SpawnId};
use crate::sys::pipe;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::warn;

/// What was found to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Bytes that were cut off their file: they are still in the app's pipe and will be written again.
    pub redone: u64,
    /// Bytes that were taken out of the app's pipe, as they are in their file.
    pub consumed: u64,
}

/// To be called before [`super::Logs::start`] where staging pipe and journal are those of a thread that was killed.
/// `stream` finds the pipe that bytes were being copied from and the file they went to; without the pipe the file
/// stays as it is. It may be cut off and called again.
pub fn recover(
    staging: &Staging,
    stream: impl FnOnce(ProcessId, SpawnId, OutputStream) -> Option<(Arc<OwnedFd>, Option<PathBuf>)>,
) -> Recovered {
    let mut recovered = Recovered::default();
    let step = staging.ledger.step();
    let place = staging.ledger.place();
    let from = if step == Step::Idle { None } else { stream(place.process, place.spawn, place.stream) };
    let done = Committer::new(staging.clone()).and_then(|mut committer| {
        if let Some((pipe, path)) = from {
            let work = Work { place, pipe: &pipe, path: path.as_deref() };
            work.finish(step, &mut committer, &mut recovered)?;
        }
        staging.ledger.set_step(Step::Idle);
        committer.drain()
    });
    if let Err(error) = done {
        warn!(id = %place.process, %error, "a few bytes of output may be twice in its log file, or not at all");
        staging.ledger.set_step(Step::Idle);
    }
    recovered
}

struct Work<'a> {
    place: Place,
    pipe: &'a OwnedFd,
    path: Option<&'a Path>,
}

impl Work<'_> {
    fn finish(&self, step: Step, committer: &mut Committer, recovered: &mut Recovered) -> io::Result<()> {
        // Without the pipe that counted, what is in file and pipe has to tell.
        let counted = self.place.staging == committer.number();
        let left = match step {
            Step::Idle => 0,
            Step::Writing { bytes } => {
                recovered.redone = self.cut(bytes)?;
                0
            }
            Step::Written { bytes, base } if counted => bytes.saturating_sub(committer.held().saturating_sub(base)),
            Step::Rest { bytes } if counted => {
                committer.make_room(bytes)?;
                bytes
            }
            Step::Written { bytes, .. } | Step::Rest { bytes } if self.is_twice(bytes)? => {
                committer.count_anew(bytes)?;
                bytes
            }
            Step::Written { .. } | Step::Rest { .. } => 0,
        };
        let before = pipe::unread(self.pipe.as_fd())?;
        committer.move_out(self.pipe.as_fd(), left)?;
        recovered.consumed = left.min(before) as u64;
        Ok(())
    }

    /// Takes off the file what was written of a chunk. Only what is still in the app's pipe is taken: the file may
    /// have been emptied and written by others meanwhile.
    fn cut(&self, bytes: usize) -> io::Result<u64> {
        let Some(file) = self.file() else { return Ok(0) };
        let behind = file.metadata()?.len().saturating_sub(self.place.length);
        if behind == 0 || behind > bytes as u64 || !self.begins_with(&file, self.place.length, behind as usize)? {
            return Ok(0);
        }
        file.set_len(self.place.length)?;
        Ok(behind)
    }

    /// Whether what was written is still in the app's pipe.
    fn is_twice(&self, bytes: usize) -> io::Result<bool> {
        let Some(file) = self.file() else { return Ok(false) };
        let is_whole = file.metadata()?.len() >= self.place.length + bytes as u64;
        Ok(is_whole && self.begins_with(&file, self.place.length, bytes)?)
    }

    /// Whether the app's pipe begins with so many bytes that stand in the file from `start` on.
    fn begins_with(&self, file: &File, start: u64, bytes: usize) -> io::Result<bool> {
        let mut waiting = vec![0; bytes.min(CHUNK)];
        let seen = match Peek::new()?.look(self.pipe.as_fd(), &mut waiting) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            seen => seen?,
        };
        let mut written = vec![0; seen];
        file.read_exact_at(&mut written, start)?;
        Ok(seen > 0 && written == waiting[..seen])
    }

    /// The file that was written to, if the path still leads to it and it has a past.
    fn file(&self) -> Option<File> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(self.path?).ok()?;
        let of = file.metadata().ok()?;
        let same = Identity { device: of.dev(), inode: of.ino() } == self.place.file;
        (of.is_file() && same).then_some(file)
    }
}
