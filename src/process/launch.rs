//! Putting a run together: program, arguments, environment, descriptors.

use super::account::{account, hand_over};
use super::adopt::began;
use super::environment::{Identity, compose};
use super::exit::ExitSource;
use super::link::{Link, Membership};
use crate::cluster::{Group, Holder, WorkerId};
use crate::domain::spec::{Interpreter, Mode};
use crate::domain::{AppSpec, OutputStream, SpawnId};
use crate::logs::{Label, Logs};
use crate::sys::keep::Keep;
use crate::sys::spawn::{Program, SpawnPlan, Stage, c_string, find_program, spawn};
use crate::sys::user::Ids;
use crate::sys::{channel, group, input, pidfd, pipe};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The number under which the channel is found. Node's own choice.
const CHANNEL_FD: RawFd = 3;
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A run that has been executed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: SpawnId,
    pub(super) pid: i32,
    /// In clock ticks since boot: with the pid it names the process for good.
    pub(super) began: u64,
    pub(super) exits: ExitSource,
    pub(super) link: Option<Link>,
}

/// Why a run could not be executed, in words and as an `errno`.
#[derive(Debug)]
pub(super) struct LaunchError {
    pub(super) message: String,
    pub(super) errno: i32,
}

/// What a launch needs besides the spec.
pub(super) struct Surroundings<'a> {
    pub(super) identity: &'a Identity,
    pub(super) logs: &'a Logs,
    pub(super) keep: &'a dyn Keep,
    pub(super) group: Option<&'a Group>,
    pub(super) worker: WorkerId,
    pub(super) holder: Holder,
    pub(super) parent_death_signal: Option<i32>,
    pub(super) open_files: u64,
    pub(super) pipe_size: usize,
}

