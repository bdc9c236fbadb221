//! One process in sections of two columns: what it is, where it runs, its logs, its restarts, its environment.

use super::color::{self, paint};
use super::{connections, health, limits, panel, process, size, text, timestamp};
use crate::api::{Draining, ProcessDetail, RunsOn};
use crate::domain::log_line::LogType;
use crate::domain::spec::{Interpreter, RestartPolicy};
use crate::domain::{AppSpec, UnixMs};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// PM2's word for it.
const NOTHING: &str = "N/A";

type Rows = Vec<(&'static str, Option<String>)>;

/// `caller` is the environment of whoever asks: what is the same there is not worth a line.
pub(crate) fn text(detail: &ProcessDetail, caller: &BTreeMap<String, String>, now: UnixMs) -> String {
    let process = &detail.process;
    let mut out = format!(
        "{} {}  {}\n",
        paint(color::BOLD, text::clean(&process.name)),
        paint(color::DIM, format_args!("({})", process.id)),
        paint(
            color::of_status(process.status),
            text::clean(process.reason.as_deref().unwrap_or(process.status.as_str()))
        ),
    );
    for drift in process_drift(detail) {
        _ = writeln!(out, "{}", paint(color::BUSY, text::clean(drift)));
    }
    for (title, rows) in [
        ("what it is", identity(detail)),
        ("where it runs", whereabouts(detail, now)),
        ("files", files(detail)),
        ("restarts", restarts(detail)),
        ("by itself", by_itself(detail)),
        ("limits", limits::rows(detail)),
    ] {
        let mut rows = rows.into_iter().filter_map(|(label, value)| Some((label, value?))).peekable();
        if rows.peek().is_some() {
            push_section(&mut out, title, rows);
        }
    }
    health::push(&mut out, detail, now);
    connections::push(&mut out, detail, now);
    panel::push(&mut out, detail);
    push_environment(&mut out, detail, caller);
    out
}

fn identity(detail: &ProcessDetail) -> Rows {
    let (process, spec) = (&detail.process, &detail.spec);
    let interpreter = match &spec.program.interpreter {
        Interpreter::None => "none, it is executed directly".to_owned(),
        Interpreter::Named(name) => name.clone(),
    };
    let or_none = |value: Option<String>| Some(value.unwrap_or_else(|| NOTHING.to_owned()));
    let node = detail.runs_on.as_ref().and_then(|runs| runs.version.as_deref());
    vec![
        ("status", Some(process.status.to_string())),
        ("name", Some(process.name.clone())),
        ("script id", Some(process.id.to_string())),
        ("unique id", Some(detail.unique_id.clone())),
        ("namespace", Some(process.namespace.clone())),
        ("version", or_none(process.version.clone())),
        ("script path", Some(path(&spec.program.path))),
        ("script args", or_none(words(&spec.args))),
        ("interpreter", Some(interpreter)),
        ("interpreter args", or_none(words(&spec.program.interpreter_args))),
        ("node.js version", or_none(node.map(|version| version.trim_start_matches('v').to_owned()))),
        ("node env", or_none(detail.env.get("NODE_ENV").cloned())),
        ("runs on", detail.runs_on.as_ref().map(runs_on)),
        ("exec mode", Some(mode(detail))),
        ("application file", spec.source.as_ref().map(|source| path(&source.file))),
        ("profile", spec.source.as_ref().and_then(|source| source.profile.clone())),
        ("monitored", detail.monitored.map(|on| if on { "yes" } else { "no" }.to_owned())),
    ]
}

fn process_drift(detail: &ProcessDetail) -> impl Iterator<Item = &str> {
    detail.runs_on.iter().flat_map(|runs| &runs.drift).map(String::as_str)
}

/// `v20.11.0, /usr/bin/node`.
fn runs_on(runs: &RunsOn) -> String {
    let program = path(&runs.program);
    runs.version.as_ref().map_or_else(|| program.clone(), |version| format!("{version}, {program}"))
}

fn whereabouts(detail: &ProcessDetail, now: UnixMs) -> Rows {
    let process = &detail.process;
    let alive = process.status.is_alive();
    vec![
        ("exec cwd", Some(path(&detail.spec.cwd))),
        ("pid", process.pid.map(|pid| pid.to_string())),
        ("user", process.username.clone()),
        ("runs as user", detail.spec.uid.clone()),
        ("runs as group", detail.spec.gid.clone()),
        ("listens on", words(&detail.listens)),
        ("shared by", schedules(detail)),
        ("uptime", process::uptime(process, now)),
        ("the one before it", detail.draining.as_ref().map(draining)),
        ("cpu", alive.then(|| format!("{:.1}%", process.cpu))),
        ("memory", alive.then(|| size::short(process.memory))),
        ("in all it started", limits::tree(detail)),
        ("created at", Some(timestamp::iso8601(process.created_at))),
        ("started at", process.started_at.map(timestamp::iso8601)),
    ]
}

/// `4711 finishes its connections (12 open), 28 s left`.
fn draining(draining: &Draining) -> String {
    let pid = draining.pid.map(|pid| format!("{pid} ")).unwrap_or_default();
    let open = draining.open.map(|open| format!(" ({open} open)")).unwrap_or_default();
    format!("{pid}finishes its connections{open}, {} s left", (draining.left + 999) / 1000)
}

/// One word where all is shared alike.
fn schedules(detail: &ProcessDetail) -> Option<String> {
    let (first, rest) = detail.schedules.split_first()?;
    Some(if rest.iter().all(|other| other == first) { first.clone() } else { detail.schedules.join(", ") })
}

fn files(detail: &ProcessDetail) -> Rows {
    let log = |file: &Option<_>| Some(file.as_deref().map_or_else(|| "nowhere".to_owned(), path));
    vec![
        ("entire log path", detail.combined_log.as_deref().map(path)),
        ("out log path", log(&detail.out_log)),
        ("error log path", log(&detail.error_log)),
        ("log lines", log_lines(&detail.spec)),
        ("pid path", Some(path(&detail.pid_file))),
    ]
}

/// What they are where they are not as the app writes them.
fn log_lines(spec: &AppSpec) -> Option<String> {
    let form = spec.line_form()?;
    let date = form.date_format.map(|format| format!("date {format}"));
    let json = (form.log_type == LogType::Json).then(|| "JSON objects".to_owned());
    Some(json.into_iter().chain(date).collect::<Vec<_>>().join(", "))
}

fn restarts(detail: &ProcessDetail) -> Rows {
    let (process, stop) = (&detail.process, &detail.spec.stop);
    let first = if stop.shutdown_with_message {
        "the message \"shutdown\"".to_owned()
    } else {
        crate::cli::words::signal(stop.kill_signal)
    };
    let rest = if stop.treekill { "" } else { "; what it has started stays alive (treekill is off)" };
    let left: Vec<_> = detail.left_alive.iter().map(ToString::to_string).collect();
    vec![
        ("restarts", Some(process.restarts.to_string())),
        ("unstable restarts", Some(process.unstable_restarts.to_string())),
        ("last run ended", crate::cli::words::ended(process)),
        ("this run", detail.recycled.clone()),
        ("policy", Some(policy(&detail.spec.restart))),
        ("stops by", Some(format!("{first}, after {} ms SIGKILL{rest}", stop.kill_timeout))),
        ("left alive", (!left.is_empty()).then(|| format!("by runs that have ended: {}", left.join(", ")))),
    ]
}

/// What is done without anybody asking for it.
fn by_itself(detail: &ProcessDetail) -> Rows {
    let (process, spec) = (&detail.process, &detail.spec);
    let zone = spec.schedule.time_zone.as_ref().map(|zone| format!(", time zone {zone}")).unwrap_or_default();
    let with_zone = |pattern: &String| format!("{pattern}{zone}");
    let watched = match detail.watch.as_ref().map(|watch| watch.directories) {
        None if process.watching => "enabled".to_owned(),
        None => "disabled".to_owned(),
        Some(1) => "enabled, 1 directory".to_owned(),
        Some(count) => format!("enabled, {count} directories"),
    };
    let job = spec.schedule.job.as_ref();
    vec![
        ("cron restart", spec.schedule.restart.as_ref().map(with_zone)),
        ("job", job.map(|job| job.cron.as_ref().map_or_else(|| "runs by hand: rpm run".to_owned(), with_zone))),
        ("next time", process.next_run.map(timestamp::iso8601)),
        ("watch & reload", Some(watched)),
        ("last cause", detail.cause.as_ref().map(|cause| format!("{}, {}", cause.what, timestamp::iso8601(cause.at)))),
    ]
}

pub(crate) fn mode(detail: &ProcessDetail) -> String {
    let (process, instances) = (&detail.process, detail.spec.instances);
    if instances > 1 {
        format!("{}_mode, instance {} of {instances}", process.mode, process.instance)
    } else {
        format!("{}_mode", process.mode)
    }
}

fn policy(policy: &RestartPolicy) -> String {
    if !policy.autorestart {
        return "never restarted automatically".to_owned();
    }
    let mut text = match policy.restart_window {
        Some(window) => format!("gives up after {} exits within {window} ms", policy.max_restarts),
        None => format!("gives up after {} runs in a row shorter than {} ms", policy.max_restarts, policy.min_uptime),
    };
    if policy.on_failure {
        text.push_str("; stays ended after exit code 0");
    }
    if policy.restart_delay > 0 {
        _ = write!(text, "; waits {} ms", policy.restart_delay);
    }
    if policy.exp_backoff_restart_delay > 0 {
        _ = write!(text, "; waits longer each time, from {} ms", policy.exp_backoff_restart_delay);
    }
    if !policy.stop_exit_codes.is_empty() {
        let codes: Vec<_> = policy.stop_exit_codes.iter().map(ToString::to_string).collect();
        _ = write!(text, "; stays ended after exit code {}", codes.join(", "));
    }
    text
}

fn push_environment(out: &mut String, detail: &ProcessDetail, caller: &BTreeMap<String, String>) {
    let own: Vec<_> = detail.env.iter().filter(|(name, value)| caller.get(*name) != Some(value)).collect();
    let same = detail.env.len() - own.len();
    push_section(out, "environment", own.into_iter().map(|(name, value)| (name.as_str(), value.clone())));
    if same > 0 {
        _ = writeln!(out, "  {}", paint(color::DIM, format_args!("and {same} as in this shell")));
    }
}

pub(super) fn push_section<'a>(out: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, String)>) {
    let rows: Vec<_> = rows.collect();
    let room = rows.iter().map(|(label, _)| text::width(label)).max().unwrap_or(0).min(24);
    _ = writeln!(out, "\n{}", paint(color::BOLD, title));
    for (label, value) in rows {
        let label = text::clean(label);
        let padding = " ".repeat(room.saturating_sub(text::width(&label)));
        _ = writeln!(out, "  {}{padding}  {}", paint(color::DIM, label), text::clean(&value));
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// As they could be typed; `None` when there are none.
fn words(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| shell_words::join(words))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::process::tests::{NOW, process};
    use super::*;
    use crate::api::Health;
    use crate::domain::spec::{Mode, Program};
    use crate::domain::{AppSpec, Outcome, Status};

    pub(crate) fn detail(id: u32, name: &str, status: Status) -> ProcessDetail {
        let program = Program {
            path: "/srv/api.js".into(),
            interpreter: Interpreter::Named("node".into()),
            interpreter_args: Vec::new(),
        };
        let spec = AppSpec {
            args: vec!["--port".into(), "80 80".into()],
            cwd: "/srv".into(),
            mode: Mode::Cluster,
            instances: 2,
            ..AppSpec::new(name, program)
        };
        ProcessDetail {
            process: process(id, name, status),
            spec,
            unique_id: "u-1".into(),
            out_log: Some("/l/api-out-0.log".into()),
            error_log: None,
            combined_log: None,
            pid_file: "/p/api-0.pid".into(),
            env: [("HOME", "/root"), ("PORT", "8080\n")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            runs_on: None,
            listens: vec!["0.0.0.0:8080".into(), "/run/app.sock".into()],
            schedules: vec!["kernel (2 listeners)".into(), "round-robin".into()],
            health: Health::default(),
            watch: None,
            cause: None,
            draining: None,
            panel: crate::domain::panel::Panel::default(),
            left_alive: vec![12, 34],
            tree: None,
            recycled: None,
            monitored: None,
        }
    }

    #[test]
    fn each_section_has_its_rows() {
        let mut detail = detail(0, "api", Status::Errored);
        detail.process.exit = Some(Outcome::Code(7));
        detail.process.reason = Some("errored: 16 exits within 1 s each".into());
        let caller = BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]);
        let text = anstream::adapter::strip_str(&text(&detail, &caller, NOW)).to_string();
        for line in [
            "api (0)  errored: 16 exits within 1 s each\n",
            "  status            errored\n",
            "  script args       --port '80 80'\n",
            "  interpreter args  N/A\n",
            "  exec mode         cluster_mode, instance 0 of 2\n",
            "  listens on  0.0.0.0:8080 /run/app.sock\n",
            "  shared by   kernel (2 listeners), round-robin\n",
            "  error log path  nowhere\n",
            "  watch & reload  disabled\n",
            "  last run ended     exit code 7\n",
            "  stops by           SIGINT, after 5000 ms SIGKILL\n",
            "  left alive         by runs that have ended: 12, 34\n",
            "\nenvironment\n  PORT  8080\u{fffd}\n  and 1 as in this shell\n",
        ] {
            assert!(text.contains(line), "{line:?} in:\n{text}");
        }
        assert!(!text.contains("uptime"), "nothing runs:\n{text}");
    }

    #[test]
    fn the_one_before_is_shown_while_it_drains() {
        let mut detail = detail(0, "api", Status::Online);
        let row = |detail: &ProcessDetail| {
            let text = anstream::adapter::strip_str(&text(detail, &BTreeMap::new(), NOW)).to_string();
            text.lines().find_map(|line| Some(line.split_once("the one before it")?.1.trim().to_owned()))
        };
        assert_eq!(row(&detail), None);
        detail.draining = Some(Draining { pid: Some(4711), open: Some(12), left: 27_001 });
        assert_eq!(row(&detail).unwrap(), "4711 finishes its connections (12 open), 28 s left");
        detail.draining = Some(Draining { pid: None, open: None, left: 0 });
        assert_eq!(row(&detail).unwrap(), "finishes its connections, 0 s left");
    }
}
