//! Running programs, with a deadline and without pipes that could fill.

use super::wait::eventually_within;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// No command of these tests takes longer, unless it hangs.
const LONGEST: Duration = Duration::from_mins(1);

/// A program to be run.
pub(crate) struct Program {
    command: Command,
    input: Vec<u8>,
}

/// A program that runs. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: File,
    err: File,
    said: String,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) command: String,
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Program {
    /// Sees nothing of the environment but `PATH`.
    #[expect(clippy::disallowed_methods, reason = "tests start programs the ordinary way")]
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self { command, input: Vec::new() }
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn cwd(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    pub(crate) fn begin(mut self) -> Running {
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(&self.input).unwrap();
        input.rewind().unwrap();
        self.command.stdin(Stdio::from(input));
        self.command.stdout(Stdio::from(out.try_clone().unwrap()));
        self.command.stderr(Stdio::from(err.try_clone().unwrap()));
        let said = format!("{:?}", self.command);
        let child = self.command.spawn().unwrap_or_else(|error| panic!("{said}: {error}"));
        Running { child, out, err, said }
    }

    pub(crate) fn run(self) -> Done {
        self.begin().end()
    }
}

impl Running {
    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// What it has written so far.
    pub(crate) fn out(&self) -> Vec<u8> {
        contents(&self.out)
    }

    /// What it has said beside that.
    pub(crate) fn err(&self) -> Vec<u8> {
        contents(&self.err)
    }

    pub(crate) fn end(mut self) -> Done {
        let what = format!("{} ends", self.said);
        let status = eventually_within(LONGEST, &what, || self.child.try_wait().unwrap());
        Done {
            command: std::mem::take(&mut self.said),
            status,
            out: contents(&self.out),
            err: String::from_utf8_lossy(&contents(&self.err)).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole file, by offset: the position is shared with the child that writes it.
fn contents(file: &File) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

impl Done {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Exit code 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status.success(), "{}", self.told());
        self
    }

    /// Exit code 1, and a message that holds each of `words`.
    #[track_caller]
    pub(crate) fn fails(self, words: &[&str]) -> Self {
        assert_eq!(self.code(), Some(1), "{}", self.told());
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in the message of {}", self.told());
        }
        self
    }

    pub(crate) fn told(&self) -> String {
        let end =
            self.status.signal().map_or_else(|| format!("{:?}", self.code()), |number| format!("signal {number}"));
        format!("{}: {end}\n{}\n{}", self.command, self.text(), self.err)
    }
}

/// Reads all of something that ends.
pub(crate) fn read_all(mut source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes)?;
    Ok(bytes)
}
