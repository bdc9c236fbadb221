//! The list of processes: as many columns as fit, or the compact form.

use super::color::{self, paint};
use super::table::{Align, Cell, Column, Table};
use super::{duration, size, text};
use crate::api::{Process, ProcessDetail};
use crate::domain::{Status, UnixMs};
use std::fmt::Write as _;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Name,
    Namespace,
    Version,
    Mode,
    Pid,
    Uptime,
    Restarts,
    Status,
    Cpu,
    Mem,
    /// The same, in a longer word.
    Memory,
    User,
    Watching,
}

use Field::{Cpu, Id, Mem, Memory, Mode, Name, Namespace, Pid, Restarts, Uptime, User, Version, Watching};

/// Sets of columns, the widest first; the last one is used however narrow the terminal is.
const SETS: [&[Field]; 3] = [
    &[Id, Name, Namespace, Version, Mode, Pid, Uptime, Restarts, Field::Status, Cpu, Mem, User, Watching],
    &[Id, Name, Mode, Restarts, Field::Status, Cpu, Memory],
    &[Id, Name, Field::Status, Cpu, Mem],
];

/// Of what has none.
const NO_VERSION: &str = "N/A";

/// How many processes have their reason told below the table.
const REASONS: usize = 5;

/// The table in `width` columns, or in full without a width (a pipe, a file).
pub(crate) fn table(processes: &[Process], width: Option<usize>, now: UnixMs) -> String {
    if processes.is_empty() {
        return paint(color::DIM, "no processes; start one: rpm start app.js") + "\n";
    }
    let fits = |table: &Table| width.is_none_or(|width| table.least_width() <= width);
    let [wide, medium, narrow] = SETS;
    let table = [wide, medium].into_iter().map(|set| build(set, processes, now)).find(fits);
    let mut out = table.unwrap_or_else(|| build(narrow, processes, now)).render(width);
    push_reasons(&mut out, processes);
    out
}

/// PM2's compact list: a block an app, and an empty line after it.
pub(crate) fn mini<'a>(details: impl Iterator<Item = &'a ProcessDetail>, now: UnixMs) -> String {
    let mut out = String::new();
    for detail in details {
        let process = &detail.process;
        let file = |path: Option<&Path>| path.unwrap_or(Path::new("/dev/null")).display().to_string();
        _ = writeln!(out, "+--- {}", paint(color::BOLD, text::clean(&process.name)));
        for (label, value) in [
            ("namespace", process.namespace.clone()),
            ("version", process.version.clone().unwrap_or_else(|| NO_VERSION.to_owned())),
            ("pid", process.pid.unwrap_or(0).to_string()),
            ("pm2 id", process.id.to_string()),
            ("status", status_words(process)),
            ("mode", process.mode.clone()),
            ("restarted", process.restarts.to_string()),
            ("uptime", uptime(process, now).unwrap_or_else(|| "0".to_owned())),
            ("memory usage", memory(process)),
            ("error log", file(detail.error_log.as_deref())),
            ("watching", if process.watching { "yes" } else { "no" }.to_owned()),
            ("PID file", file(Some(&detail.pid_file))),
        ] {
            _ = writeln!(out, "{label} : {}", text::clean(&value));
        }
        out.push('\n');
    }
    out
}

/// Of what runs.
fn memory(process: &Process) -> String {
    size::short(if process.status.is_alive() { process.memory } else { 0 })
}

/// `0.3%`, and `0%` of what does nothing.
fn cpu(process: &Process) -> String {
    let cpu = if process.status.is_alive() { process.cpu } else { 0.0 };
    if cpu == 0.0 { "0%".to_owned() } else { format!("{cpu:.1}%") }
}

/// How long the current run has lasted; `None` while nothing runs.
pub(crate) fn uptime(process: &Process, now: UnixMs) -> Option<String> {
    let started = process.started_at.filter(|_| process.status.is_alive())?;
    Some(duration::short(now - started))
}

/// Of a job, between its runs.
fn next_run(process: &Process, now: UnixMs) -> Option<String> {
    let next = process.next_run.filter(|_| process.job && !process.status.is_alive())?;
    Some(format!("in {}", duration::short(next - now)))
}

