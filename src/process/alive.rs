//! Whether a process is still the one that was meant, as pids are used again; and the end of one that nobody goes on
//! with.

use super::context::Context;
use crate::domain::SpawnId;
use crate::sys::group;
use crate::sys::proc::StatFile;

const SIGKILL: i32 = 9;

/// Whether the process that `pid` names now is the one that began at `started` (clock ticks since boot).
pub fn lives(pid: i32, started: u64) -> bool {
    began(pid) == Some(started)
}

/// When a living process began, in clock ticks since boot.
pub(super) fn began(pid: i32) -> Option<u64> {
    let stat = StatFile::open(pid).and_then(|file| file.read()).ok()?;
    (!stat.is_dead()).then_some(stat.started)
}

/// Ends what is left of a run that nobody will go on with, wherever it has gone.
pub fn end_stray(context: &Context, run: SpawnId, pid: i32) {
    group::signal(pid, SIGKILL);
    context.kinship.kill_marked(run);
}
