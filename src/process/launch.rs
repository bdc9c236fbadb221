//! Putting a run together: program, arguments, environment, descriptors; and all that watches it.

use super::account::account;
use super::alive::began;
use super::announced::Announced;
use super::command::command_line;
use super::confine::Confined;
use super::context::Context;
use super::environment::{Identity, compose};
use super::execute::execute;
use super::exit::{ExitFact, ExitSource};
use super::kinship::Place;
use super::link::{Link, Membership};
use super::notify::Notify;
use super::pid_file;
use super::secrets::Values;
use super::sockets::{self, LISTEN_PID};
use super::vitals::{Vitals, await_line};
use super::voice::Voice;
use super::wires::{NOTIFY, PID, Wires, forget_all_but_output, forget_output, name_of};
use crate::clock;
use crate::cluster::{Group, Holder, Seat, WorkerId};
use crate::domain::health::Health;
use crate::domain::spec::Mode;
use crate::domain::{AppSpec, OutputStream, SpawnId};
use crate::logs::{self, Destination, Label};
use crate::probe::{self, Door, Prober};
use crate::slots::Standing;
use crate::sys::cgroup::Cgroup;
use crate::sys::fault::{self, Point};
use crate::sys::room;
use crate::sys::spawn::{Parent, Spawned};
use crate::sys::{group, pidfd};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A run that has been executed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: SpawnId,
    pub(super) pid: i32,
    /// In clock ticks since boot: with the pid it names the process for good.
    pub(super) began: u64,
    /// Where what it starts can be found.
    pub(super) place: Place,
    pub(super) exits: ExitSource,
    /// Boxed, as most have none.
    pub(super) link: Option<Box<Link>>,
    /// Where something is asked.
    pub(super) vitals: Option<Box<Vitals>>,
}

/// A run, and how it is confined.
pub(super) struct Launched {
    pub(super) run: Run,
    /// What it and all it starts are in.
    pub(super) cgroup: Option<Cgroup>,
    /// Limits that are not in force, and why.
    pub(super) warnings: Vec<String>,
}

impl Run {
    /// Its cluster learns which process it is.
    pub(super) fn introduce(&self) {
        if let (Some(link), Some(process)) = (&self.link, self.exits.process()) {
            link.identify(process);
        }
    }
}

/// Why a run could not be executed, in words and as an `errno`.
#[derive(Debug)]
pub(super) struct LaunchError {
    pub(super) message: String,
    pub(super) errno: i32,
}

/// Why a run was not executed.
#[derive(Debug)]
pub(super) enum NotLaunched {
    Failed(LaunchError),
    /// It can be as soon as the version of this program is known. Nothing has been done.
    Unasked(PathBuf),
}

impl From<LaunchError> for NotLaunched {
    fn from(error: LaunchError) -> Self {
        Self::Failed(error)
    }
}

impl LaunchError {
    pub(super) fn of(what: &str, error: &io::Error) -> Self {
        Self { message: format!("{what}: {error}"), errno: error.raw_os_error().unwrap_or(libc::EIO) }
    }
}

/// What a launch needs besides the spec.
pub(super) struct Surroundings<'a> {
    pub(super) identity: &'a Identity,
    pub(super) context: &'a Context,
    pub(super) group: Option<&'a Group>,
    pub(super) worker: WorkerId,
    pub(super) holder: Holder,
    pub(super) standing: &'a Standing,
    pub(super) announced: &'a Announced,
    /// The process has run before, and that run has ended.
    pub(super) is_replacement: bool,
}

