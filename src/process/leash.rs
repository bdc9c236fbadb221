//! The other end of the leash: tells it which apps there are, where they have to end with this program.

use crate::guardian::leash::{ARGUMENT, MARK};
use crate::sys::pidfd;
use crate::sys::pipe::set_nonblocking;
use crate::sys::spawn::{Program, SpawnPlan, c_string, spawn};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

const SIGKILL: i32 = 9;

/// A process that ends what our apps have left, once nobody holds this any more. It is let go of in order before.
#[derive(Debug)]
pub struct Leash {
    pipe: PipeWriter,
    pidfd: OwnedFd,
    mark: String,
    /// It was told already that it doesn't listen any more.
    broken: Cell<bool>,
}

impl Leash {
    /// Starts it. `program` is the guardian's; `mark` is shared with no other supervisor.
    pub fn start(program: &Path, mark: String) -> io::Result<Self> {
        let (input, pipe) = io::pipe()?;
        let null = OpenOptions::new().write(true).open("/dev/null")?;
        let words = [program.as_os_str(), ARGUMENT.as_ref(), mark.as_ref()];
        let argv = words.map(c_string).into_iter().collect::<io::Result<_>>()?;
        // No environment: it must not look like one of those that it is to end.
        let spawned = spawn(&SpawnPlan {
            fds: vec![(input.as_fd(), 0), (null.as_fd(), 1), (null.as_fd(), 2)],
            ..SpawnPlan::new(Program::Path(c_string(program)?), argv, Vec::new(), c_string("/")?)
        })
        .map_err(|error| io::Error::new(error.source.kind(), error.to_string()))?;
        // It reads at once; should it ever not, it is not worth waiting for.
        set_nonblocking(pipe.as_fd())?;
        Ok(Self { pipe, pidfd: spawned.pidfd, mark, broken: Cell::new(false) })
    }

    /// Puts the mark on an app that is to be started.
    pub(super) fn mark(&self, env: &mut BTreeMap<String, String>) {
        env.insert(MARK.to_owned(), self.mark.clone());
    }

    pub(super) fn born(&self, pid: i32, began: u64) {
        self.tell(&format!("+{pid} {began}\n"));
    }

    pub(super) fn ended(&self, pid: i32) {
        self.tell(&format!("-{pid}\n"));
    }

    /// Our apps have ended in order, and what they have left is left on purpose.
    pub fn let_go(&self) {
        if let Err(error) = pidfd::signal(&self.pidfd, SIGKILL) {
            tracing::warn!("the process that ends what apps detach cannot be ended: {error}");
            return;
        }
        pidfd::reap(&self.pidfd);
    }

    /// One write a line, which a pipe takes whole or not at all.
    fn tell(&self, line: &str) {
        if let Err(error) = (&self.pipe).write_all(line.as_bytes())
            && !self.broken.replace(true)
        {
            tracing::warn!("what apps detach may outlive this program: the process that would end it is lost: {error}");
        }
    }
}