fn build(set: &[Field], processes: &[Process], now: UnixMs) -> Table {
    let columns = set.iter().map(|field| field.column()).collect();
    let rows = processes.iter().map(|process| set.iter().map(|field| field.cell(process, now)).collect());
    Table::new(columns, rows.collect())
}

fn push_reasons(out: &mut String, processes: &[Process]) {
    let told = processes.iter().filter_map(|process| Some((process, process.news()?)));
    for (process, reason) in told.clone().take(REASONS) {
        let style = if process.status == Status::Errored { color::BAD } else { color::BUSY };
        let who = format!("{} ({})", text::clean(&process.name), process.id);
        _ = writeln!(out, "{} {}", paint(style, format_args!("{who}:")), text::clean(reason));
    }
    let more = told.count().saturating_sub(REASONS);
    if more > 0 {
        _ = writeln!(out, "{}", paint(color::DIM, format_args!("and {more} more: rpm describe <name>")));
    }
}

impl Field {
    const fn column(self) -> Column {
        let (title, align, shrinks_to) = match self {
            Self::Id => ("id", Align::Right, None),
            Self::Name => ("name", Align::Left, Some(8)),
            Self::Namespace => ("namespace", Align::Left, Some(9)),
            Self::Version => ("version", Align::Left, Some(7)),
            Self::Mode => ("mode", Align::Left, None),
            Self::Pid => ("pid", Align::Right, None),
            Self::Uptime => ("uptime", Align::Right, None),
            Self::Restarts => ("↺", Align::Right, None),
            Self::Status => ("status", Align::Left, None),
            Self::Cpu => ("cpu", Align::Right, None),
            Self::Mem => ("mem", Align::Right, None),
            Self::Memory => ("memory", Align::Right, None),
            Self::User => ("user", Align::Left, Some(6)),
            Self::Watching => ("watching", Align::Left, None),
        };
        Column { title, align, shrinks_to }
    }

    fn cell(self, process: &Process, now: UnixMs) -> Cell {
        let online = process.status.is_alive();
        // What doesn't run has zeros, as in PM2; nobody has to look at them.
        let figure = |text: String| Cell::styled(text, if online { color::PLAIN } else { color::DIM });
        match self {
            Self::Id => Cell::styled(process.id.to_string(), color::of_process(process.id)),
            Self::Name => Cell::styled(&process.name, color::BOLD),
            Self::Namespace => Cell::new(&process.namespace),
            Self::Version => process.version.as_ref().map_or_else(|| Cell::styled(NO_VERSION, color::DIM), Cell::new),
            Self::Mode => Cell::new(&process.mode),
            Self::Pid => figure(process.pid.unwrap_or(0).to_string()),
            Self::Uptime => {
                let uptime = uptime(process, now).or_else(|| next_run(process, now));
                figure(uptime.unwrap_or_else(|| "0".to_owned()))
            }
            Self::Restarts => Cell::new(process.restarts.to_string()),
            Self::Status => status(process),
            Self::Cpu => figure(cpu(process)),
            Self::Mem | Self::Memory => figure(memory(process)),
            Self::User => process.username.as_ref().map_or_else(Cell::none, Cell::new),
            Self::Watching if process.watching => Cell::styled("enabled", color::GOOD),
            Self::Watching => Cell::styled("disabled", color::DIM),
        }
    }
}

/// PM2's word, and a mark where that says too much.
fn status_words(process: &Process) -> String {
    let is_unready = process.status == Status::Online && process.ready == Some(false);
    format!("{}{}", process.status, if is_unready { " (not ready)" } else { "" })
}