pub(super) fn launch(spec: &AppSpec, id: SpawnId, around: &Surroundings<'_>) -> Result<Run, LaunchError> {
    let mut env = compose(spec, around.identity);
    let search = env.get("PATH").map_or(DEFAULT_PATH, String::as_str).to_owned();
    let (program, argv) = command_line(spec, &search)?;
    let ids = account(spec)?;
    let failed = |what: &str, error: &io::Error| LaunchError {
        message: format!("{what}: {error}"),
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    };
    let mut fds: Vec<(BorrowedFd<'_>, RawFd)> = Vec::new();
    let input = input::input_pipe().map_err(|error| failed("its input cannot be made", &error))?;
    let output = |name| {
        let pipe =
            pipe::output_pipe(around.pipe_size).map_err(|error| failed("its output pipes cannot be made", &error))?;
        let (ours, theirs) = (Arc::new(pipe.0), pipe.1);
        around
            .keep
            .put(&format!("{name}/{id}"), b"", &ours)
            .map_err(|error| failed("its output cannot be kept", &error))?;
        Ok((ours, theirs))
    };
    let (out, their_out) = output("out")?;
    let (err, their_err) = output("err")?;
    fds.extend([(input.as_fd(), 0), (their_out.as_fd(), 1), (their_err.as_fd(), 2)]);
    hand_over(&[input.as_fd(), their_out.as_fd(), their_err.as_fd()], ids.as_ref());

    let pair = if spec.program.is_node() {
        let (ours, theirs) = channel::pair().map_err(|error| failed("its channel cannot be made", &error))?;
        let pair = (Arc::new(ours), theirs);
        around
            .keep
            .put(&format!("ipc/{id}"), b"", &pair.0)
            .map_err(|error| failed("its channel cannot be kept", &error))?;
        env.insert("NODE_CHANNEL_FD".into(), CHANNEL_FD.to_string());
        env.insert("NODE_CHANNEL_SERIALIZATION_MODE".into(), "json".into());
        Some(pair)
    } else {
        None
    };
    if let Some((_, theirs)) = &pair {
        fds.push((theirs.as_fd(), CHANNEL_FD));
    }
    let membership = around.group.filter(|_| spec.mode == Mode::Cluster && pair.is_some()).map(|group| {
        env.insert("NODE_UNIQUE_ID".into(), around.worker.0.to_string());
        Membership { group: group.clone(), worker: around.worker }
    });

    let cwd = &spec.cwd;
    let shown = program.display().to_string();
    let plan =
        plan(program, &argv, &env, cwd, fds, ids, around).map_err(|error| failed("it cannot be started", &error))?;
    let spawned = spawn(&plan).map_err(|error| {
        let what = match error.stage {
            Stage::Cwd => format!("its working directory {} cannot be entered", cwd.display()),
            Stage::Exec => format!("{shown} cannot be executed"),
            Stage::Clone => "the system has no room for another process".to_owned(),
            stage => stage.what().to_owned(),
        };
        failed(&what, &error.source)
    })?;
    drop(plan);
    let [(out_label, out_log), (err_label, error_log)] = outputs(spec, around.identity, id);
    around.logs.capture(out_label, out, out_log);
    around.logs.capture(err_label, err, error_log);
    write_pid_file(&around.identity.pid_file, spawned.pid);
    let watched = watch(id, spawned.pidfd, spawned.pid, pair, membership, around);
    let (began, exits, link) = watched.map_err(|error| {
        // Nobody would ever know how it ends.
        end_unwatched(spawned.pid);
        for name in ["out", "err", "ipc"] {
            around.keep.forget(&format!("{name}/{id}"));
        }
        failed("it cannot be watched", &error)
    })?;
    Ok(Run { id, pid: spawned.pid, began, exits, link })
}

type Watched = (u64, ExitSource, Option<Link>);

fn watch(
    id: SpawnId,
    pidfd: OwnedFd,
    pid: i32,
    pair: Option<(Arc<OwnedFd>, OwnedFd)>,
    membership: Option<Membership>,
    around: &Surroundings<'_>,
) -> io::Result<Watched> {
    let exits = ExitSource::new(id, pidfd)?;
    // One that has ended already has no start time any more, and needs none.
    let began = began(pid).unwrap_or(0);
    let link = match pair {
        Some((ours, theirs)) => {
            drop(theirs);
            Some(Link::open(ours, membership, around.holder)?)
        }
        None => None,
    };
    Ok((began, exits, link))
}

fn end_unwatched(pid: i32) {
    group::signal(pid, libc::SIGKILL);
    if let Ok(pidfd) = pidfd::open(pid) {
        pidfd::reap(&pidfd);
    }
}

/// Whose output goes where.
pub(super) fn outputs(spec: &AppSpec, identity: &Identity, run: SpawnId) -> [(Label, Option<PathBuf>); 2] {
    let label = |stream| Label {
        id: identity.id,
        spawn: run,
        name: spec.name.as_str().into(),
        namespace: spec.namespace.as_str().into(),
        stream,
    };
    [(label(OutputStream::Out), identity.out_log.clone()), (label(OutputStream::Err), identity.error_log.clone())]
}

/// The executable, found anew at each start, and the words it is given.
fn command_line(spec: &AppSpec, search: &str) -> Result<(PathBuf, Vec<String>), LaunchError> {
    let script = spec.program.path.to_string_lossy().into_owned();
    match &spec.program.interpreter {
        Interpreter::None => Ok((spec.program.path.clone(), [&[script][..], &spec.args].concat())),
        Interpreter::Named(name) => {
            let program = find_program(name, search, &spec.cwd).ok_or_else(|| LaunchError {
                message: format!("its interpreter {name} is not in its PATH"),
                errno: libc::ENOENT,
            })?;
            if !spec.program.path.exists() {
                return Err(LaunchError { message: format!("{script} is not there"), errno: libc::ENOENT });
            }
            let argv = [&[name.clone()][..], &spec.program.interpreter_args, &[script], &spec.args].concat();
            Ok((program, argv))
        }
    }
}

fn plan<'a>(
    program: PathBuf,
    argv: &[String],
    env: &BTreeMap<String, String>,
    cwd: &Path,
    fds: Vec<(BorrowedFd<'a>, RawFd)>,
    ids: Option<Ids>,
    around: &Surroundings<'_>,
) -> io::Result<SpawnPlan<'a>> {
    let words = argv.iter().map(c_string).collect::<io::Result<_>>()?;
    let env = env.iter().map(|(name, value)| c_string(format!("{name}={value}"))).collect::<io::Result<_>>()?;
    Ok(SpawnPlan {
        fds,
        ids,
        parent_death_signal: around.parent_death_signal,
        open_files: Some(around.open_files),
        ..SpawnPlan::new(Program::Path(c_string(program)?), words, env, c_string(cwd)?)
    })
}

/// Tells scripts which process it is.
pub fn write_pid_file(path: &Path, pid: i32) {
    let write = || {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = File::create(path)?;
        io::Write::write_all(&mut file, pid.to_string().as_bytes())
    };
    if let Err(error) = write() {
        tracing::warn!("the pid file {} cannot be written: {error}", path.display());
    }
}

/// Removes the pid file, unless another run has written its own since.
pub(super) fn remove_pid_file(path: &Path, pid: i32) {
    if fs::read_to_string(path).is_ok_and(|text| text == pid.to_string()) {
        let _ = fs::remove_file(path);
    }
}

/// The version in the nearest package.json above a script.
pub(super) fn package_version(script: &Path) -> Option<String> {
    let manifest = script.ancestors().skip(1).find_map(|directory| fs::read(directory.join("package.json")).ok())?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    manifest.get("version")?.as_str().map(str::to_owned)
}
