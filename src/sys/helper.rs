//! A short-lived program of the daemon's own, beside its event loop: what it prints, how it ends, and that nothing of it
//! is left.

use super::pidfd::{self, Ended};
use super::spawn::{Program, SpawnPlan, spawn};
use super::user::Ids;
use super::{group, input, pipe, ready};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// What such a program is.
#[derive(Debug)]
pub struct HelperPlan {
    /// Absolute path of the executable.
    pub program: CString,
    pub argv: Vec<CString>,
    /// `KEY=value` each.
    pub env: Vec<CString>,
    pub cwd: CString,
    /// Who it is; `None` leaves it what we are.
    pub ids: Option<Ids>,
    /// The soft limit of open files that it gets.
    pub open_files: u64,
}

/// How it went.
#[derive(Debug)]
pub struct Said {
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub ended: Ended,
    /// It has printed no more than was to be kept.
    pub is_whole: bool,
}

/// A program that runs, with all that it starts. Ended when dropped; and by the system should this thread end.
#[derive(Debug)]
pub struct Helper {
    pid: i32,
    pidfd: Option<AsyncFd<Arc<OwnedFd>>>,
    out: AsyncFd<Arc<File>>,
    err: AsyncFd<Arc<File>>,
}

impl Helper {
    pub fn start(plan: HelperPlan) -> io::Result<Self> {
        let input = input::input_pipe()?;
        let (out, its_out) = pipe::output_pipe(0)?;
        let (err, its_err) = pipe::output_pipe(0)?;
        let HelperPlan { program, argv, env, cwd, ids, open_files } = plan;
        let spawned = spawn(&SpawnPlan {
            fds: vec![(input.as_fd(), 0), (its_out.as_fd(), 1), (its_err.as_fd(), 2)],
            ids,
            open_files: Some(open_files),
            parent_death_signal: Some(libc::SIGKILL),
            ..SpawnPlan::new(Program::Path(program), argv, env, cwd)
        })
        .map_err(|error| error.source)?;
        let pid = spawned.pid;
        let registered = || -> io::Result<Self> {
            let pidfd = Some(ready::register(Arc::new(spawned.pidfd))?);
            let readable = |fd: OwnedFd| ready::register(Arc::new(File::from(fd)));
            Ok(Self { pid, pidfd, out: readable(out)?, err: readable(err)? })
        };
        registered().inspect_err(|_| group::signal(pid, libc::SIGKILL))
    }

    /// Waits for its end. Of what it prints as much as `limit` is kept.
    pub async fn wait(&mut self, limit: usize) -> io::Result<Said> {
        let (mut out, mut err) = (Kept::new(limit), Kept::new(limit));
        let Some(pidfd) = &self.pidfd else { return Err(io::ErrorKind::NotFound.into()) };
        let ended = loop {
            tokio::select! {
                ready = self.out.readable(), if !out.is_over => out.take(ready?, self.out.get_ref())?,
                ready = self.err.readable(), if !err.is_over => err.take(ready?, self.err.get_ref())?,
                ready = pidfd.readable() => {
                    let mut ready = ready?;
                    if pidfd::has_ended(pidfd.get_ref()) {
                        // Before it is reaped: after that its number may be somebody else's.
                        group::signal(self.pid, libc::SIGKILL);
                        break pidfd::reap(pidfd.get_ref()).ended;
                    }
                    ready.clear_ready();
                }
            }
        };
        self.pidfd = None;
        // What it has written before is still in its pipes.
        out.drain(self.out.get_ref())?;
        err.drain(self.err.get_ref())?;
        let is_whole = !out.is_cut;
        Ok(Said { out: out.bytes, err: err.bytes, ended, is_whole })
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let Some(pidfd) = self.pidfd.take() else { return };
        group::signal(self.pid, libc::SIGKILL);
        let pidfd = pidfd.into_inner();
        // Dying takes the system a moment, which others need not wait for. Without a thread it stays a zombie.
        let _ = std::thread::Builder::new().name("rpm-reaper".into()).spawn(move || pidfd::reap(&pidfd));
    }
}

/// The first bytes of a stream.
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    is_cut: bool,
    /// Everything that could write to it is gone: from then on it is always ready, and never has anything.
    is_over: bool,
}

impl Kept {
    const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, is_cut: false, is_over: false }
    }

    fn take(&mut self, mut ready: tokio::io::unix::AsyncFdReadyGuard<'_, Arc<File>>, from: &File) -> io::Result<()> {
        if !self.read(from)? {
            ready.clear_ready();
        }
        Ok(())
    }

    fn drain(&mut self, from: &File) -> io::Result<()> {
        while !self.is_cut && self.read(from)? {}
        Ok(())
    }

    /// `false` when there is nothing to read now.
    fn read(&mut self, mut from: &File) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        match from.read(&mut chunk) {
            Ok(0) => {
                self.is_over = true;
                Ok(false)
            }
            Ok(count) => {
                let room = self.limit.saturating_sub(self.bytes.len());
                self.is_cut |= count > room;
                self.bytes.extend_from_slice(&chunk[..count.min(room)]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}
