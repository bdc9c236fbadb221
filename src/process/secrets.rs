//! The values of secrets: read as the app's user, at each start, while the daemon goes on with other things. They are in
//! this program's memory until the app is executed, and nowhere else of ours.

use super::launch::{DEFAULT_PATH, LaunchError};
use crate::domain::AppSpec;
use crate::domain::lifecycle::NO_SECRET;
use crate::domain::spec::SecretSource;
use crate::sys::helper::{Helper, HelperPlan, Said};
use crate::sys::pidfd::Ended;
use crate::sys::read_as::read_as;
use crate::sys::spawn::{c_string, find_program};
use crate::sys::user::Ids;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What all secrets of a start have.
const LONGEST: Duration = Duration::from_secs(30);
/// More is no secret. An environment has not room for much more.
const MAX_SECRET: usize = 64 * 1024;
/// How much of what a command complains is told.
const TOLD: usize = 200;

pub(super) type Values = BTreeMap<String, String>;

/// All secrets of an app, at once.
pub(super) async fn read(spec: Arc<AppSpec>, around: Around) -> Result<Values, LaunchError> {
    read_within(LONGEST, spec, around).await
}

async fn read_within(limit: Duration, spec: Arc<AppSpec>, around: Around) -> Result<Values, LaunchError> {
    let around = Rc::new(around);
    let mut reading = JoinSet::new();
    for (name, source) in spec.env.secrets.clone() {
        let around = Rc::clone(&around);
        reading.spawn_local(async move {
            let value = match tokio::time::timeout(limit, around.value(&source)).await {
                Ok(value) => value,
                Err(_) => Err(format!("{} took longer than {} s", called(&source), limit.as_secs_f64())),
            };
            (name, value)
        });
    }
    let mut values = Values::new();
    while let Some(read) = reading.join_next().await {
        let failed = |message| LaunchError { message, errno: NO_SECRET };
        let (name, value) = read.map_err(|error| failed(format!("its secrets cannot be read: {error}")))?;
        let value = value.map_err(|why| failed(format!("its secret {name} cannot be read: {why}")))?;
        values.insert(name, value);
    }
    Ok(values)
}

/// Where an app's commands run: as the app itself does, without the secrets.
pub(super) struct Around {
    pub(super) cwd: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    pub(super) ids: Option<Ids>,
    pub(super) open_files: u64,
}

impl Around {
    async fn value(&self, source: &SecretSource) -> Result<String, String> {
        let bytes = match source {
            SecretSource::File(path) => self.content(path.clone()).await,
            SecretSource::Command(line) => self.printed(line).await,
        };
        bytes.and_then(text).map_err(|why| format!("{}: {why}", called(source)))
    }

    /// A disk may be slow, and the file on another machine.
    async fn content(&self, path: PathBuf) -> Result<Vec<u8>, String> {
        let ids = self.ids.clone();
        let read = tokio::task::spawn_blocking(move || read_as(&path, ids.as_ref(), MAX_SECRET)).await;
        match read {
            Ok(read) => read.map_err(|error| reason(&error)),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn printed(&self, line: &str) -> Result<Vec<u8>, String> {
        let mut helper = self.shell(line).map_err(|error| format!("it cannot be started: {error}"))?;
        let Said { out, err, ended, is_whole } = helper.wait(MAX_SECRET).await.map_err(|error| error.to_string())?;
        match ended {
            Ended::Code(0) if is_whole => Ok(out),
            Ended::Code(0) => Err(too_long()),
            Ended::Code(code) => Err(format!("exit code {code}{}", complaint(&out, &err))),
            Ended::Signal(signal) => Err(format!("ended by signal {signal}{}", complaint(&out, &err))),
            Ended::Unknown => Err("it ended, nobody knows how".to_owned()),
        }
    }

    fn shell(&self, line: &str) -> io::Result<Helper> {
        let search = self.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        // An app may have a PATH without a shell.
        let shell = find_program("sh", search, &self.cwd).unwrap_or_else(|| "/bin/sh".into());
        let env = self.env.iter().map(|(name, value)| c_string(format!("{name}={value}")));
        Helper::start(HelperPlan {
            program: c_string(shell)?,
            argv: ["sh", "-c", line].into_iter().map(c_string).collect::<io::Result<_>>()?,
            env: env.collect::<io::Result<_>>()?,
            cwd: c_string(&self.cwd)?,
            ids: self.ids.clone(),
            open_files: self.open_files,
        })
    }
}

/// A secret's bytes as its value.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    let mut text = String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    match text {
        text if text.is_empty() => Err("it is empty".to_owned()),
        text if text.contains('\0') => Err("it holds a NUL byte".to_owned()),
        text => Ok(text),
    }
}

