//! Taking over a process that another generation of this program has started.

use super::exit::ExitSource;
use super::launch::Run;
use crate::domain::{OutputStream, SpawnId};
use crate::logs::{Label, Logs};
use crate::sys::{group, pidfd, pipe, proc::StatFile};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

const SIGKILL: i32 = 9;

/// Whether the process that `pid` names now is the one that began at `started` (clock ticks since boot).
pub fn lives(pid: i32, started: u64) -> bool {
    StatFile::open(pid).and_then(|file| file.read()).is_ok_and(|stat| stat.started == started && !stat.is_dead())
}

/// When a living process began, in clock ticks since boot.
pub(super) fn began(pid: i32) -> Option<u64> {
    let stat = StatFile::open(pid).and_then(|file| file.read()).ok()?;
    (!stat.is_dead()).then_some(stat.started)
}

/// Ends what is left of a run that nobody will go on with.
pub fn end_stray(pid: i32) {
    group::signal(pid, SIGKILL);
}

/// Watches it, and reads its output on. Its channel is gone, and so is its exit code once it ends: it is
/// nobody's child of ours.
pub(super) fn adopt(
    id: SpawnId,
    pid: i32,
    began: u64,
    logs: &Logs,
    outputs: [(Label, Option<PathBuf>); 2],
) -> io::Result<Run> {
    let pidfd = pidfd::open(pid)?;
    for (label, path) in outputs {
        let number = match label.stream {
            OutputStream::Out => 1,
            OutputStream::Err => 2,
        };
        match pipe::reopen(pid, number) {
            Ok(pipe) => logs.capture(label, Arc::new(pipe), path),
            Err(error) => tracing::warn!("the output {number} of process {pid} cannot be read any more: {error}"),
        }
    }
    Ok(Run { id, pid, began, exits: ExitSource::new(id, pidfd)?, link: None })
}
