//! A short-lived helper program, its output, and a limit to both.

use crate::clock;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{self, Child, ChildStdout, Stdio};
use std::time::Duration;

/// More output than this is no configuration.
pub(super) const MAX_OUTPUT: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub struct Command<'a> {
    pub program: &'a Path,
    pub args: &'a [&'a str],
    pub env: BTreeMap<&'a String, &'a String>,
    pub cwd: &'a Path,
    pub stdin: Option<File>,
}

#[derive(Debug)]
pub struct Finished {
    pub output: Vec<u8>,
    pub status: process::ExitStatus,
}

#[derive(Debug)]
pub enum Failure {
    Io(io::Error),
    TimedOut,
    TooMuch,
}

/// Runs it until its output ends, or ends with `mark`, and leaves nothing of it behind. What it says on the side goes
/// to our standard error.
pub fn run(command: Command<'_>, limit: Duration, mark: Option<&[u8]>) -> Result<Finished, Failure> {
    let mut child = spawn(command).map_err(Failure::Io)?;
    let Some(stdout) = child.stdout.take() else { return Err(Failure::Io(io::ErrorKind::BrokenPipe.into())) };
    let output = read(stdout, clock::boot() + limit, mark);
    // It has ended, or it has said all that we wait for, or it won't. Killing what has ended changes nothing.
    let status = child.kill().and_then(|()| child.wait()).map_err(Failure::Io)?;
    Ok(Finished { output: output?, status })
}

#[expect(clippy::disallowed_methods, reason = "no app: a helper that ends before the call returns")]
fn spawn(command: Command<'_>) -> io::Result<Child> {
    let stderr = io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
    process::Command::new(command.program)
        .args(command.args)
        .env_clear()
        .envs(command.env)
        .current_dir(command.cwd)
        .stdin(command.stdin.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
}

fn read(mut stdout: ChildStdout, deadline: Duration, mark: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let left = deadline.saturating_sub(clock::boot());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if deadline <= clock::boot() => return Err(Failure::TimedOut),
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(errno) => return Err(Failure::Io(errno.into())),
        }
        match stdout.read(&mut chunk).map_err(Failure::Io)? {
            0 => return Ok(output),
            count => output.extend_from_slice(&chunk[..count]),
        }
        if mark.is_some_and(|mark| output.ends_with(mark)) {
            return Ok(output);
        }
        if output.len() > MAX_OUTPUT {
            return Err(Failure::TooMuch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(line: &str, limit: Duration, mark: Option<&[u8]>) -> Result<Finished, Failure> {
        let command = Command {
            program: Path::new("/bin/sh"),
            args: &["-c", line],
            env: BTreeMap::new(),
            cwd: Path::new("/"),
            stdin: None,
        };
        run(command, limit, mark)
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn output_and_status_come_back() {
        let finished = sh("pwd; exit 3", LONG, None).unwrap();
        assert_eq!(finished.output, b"/\n");
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn a_mark_ends_it_while_the_program_lives() {
        let finished = sh("echo done; exec tail -f /dev/null", LONG, Some(b"done\n")).unwrap();
        assert_eq!(finished.output, b"done\n");
        assert_eq!(finished.status.code(), None);
    }

    #[test]
    fn time_and_size_are_limited() {
        let slow = sh("exec tail -f /dev/null", Duration::from_millis(20), None);
        assert!(matches!(slow, Err(Failure::TimedOut)));
        let loud = sh("exec cat /dev/zero", LONG, None);
        assert!(matches!(loud, Err(Failure::TooMuch)));
    }
}
