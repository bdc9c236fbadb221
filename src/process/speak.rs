//! What is said to a run: over its channel, and by its input.

use super::task::Task;
use crate::sys::{input, ready};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use tokio::sync::oneshot;

/// Why a run was told nothing.
#[derive(Debug)]
pub enum Unheard {
    DoesNotRun,
    /// It has no channel.
    HasNone,
    /// What waits for it is too much already.
    DoesNotRead,
    Failed(io::Error),
}

impl Task {
    pub(super) fn tell(&self, line: Vec<u8>, answer: oneshot::Sender<Result<(), Unheard>>) {
        let told = match &self.run {
            None => Err(Unheard::DoesNotRun),
            Some(run) => match &run.link {
                None => Err(Unheard::HasNone),
                Some(link) => link.channel().send(line).map_err(|_| Unheard::DoesNotRead),
            },
        };
        // Whoever asked may have gone.
        let _ = answer.send(told);
    }

    /// Its input, to be written to beside this task: an app may not read.
    pub(super) fn open_input(&self, answer: oneshot::Sender<Result<OwnedFd, Unheard>>) {
        let opened = match &self.run {
            None => Err(Unheard::DoesNotRun),
            Some(run) => input::open_input_of(run.pid).map_err(Unheard::Failed),
        };
        let _ = answer.send(opened);
    }
}

/// Writes all of it, as the app reads.
pub async fn write_input(input: OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    let input = ready::register(input)?;
    while !bytes.is_empty() {
        let mut guard = input.writable().await?;
        // Else it is full after all.
        if let Ok(written) = guard.try_io(|input| input::write(input.get_ref().as_fd(), bytes)) {
            bytes = &bytes[written?..];
        }
    }
    Ok(())
}