pub(super) fn launch(
    spec: &AppSpec,
    id: SpawnId,
    secrets: &Values,
    around: &Surroundings<'_>,
) -> Result<Launched, NotLaunched> {
    let (context, process) = (around.context, around.identity.id);
    let ids = account(spec)?;
    let mut line = command_line(spec, compose(spec, around.identity, secrets), ids.as_ref())?;
    let pipe_size = logs::pipe_size(context.running.get());
    room::for_another_run(around.is_replacement)
        .map_err(|error| LaunchError::of("its pipes cannot be made", &error))?;
    let sockets = context.sockets.open(spec, around.holder, context.keep.as_ref())?;
    let mut wires = Wires::make(spec, id, around.identity, pipe_size, context.keep.as_ref())
        .map_err(|error| LaunchError::of(error.what, &error.source))?;
    wires.sockets = sockets;
    wires.hand_over(ids.as_ref());
    let surroundings = spec.ready.probes.any().then(|| probe::Surroundings {
        env: line.env.clone(),
        cwd: spec.cwd.clone(),
        ids: ids.clone(),
        open_files: context.open_files,
        door: None,
    });
    let membership = introduce(spec, id, around, &wires, &mut line.env);
    if wires.channel.is_some() {
        context.agent.lead(spec, &mut line, ids.as_ref());
    }
    let told = context.guardian.as_ref().map(|_| context.exits.expect(id));
    let mut confined = context.confinement.confine(&spec.limits, around.identity.id, id, context.slots.is_some());
    let executed = execute(spec, &line, id, ids.as_ref(), (&wires, &mut confined), context);
    let spawned = executed.inspect_err(|_| {
        context.exits.expect_no_more(id);
        context.confinement.release(process, id);
        forget_all_but_output(context.keep.as_ref(), process, id);
        forget_output(context.keep.as_ref(), process, id);
    })?;
    fault::point(Point::SpawnBorn);
    Ok(look_after(spec, id, around, (spawned, told), (wires, membership, confined), surroundings)?)
}

/// What it has to find in its environment about itself, beside what its settings say. Gives its place in its cluster.
fn introduce(
    spec: &AppSpec,
    id: SpawnId,
    around: &Surroundings<'_>,
    wires: &Wires,
    env: &mut BTreeMap<String, String>,
) -> Option<Membership> {
    around.context.kinship.realm.mark(around.identity.id, id).put(env);
    if let Some(leash) = &around.context.leash {
        leash.mark(env);
    }
    if let Some((_, address)) = &wires.notify {
        env.insert("NOTIFY_SOCKET".into(), address.clone());
    }
    if !wires.sockets.is_empty() {
        env.insert("LISTEN_FDS".into(), wires.sockets.len().to_string());
        env.insert("LISTEN_FDNAMES".into(), sockets::names(&spec.listen));
        // It is told its own number, as systemd tells it, when there is one.
        env.remove(LISTEN_PID);
    }
    wires.channel.as_ref()?;
    env.insert("NODE_CHANNEL_FD".into(), wires.channel_number().to_string());
    env.insert("NODE_CHANNEL_SERIALIZATION_MODE".into(), "json".into());
    let group = around.group.filter(|_| spec.mode == Mode::Cluster)?;
    env.insert("NODE_UNIQUE_ID".into(), around.worker.0.to_string());
    Some(Membership { group: group.clone(), worker: around.worker, seat: Seat(around.identity.instance) })
}