/// The last line of what a command says beside the secret, unless the secret is in it.
fn complaint(out: &[u8], err: &[u8]) -> String {
    let err = String::from_utf8_lossy(err);
    let Some(line) = err.lines().rev().map(str::trim).find(|line| !line.is_empty()) else { return String::new() };
    let out = String::from_utf8_lossy(out);
    let tells = out.lines().map(str::trim).any(|secret| !secret.is_empty() && line.contains(secret));
    if tells {
        return String::new();
    }
    let line: String = line.chars().filter(|c| !c.is_control()).take(TOLD).collect();
    format!(", {line}")
}

fn called(source: &SecretSource) -> String {
    match source {
        SecretSource::File(path) => path.display().to_string(),
        SecretSource::Command(_) => "its command".to_owned(),
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "the user of the app may not read it".to_owned(),
        io::ErrorKind::FileTooLarge => too_long(),
        _ => error.to_string(),
    }
}

fn too_long() -> String {
    format!("it is longer than {} kB", MAX_SECRET / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Interpreter, Program};
    use std::path::Path;
    use tokio::task::LocalSet;

    const LONG: Duration = Duration::from_secs(20);

    fn spec(cwd: &Path, secrets: &[(&str, SecretSource)]) -> AppSpec {
        let program = Program { path: "/bin/true".into(), interpreter: Interpreter::None, interpreter_args: vec![] };
        let mut spec = AppSpec { cwd: cwd.to_owned(), ..AppSpec::new("a", program) };
        spec.env.secrets = secrets.iter().map(|(name, source)| ((*name).to_owned(), source.clone())).collect();
        spec
    }

    fn read_all(limit: Duration, spec: AppSpec) -> Result<Values, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let env = [("WHO".to_owned(), "me".to_owned()), ("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        let around = Around { cwd: spec.cwd.clone(), env, ids: None, open_files: 1024 };
        let read = LocalSet::new().block_on(&runtime, read_within(limit, Arc::new(spec), around));
        read.map_err(|error| {
            assert_eq!(error.errno, NO_SECRET);
            error.message
        })
    }

    fn command(line: &str) -> Result<String, String> {
        let spec = spec(Path::new("/"), &[("S", SecretSource::Command(line.into()))]);
        read_all(LONG, spec).map(|mut values| values.remove("S").unwrap())
    }

    #[test]
    fn files_and_commands() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "one\ntwo\r\n").unwrap();
        let secrets = [
            ("FILE", SecretSource::File(dir.path().join("key"))),
            ("COMMAND", SecretSource::Command("printf \"$WHO in \"; pwd".into())),
        ];
        let values = read_all(LONG, spec(dir.path(), &secrets)).unwrap();
        assert_eq!(values["FILE"], "one\ntwo");
        assert_eq!(values["COMMAND"], format!("me in {}", dir.path().display()));
    }

    #[test]
    fn what_a_command_leaves_behind_is_not_waited_for() {
        assert_eq!(command("echo now; sleep 1000 &").unwrap(), "now");
        assert_eq!(command("printf %s 'no end'").unwrap(), "no end");
    }

    #[test]
    fn failures_say_which_and_why_and_never_the_value() {
        let why = |line: &str| command(line).unwrap_err();
        let begin = "its secret S cannot be read: its command: ";
        assert_eq!(
            why("echo hunter2; echo 'vault is sealed' >&2; exit 3"),
            format!("{begin}exit code 3, vault is sealed")
        );
        assert_eq!(why("echo hunter2; echo 'got hunter2' >&2; exit 3"), format!("{begin}exit code 3"));
        assert_eq!(why("kill -9 $$"), format!("{begin}ended by signal 9"));
        assert_eq!(why(":"), format!("{begin}it is empty"));
        assert_eq!(why("printf '\\377'"), format!("{begin}it is no UTF-8 text"));
        assert_eq!(why("head -c 100000 /dev/zero | tr '\\0' x"), format!("{begin}it is longer than 64 kB"));
    }

    #[test]
    fn files_that_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let why = |name: &str| {
            let spec = spec(dir.path(), &[("S", SecretSource::File(dir.path().join(name)))]);
            let place = format!("its secret S cannot be read: {}/", dir.path().display());
            read_all(LONG, spec).unwrap_err().strip_prefix(&place).unwrap().to_owned()
        };
        assert_eq!(why("none"), "none: there is no such file");
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(why("pipe"), "pipe: it is no regular file");
        std::fs::write(dir.path().join("large"), vec![b'x'; MAX_SECRET + 1]).unwrap();
        assert_eq!(why("large"), "large: it is longer than 64 kB");
    }

    #[test]
    fn a_command_that_never_ends_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("pid");
        let line = format!("echo $$ > {}; exec sleep 1000", note.display());
        let spec = spec(dir.path(), &[("S", SecretSource::Command(line))]);
        let error = read_all(Duration::from_millis(500), spec).unwrap_err();
        assert_eq!(error, "its secret S cannot be read: its command took longer than 0.5 s");
        let pid: i32 = std::fs::read_to_string(note).unwrap().trim().parse().unwrap();
        // It is killed already, and dies as soon as the system comes to it.
        while super::super::alive::began(pid).is_some() {
            std::thread::yield_now();
        }
    }
}