fn status(process: &Process) -> Cell {
    let is_unready = process.status == Status::Online && process.ready == Some(false);
    let color = if is_unready { color::BUSY } else { color::of_status(process.status) };
    Cell::styled(status_words(process), color)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::detail::tests::detail;
    use super::*;
    use crate::domain::ProcessId;

    pub(crate) const NOW: UnixMs = 1_700_000_000_000;

    pub(crate) fn process(id: u32, name: &str, status: Status) -> Process {
        let alive = status.is_alive();
        Process {
            id: ProcessId(id),
            name: name.into(),
            namespace: "default".into(),
            version: Some("1.4.2".into()),
            mode: "cluster".into(),
            instance: 0,
            pid: alive.then_some(8000 + id as i32),
            status,
            restarts: 2,
            unstable_restarts: 0,
            started_at: Some(NOW - 185_000),
            created_at: NOW - 900_000,
            cpu: 0.34,
            memory: 47_395_635,
            username: Some("deploy".into()),
            exit: None,
            oom_killed: false,
            reason: None,
            job: false,
            watching: false,
            next_run: None,
            warnings: Vec::new(),
            overlaps: true,
            ready: None,
            connections: None,
        }
    }

    fn list() -> Vec<Process> {
        let mut errored = process(12, "日本語のワーカー", Status::Errored);
        errored.reason = Some("16 unstable restarts in a row".into());
        errored.version = None;
        let mut api = process(0, "api", Status::Online);
        api.watching = true;
        vec![api, errored, process(3, "an-image-resizer-with-a-long-name", Status::Stopped)]
    }

    fn rendered(width: Option<usize>) -> String {
        anstream::adapter::strip_str(&table(&list(), width, NOW)).to_string()
    }

    #[test]
    fn everything_into_a_pipe() {
        let expected = "\
id  name                               namespace  version  mode      pid  uptime  ↺  status    cpu     mem  user    watching
 0  api                                default    1.4.2    cluster  8000      3m  2  online   0.3%  45.2mb  deploy  enabled
12  日本語のワーカー                   default    N/A      cluster     0       0  2  errored    0%      0b  deploy  disabled
 3  an-image-resizer-with-a-long-name  default    1.4.2    cluster     0       0  2  stopped    0%      0b  deploy  disabled
日本語のワーカー (12): 16 unstable restarts in a row
";
        assert_eq!(rendered(None), expected);
        assert_eq!(rendered(Some(200)), expected);
    }

    #[test]
    fn names_give_way_before_columns_do() {
        assert_eq!(
            rendered(Some(110)),
            "\
id  name                 namespace  version  mode      pid  uptime  ↺  status    cpu     mem  user    watching
 0  api                  default    1.4.2    cluster  8000      3m  2  online   0.3%  45.2mb  deploy  enabled
12  日本語のワーカー     default    N/A      cluster     0       0  2  errored    0%      0b  deploy  disabled
 3  an-image-resizer-w…  default    1.4.2    cluster     0       0  2  stopped    0%      0b  deploy  disabled
日本語のワーカー (12): 16 unstable restarts in a row
"
        );
    }

    #[test]
    fn narrower_terminals_show_fewer_columns() {
        assert_eq!(
            rendered(Some(80)),
            "\
id  name                               mode     ↺  status    cpu  memory
 0  api                                cluster  2  online   0.3%  45.2mb
12  日本語のワーカー                   cluster  2  errored    0%      0b
 3  an-image-resizer-with-a-long-name  cluster  2  stopped    0%      0b
日本語のワーカー (12): 16 unstable restarts in a row
"
        );
        assert_eq!(
            rendered(Some(40)),
            "\
id  name           status    cpu     mem
 0  api            online   0.3%  45.2mb
12  日本語のワー…  errored    0%      0b
 3  an-image-res…  stopped    0%      0b
日本語のワーカー (12): 16 unstable restarts in a row
"
        );
    }

    #[test]
    fn no_line_of_the_table_is_wider_than_the_terminal() {
        for limit in [40, 60, 80, 100, 140, 200] {
            for line in rendered(Some(limit)).lines().take(4) {
                assert!(text::width(line) <= limit, "{limit}: {line}");
            }
        }
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        assert!(table(&[], Some(80), NOW).contains("rpm start app.js"));
    }

    #[test]
    fn the_compact_list_has_a_block_an_app() {
        let details = [detail(0, "api", Status::Online), detail(3, "resizer", Status::Stopped)];
        let text = anstream::adapter::strip_str(&mini(details.iter(), NOW)).to_string();
        assert_eq!(
            text,
            "\
+--- api
namespace : default
version : 1.4.2
pid : 8000
pm2 id : 0
status : online
mode : cluster
restarted : 2
uptime : 3m
memory usage : 45.2mb
error log : /dev/null
watching : no
PID file : /p/api-0.pid

+--- resizer
namespace : default
version : 1.4.2
pid : 0
pm2 id : 3
status : stopped
mode : cluster
restarted : 2
uptime : 0
memory usage : 0b
error log : /dev/null
watching : no
PID file : /p/api-0.pid

"
        );
    }
}
