//! A command as a question: the app's user, directory and environment; code 0 is a yes.

use super::ask::Surroundings;
use super::board::Answer;
use crate::sys::pidfd::{self, Ended, Exit};
use crate::sys::spawn::{Parent, Program, SpawnPlan, Spawned, c_string, find_program, spawn};
use crate::sys::{group, ready, signal};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SIGKILL: i32 = 9;
/// How much of its output is remembered: the end of it.
const MOST_OUTPUT: usize = 400;

pub(super) async fn run(command: &[String], around: &Surroundings) -> Answer {
    let child = match start(command, around) {
        Ok(child) => child,
        Err(why) => return Answer::no(why),
    };
    let (answer, answered) = oneshot::channel();
    // A task of its own: when nobody waits for the answer any more, it still sees the command to its end.
    tokio::task::spawn_local(child.watch(answer));
    answered.await.unwrap_or_else(|_| Answer::no("nobody saw how it ended"))
}

/// A command that runs. Dropping it ends it with all its group.
struct Child {
    pid: i32,
    pidfd: Arc<OwnedFd>,
    /// Its number may be anybody else's.
    reaped: bool,
    output: Receiver,
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            group::signal(self.pid, SIGKILL);
        }
    }
}

fn start(command: &[String], around: &Surroundings) -> Result<Child, String> {
    let [name, ..] = command else { return Err("it has no command".to_owned()) };
    let path = around.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let program = find_program(name, path, &around.cwd).ok_or_else(|| format!("{name} is not in its PATH"))?;
    let begin = || -> io::Result<Child> {
        let (reader, writer) = io::pipe()?;
        let input = File::open("/dev/null")?;
        let words = |words: &mut dyn Iterator<Item = String>| words.map(c_string).collect::<io::Result<Vec<_>>>();
        let argv = words(&mut command.iter().cloned())?;
        let env = words(&mut around.env.iter().map(|(name, value)| format!("{name}={value}")))?;
        let plan = SpawnPlan {
            fds: vec![(input.as_fd(), 0), (writer.as_fd(), 1), (writer.as_fd(), 2)],
            ids: around.ids.clone(),
            parent: Parent::Us,
            // Nobody would ever ask for its answer.
            parent_death_signal: Some(SIGKILL),
            open_files: Some(around.open_files),
            ..SpawnPlan::new(Program::Path(c_string(&program)?), argv, env, c_string(&around.cwd)?)
        };
        let Spawned { pid, pidfd, .. } = spawn(&plan).map_err(|error| error.source)?;
        let pidfd = Arc::new(pidfd);
        let output = Receiver::from_owned_fd(reader.into()).inspect_err(|_| {
            group::signal(pid, SIGKILL);
            pidfd::reap(&pidfd);
        })?;
        Ok(Child { pid, pidfd, reaped: false, output })
    };
    begin().map_err(|error| format!("{name} cannot be run: {error}"))
}

impl Child {
    /// To its end, or that of whoever waits for its answer.
    async fn watch(mut self, mut answer: oneshot::Sender<Answer>) {
        let Ok(ended) = ready::register(Arc::clone(&self.pidfd)) else { return };
        let mut said = Vec::new();
        let mut buffer = [0; 1024];
        let mut open = true;
        let mut wanted = true;
        loop {
            tokio::select! {
                biased;
                ready = ended.readable() => {
                    if pidfd::has_ended(&self.pidfd) {
                        // What it has left behind goes before its number is anybody else's.
                        group::signal(self.pid, SIGKILL);
                        let exit = pidfd::reap(&self.pidfd);
                        self.reaped = true;
                        while let Ok(count @ 1..) = self.output.try_read(&mut buffer) {
                            keep_end(&mut said, &buffer[..count]);
                        }
                        // Whoever asked may have gone.
                        let _ = answer.send(judge(&exit, &said));
                        return;
                    }
                    if let Ok(mut ready) = ready {
                        ready.clear_ready();
                    }
                }
                () = answer.closed(), if wanted => {
                    wanted = false;
                    group::signal(self.pid, SIGKILL);
                }
                count = self.output.read(&mut buffer), if open => match count {
                    Ok(count @ 1..) => keep_end(&mut said, &buffer[..count]),
                    _ => open = false,
                },
            }
        }
    }
}

fn keep_end(said: &mut Vec<u8>, more: &[u8]) {
    said.extend_from_slice(more);
    said.drain(..said.len().saturating_sub(MOST_OUTPUT));
}

fn judge(exit: &Exit, said: &[u8]) -> Answer {
    let how = match exit.ended {
        Ended::Code(code) => format!("exit code {code}"),
        Ended::Signal(number) => {
            format!("ended by {}", signal::name(number).map_or_else(|| format!("signal {number}"), str::to_owned))
        }
        Ended::Unknown => "ended, nobody knows how".to_owned(),
    };
    if exit.ended == Ended::Code(0) {
        return Answer::yes(how);
    }
    let said = String::from_utf8_lossy(said);
    Answer::no(match said.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!("{how}: {line}"),
        None => how,
    })
}
