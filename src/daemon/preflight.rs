//! The check before another program becomes the daemon: whether it understands what this one has written.
//!
//! The candidate is run as `rpm daemon --preflight`. It looks at the state of the home, touches nothing, and says one
//! line: `rpm-preflight 1 <version> ok`. A program that cannot say that is not tried.

use crate::engine;
use crate::paths::Home;
use crate::sys::pidfd::{self, Ended};
use crate::sys::ready::register;
use crate::sys::spawn::{Program, SpawnPlan, c_string, spawn};
use crate::sys::{group, signal};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

/// The first word of the line, and the form of the rest.
const WORD: &str = "rpm-preflight";
const FORM: &str = "1";
const LIMIT: Duration = Duration::from_secs(10);
/// More than a line is no answer.
const LONGEST: u64 = 4096;
const SIGKILL: i32 = 9;

/// As the candidate: says whether this program understands the state of the home. Returns the exit code.
pub fn preflight() -> u8 {
    let verdict = Home::from_env().map_err(|error| error.to_string()).and_then(|home| engine::understands(&home));
    let (told, code) = match verdict {
        Ok(()) => (writeln!(io::stdout(), "{WORD} {FORM} {} ok", env!("CARGO_PKG_VERSION")), 0),
        Err(why) => (writeln!(io::stderr(), "{why}"), 1),
    };
    // Whoever cannot be told takes it for a no.
    if told.is_ok() { code } else { 1 }
}

/// Runs the check of a candidate for the home that the environment names: its version, or why it cannot be the daemon.
pub async fn check(program: &Path) -> Result<String, String> {
    check_within(program, LIMIT).await
}

async fn check_within(program: &Path, limit: Duration) -> Result<String, String> {
    let mut candidate = Candidate::start(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let answer = timeout(limit, candidate.answer()).await;
    let Ok(answer) = answer else {
        return Err(format!("{} did not end its check within {} s", program.display(), limit.as_secs_f32()));
    };
    let answer = answer.map_err(|error| format!("{}: {error}", program.display()))?;
    judge(&answer).map_err(|why| format!("{}: {why}", program.display()))
}

struct Answer {
    ended: Ended,
    out: Vec<u8>,
    err: Vec<u8>,
}

/// A candidate that runs. It and what it has started end when this is dropped.
struct Candidate {
    pid: i32,
    pidfd: Option<OwnedFd>,
    out: Receiver,
    err: Receiver,
}

impl Candidate {
    fn start(program: &Path) -> io::Result<Self> {
        let input = File::open("/dev/null")?;
        let ((out, their_out), (err, their_err)) = (io::pipe()?, io::pipe()?);
        let mut env = Vec::new();
        for (name, value) in std::env::vars_os() {
            let mut pair = name;
            pair.push("=");
            pair.push(value);
            env.push(c_string(pair)?);
        }
        let program = c_string(program)?;
        let argv = vec![program.clone(), c_string("daemon")?, c_string("--preflight")?];
        let spawned = spawn(&SpawnPlan {
            fds: vec![(input.as_fd(), 0), (their_out.as_fd(), 1), (their_err.as_fd(), 2)],
            parent_death_signal: Some(SIGKILL),
            ..SpawnPlan::new(Program::Path(program), argv, env, c_string("/")?)
        })
        .map_err(|error| io::Error::new(error.source.kind(), error.to_string()))?;
        let (out, err) = (Receiver::from_owned_fd(out.into())?, Receiver::from_owned_fd(err.into())?);
        Ok(Self { pid: spawned.pid, pidfd: Some(spawned.pidfd), out, err })
    }

    /// What it said until it ended.
    async fn answer(&mut self) -> io::Result<Answer> {
        let (out, err) = tokio::try_join!(read_line(&mut self.out), read_errors(&mut self.err))?;
        let Some(pidfd) = &self.pidfd else { return Err(io::Error::other("it was asked twice")) };
        let ended = register(pidfd.try_clone()?)?;
        let exit = loop {
            let mut guard = ended.readable().await?;
            match pidfd::try_reap(ended.get_ref()) {
                Some(exit) => break exit,
                None => guard.clear_ready(),
            }
        };
        self.pidfd = None;
        Ok(Answer { ended: exit.ended, out, err })
    }
}

/// What is too long for an answer isn't waited for.
async fn read_line(from: &mut Receiver) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it says more than one line in its check"));
    }
    Ok(bytes)
}

/// The first of them; the rest is read all the same, as it would wait for us.
async fn read_errors(from: &mut Receiver) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    (&mut *from).take(LONGEST).read_to_end(&mut bytes).await?;
    tokio::io::copy(from, &mut tokio::io::sink()).await?;
    Ok(bytes)
}

impl Drop for Candidate {
    fn drop(&mut self) {
        if let Some(pidfd) = self.pidfd.take() {
            // It has not been waited for, so that its number is still its own, as its group's.
            group::signal(self.pid, SIGKILL);
            let _ = pidfd::signal(&pidfd, SIGKILL);
            pidfd::reap(&pidfd);
        }
    }
}

/// The version, or what is wrong with what it said.
fn judge(answer: &Answer) -> Result<String, String> {
    let out = String::from_utf8_lossy(&answer.out);
    match answer.ended {
        Ended::Code(0) => {}
        Ended::Code(code) => {
            let err = String::from_utf8_lossy(&answer.err);
            let why = err.lines().next().unwrap_or_default();
            return Err(if why.is_empty() { format!("its check ended with code {code}") } else { why.to_owned() });
        }
        Ended::Signal(number) => {
            let name = signal::name(number).map_or_else(|| format!("signal {number}"), str::to_owned);
            return Err(format!("its check was ended by {name}"));
        }
        Ended::Unknown => return Err("nobody knows how its check ended".to_owned()),
    }
    let words: Vec<&str> = out.strip_suffix('\n').unwrap_or(&out).split(' ').collect();
    match words.as_slice() {
        [WORD, FORM, version, "ok"] if !version.is_empty() && !out.trim_end().contains('\n') => {
            Ok((*version).to_owned())
        }
        [WORD, form, ..] if *form != FORM => Err(format!("its check has form {form}, and is not understood")),
        _ => Err("it is no rpm that can take over: it doesn't answer its check".to_owned()),
    }
}

#[cfg(test)]
#[path = "preflight_tests.rs"]
mod tests;