/// It was executed: its output is read, its end waited for, its channel listened to; it is asked how it is.
fn look_after(
    spec: &AppSpec,
    id: SpawnId,
    around: &Surroundings<'_>,
    (spawned, told): (Spawned, Option<oneshot::Receiver<ExitFact>>),
    (wires, membership, confined): (Wires, Option<Membership>, Confined),
    surroundings: Option<probe::Surroundings>,
) -> Result<Launched, LaunchError> {
    let (context, process, pid) = (around.context, around.identity.id, spawned.pid);
    let line = await_line(spec, id, context, around.standing).unwrap_or_default();
    let [(out_label, out), (err_label, err)] = outputs(spec, around.identity, id);
    context.logs.capture(out_label, wires.out.0, out);
    context.logs.capture(err_label, wires.err.0, err);
    fault::point(Point::SpawnCaptured);
    pid_file::write(&around.identity.pid_file(spec), pid);
    let pidfd = Arc::new(spawned.pidfd);
    context.keep.note(&name_of(PID, process, id), &pidfd);
    let is_guardians = spawned.parentage == Parent::Guardian;
    let exits = match told {
        Some(told) if is_guardians => Ok(ExitSource::guardian(id, Some(pidfd), told)),
        _ => ExitSource::child(id, pidfd),
    };
    // One that has ended already has no start time any more, and needs none.
    let began = began(pid).unwrap_or(0);
    if let Some(leash) = &context.leash {
        leash.born(pid, began);
    }
    let voice = || Voice::of(spec, process, id, around.announced, context);
    let door = membership.clone().map(|membership| Rc::new(membership) as Rc<dyn Door>);
    let open = |(ours, _)| {
        let link = Link::open(ours, membership, around.holder, around.standing.clone(), voice())?;
        link.hold_back(spec.ready.asks());
        io::Result::Ok(Box::new(link))
    };
    let link = wires.channel.map(open).transpose();
    let notify = wires.notify.map(|(socket, _)| listen(socket, id, pid, around)).transpose();
    match exits.and_then(|exits| Ok((exits, link?, notify?))) {
        Ok((exits, link, notify)) => {
            let prober = surroundings.map(|surroundings| {
                let health = Health::new(&spec.ready.probes, clock::boot_ms(), id.0);
                Prober::begin(spec.ready.probes.clone(), health, probe::Surroundings { door, ..surroundings })
            });
            let vitals = Vitals { prober, notify, line }.boxed();
            let (place, Confined { group: cgroup, warnings, .. }) = (context.kinship.place(is_guardians), confined);
            Ok(Launched { run: Run { id, pid, began, place, exits, link, vitals }, cgroup, warnings })
        }
        Err(error) => {
            // Nobody would ever know how it ends.
            end_unwatched(pid);
            forget_all_but_output(context.keep.as_ref(), process, id);
            context.unwritten.finish(context, process, id);
            Err(LaunchError::of("it cannot be watched", &error))
        }
    }
}

fn listen(socket: Arc<OwnedFd>, id: SpawnId, pid: i32, around: &Surroundings<'_>) -> io::Result<Notify> {
    let name = name_of(NOTIFY, around.identity.id, id);
    Notify::listen(socket, pid, around.standing.clone(), Rc::clone(&around.context.keep), name, b"")
}

fn end_unwatched(pid: i32) {
    group::signal(pid, libc::SIGKILL);
    if let Ok(pidfd) = pidfd::open(pid) {
        pidfd::reap(&pidfd);
    }
}

/// Whose output goes where.
pub(super) fn outputs(spec: &AppSpec, identity: &Identity, run: SpawnId) -> [(Label, Destination); 2] {
    let (name, namespace): (Arc<str>, Arc<str>) = (spec.name.as_str().into(), spec.namespace.as_str().into());
    let label = |stream| {
        let (name, namespace) = (Arc::clone(&name), Arc::clone(&namespace));
        Label { id: identity.id, spawn: run, name, namespace, stream }
    };
    [OutputStream::Out, OutputStream::Err].map(|stream| (label(stream), destination(spec, identity, stream)))
}

/// Where a stream goes.
pub(super) fn destination(spec: &AppSpec, identity: &Identity, stream: OutputStream) -> Destination {
    let path = match stream {
        OutputStream::Out => identity.out_log.clone(),
        OutputStream::Err => identity.error_log.clone(),
    };
    // What goes nowhere becomes nothing.
    let form = spec.line_form().filter(|_| path.is_some());
    Destination { path, combined: identity.combined_log.clone(), form }
}

/// The version in the nearest package.json above a script.
pub(super) fn package_version(script: &Path) -> Option<String> {
    let manifest = script.ancestors().skip(1).find_map(|directory| fs::read(directory.join("package.json")).ok())?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    manifest.get("version")?.as_str().map(str::to_owned)
}
