//! `report`: all that belongs into a report of a problem. Launches no daemon: that none runs may be the problem.

use crate::api::{DaemonInfo, Host, LogItem, LogQuery, Process, ProcessDetail, Request, Response};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::link::Link;
use crate::cli::render::report as shown;
use crate::cli::session::Session;
use crate::clock;
use crate::domain::{ProcessId, Selector, Status, UnixMs, secret};
use crate::paths::Home;
use crate::sys::machine;
use serde::Serialize;
use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Lines of the daemon's log.
const OF_THE_DAEMON: usize = 40;
/// Lines of each file of an app that isn't well, and of how many such processes.
const OF_AN_APP: u32 = 10;
const APPS: usize = 5;
/// No line of ours is so long that more has to be read for these.
const TAIL: u64 = 64 << 10;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) at: UnixMs,
    /// Of this command.
    pub(crate) version: &'static str,
    pub(crate) program: Option<PathBuf>,
    pub(crate) home: PathBuf,
    pub(crate) machine: Machine,
    /// Our settings, and PM2's, in the environment of whoever asks.
    pub(crate) settings: BTreeMap<String, String>,
    /// `None` where none runs.
    pub(crate) daemon: Option<DaemonInfo>,
    pub(crate) processes: Vec<Process>,
    /// What each process runs on, where it is known.
    pub(crate) runs_on: BTreeMap<ProcessId, String>,
    pub(crate) daemon_log: Vec<String>,
    /// The last lines of what isn't well.
    pub(crate) logs: BTreeMap<ProcessId, Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) system: Option<String>,
    pub(crate) kernel: Option<String>,
    pub(crate) architecture: &'static str,
    /// The program with pid 1.
    pub(crate) init: Option<String>,
    pub(crate) figures: Option<Host>,
}

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    let home = Home::from_env().map_err(|error| Failure::new(error.to_string()))?;
    let report = gather(session, &home).await?;
    if session.screen.wants_json() {
        session.screen.data_json(&report)?;
    } else {
        session.screen.data(shown::text(&report))?;
    }
    session.screen.hint("read it before you post it: not every secret looks like one");
    Ok(Exit::Success)
}

async fn gather(session: &Session<'_>, home: &Home) -> Result<Report, Failure> {
    let link = session.link;
    let daemon = match link.request_running(Request::Ping).await? {
        Some(Response::Daemon(info)) => Some(info),
        _ => None,
    };
    let figures = match link.request_running(Request::Host).await {
        Ok(Some(Response::Host(host))) => Some(host),
        _ => None,
    };
    let details = if daemon.is_some() { session.details().await? } else { Vec::new() };
    let logs = logs(link, &details).await;
    let runs_on = details.iter().filter_map(|detail| Some((detail.process.id, program(detail)?))).collect();
    let mut processes: Vec<Process> = details.into_iter().map(|detail| without_secrets(detail.process)).collect();
    session.sort(&mut processes);
    let machine = Machine {
        system: machine::system(),
        kernel: machine::kernel(),
        architecture: env::consts::ARCH,
        init: machine::init(),
        figures,
    };
    Ok(Report {
        at: clock::unix_ms(),
        version: env!("CARGO_PKG_VERSION"),
        program: env::current_exe().ok(),
        home: home.root().to_owned(),
        machine,
        settings: settings(),
        daemon,
        processes,
        runs_on,
        daemon_log: last_lines(&home.daemon_log(), OF_THE_DAEMON),
        logs,
    })
}

/// A reason may quote what an app has written last.
fn without_secrets(process: Process) -> Process {
    Process { reason: process.reason.map(|reason| secret::in_text(&reason)), ..process }
}

fn program(detail: &ProcessDetail) -> Option<String> {
    let runs = detail.runs_on.as_ref()?;
    let version = runs.version.as_ref().map(|version| format!("{version}, ")).unwrap_or_default();
    Some(format!("{version}{}", runs.program.display()))
}

fn settings() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    };
    let is_setting = |name: &str| ["RPM_", "PM2_", "NODE_"].iter().any(|prefix| name.starts_with(prefix));
    let settings = env::vars_os().map(text).filter(|(name, _)| is_setting(name));
    let shown = |(name, value): (String, String)| {
        let value = secret::shown(&name, &value).into_owned();
        (name, value)
    };
    settings.map(shown).collect()
}

/// The last whole lines of a file, secrets taken out; of one that cannot be read none.
fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let read = || {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        // The first one may have begun before.
        let from = if start == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes[from..]).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| secret::in_text(line)).collect()
}

async fn logs(link: &dyn Link, details: &[ProcessDetail]) -> BTreeMap<ProcessId, Vec<String>> {
    let is_unwell = |detail: &&ProcessDetail| matches!(detail.process.status, Status::Errored | Status::WaitingRestart);
    let mut logs = BTreeMap::new();
    for detail in details.iter().filter(is_unwell).take(APPS) {
        let id = detail.process.id;
        let query = LogQuery { selector: Selector::new(id.to_string()), lines: OF_AN_APP, follow: false, stream: None };
        let Ok(mut items) = link.logs(query).await else { continue };
        let lines: &mut Vec<String> = logs.entry(id).or_default();
        while let Some(Ok(batch)) = items.recv().await {
            lines.extend(batch.into_iter().filter_map(|item| match item {
                LogItem::Line { stream, line, .. } => Some(format!("{}: {}", stream.as_str(), secret::in_text(&line))),
                _ => None,
            }));
        }
    }
    logs
}
