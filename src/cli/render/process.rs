//! The list of processes: as many columns as fit, or the compact form.

use super::color::{self, paint};
use super::table::{Align, Cell, Column, Table};
use super::{duration, size, text};
use crate::api::Process;
use crate::domain::{Status, UnixMs};
use std::fmt::Write as _;

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
    Memory,
    User,
}

use Field::{Cpu, Id, Memory, Mode, Name, Namespace, Pid, Restarts, Uptime, User, Version};

/// Sets of columns, the widest first; the last one is used however narrow the terminal is.
const SETS: [&[Field]; 3] = [
    &[Id, Name, Namespace, Version, Mode, Pid, Uptime, Restarts, Field::Status, Cpu, Memory, User],
    &[Id, Name, Mode, Restarts, Field::Status, Cpu, Memory],
    &[Id, Name, Field::Status, Cpu, Memory],
];

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

/// PM2's compact list: a block an app.
pub(crate) fn mini(processes: &[Process], now: UnixMs) -> String {
    let mut out = String::new();
    for process in processes {
        _ = writeln!(out, "+--- {}", paint(color::BOLD, text::clean(&process.name)));
        for (label, value) in [
            ("namespace", process.namespace.clone()),
            ("version", process.version.clone().unwrap_or_else(|| "N/A".to_owned())),
            ("pid", process.pid.unwrap_or(0).to_string()),
            ("id", process.id.to_string()),
            ("status", status_words(process)),
            ("mode", process.mode.clone()),
            ("restarted", process.restarts.to_string()),
            ("uptime", uptime(process, now).unwrap_or_else(|| "0".to_owned())),
            ("memory usage", size::short(process.memory)),
        ] {
            _ = writeln!(out, "{label} : {}", text::clean(&value));
        }
    }
    out
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
            Self::Memory => ("mem", Align::Right, None),
            Self::User => ("user", Align::Left, Some(6)),
        };
        Column { title, align, shrinks_to }
    }

    fn cell(self, process: &Process, now: UnixMs) -> Cell {
        let or_none = |value: Option<String>| value.map_or_else(Cell::none, Cell::new);
        let online = process.status.is_alive();
        match self {
            Self::Id => Cell::styled(process.id.to_string(), color::of_process(process.id)),
            Self::Name => Cell::styled(&process.name, color::BOLD),
            Self::Namespace => Cell::new(&process.namespace),
            Self::Version => or_none(process.version.clone()),
            Self::Mode => Cell::new(&process.mode),
            Self::Pid => or_none(process.pid.map(|pid| pid.to_string())),
            Self::Uptime => or_none(uptime(process, now).or_else(|| next_run(process, now))),
            Self::Restarts => Cell::new(process.restarts.to_string()),
            Self::Status => status(process),
            Self::Cpu => or_none(online.then(|| format!("{:.1}%", process.cpu))),
            Self::Memory => or_none(online.then(|| size::short(process.memory))),
            Self::User => or_none(process.username.clone()),
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
        vec![
            process(0, "api", Status::Online),
            errored,
            process(3, "an-image-resizer-with-a-long-name", Status::Stopped),
        ]
    }

    fn rendered(width: Option<usize>) -> String {
        anstream::adapter::strip_str(&table(&list(), width, NOW)).to_string()
    }

    #[test]
    fn everything_into_a_pipe() {
        let expected = "\
id  name                               namespace  version  mode      pid  uptime  ↺  status    cpu     mem  user
 0  api                                default    1.4.2    cluster  8000      3m  2  online   0.3%  45.2mb  deploy
12  日本語のワーカー                   default    -        cluster     -       -  2  errored     -       -  deploy
 3  an-image-resizer-with-a-long-name  default    1.4.2    cluster     -       -  2  stopped     -       -  deploy
日本語のワーカー (12): 16 unstable restarts in a row
";
        assert_eq!(rendered(None), expected);
        assert_eq!(rendered(Some(200)), expected);
    }

    #[test]
    fn names_give_way_before_columns_do() {
        assert_eq!(
            rendered(Some(100)),
            "\
id  name                 namespace  version  mode      pid  uptime  ↺  status    cpu     mem  user
 0  api                  default    1.4.2    cluster  8000      3m  2  online   0.3%  45.2mb  deploy
12  日本語のワーカー     default    -        cluster     -       -  2  errored     -       -  deploy
 3  an-image-resizer-w…  default    1.4.2    cluster     -       -  2  stopped     -       -  deploy
日本語のワーカー (12): 16 unstable restarts in a row
"
        );
    }

    #[test]
    fn narrower_terminals_show_fewer_columns() {
        assert_eq!(
            rendered(Some(80)),
            "\
id  name                               mode     ↺  status    cpu     mem
 0  api                                cluster  2  online   0.3%  45.2mb
12  日本語のワーカー                   cluster  2  errored     -       -
 3  an-image-resizer-with-a-long-name  cluster  2  stopped     -       -
日本語のワーカー (12): 16 unstable restarts in a row
"
        );
        assert_eq!(
            rendered(Some(40)),
            "\
id  name           status    cpu     mem
 0  api            online   0.3%  45.2mb
12  日本語のワー…  errored     -       -
 3  an-image-res…  stopped     -       -
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
        let text = anstream::adapter::strip_str(&mini(&list()[..1], NOW)).to_string();
        assert!(text.starts_with("+--- api\nnamespace : default\n"), "{text}");
        assert!(text.contains("\nuptime : 3m\nmemory usage : 45.2mb\n"), "{text}");
    }
}
