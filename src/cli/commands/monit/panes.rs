//! How the board looks: four panes, or two where there is no room, and a line about the machine and the keys.

use super::board::Board;
use crate::api::{OutputStream, Process, ProcessDetail};
use crate::cli::render::color::{self, paint};
use crate::cli::render::full_screen::Size;
use crate::cli::render::{detail, duration, host, panel, process, size, text};
use crate::domain::UnixMs;
use anstyle::Style;

/// Below this two panes are not put beside each other, nor four on top of each other.
const NARROW: usize = 60;
const LOW: usize = 14;
const KEYS: &str = "↑ ↓ another process · q leaves";

/// A line: pieces of text, and how each looks.
type Line = Vec<(Style, String)>;

pub(super) fn frame(board: &Board, Size { columns, rows }: Size, now: UnixMs) -> String {
    let body = rows.saturating_sub(2);
    let mut lines = if columns < NARROW {
        let upper = (board.processes.len() + 1).min(body / 2);
        let mut lines = processes(board, columns, upper);
        lines.extend(output(board, columns, body - upper));
        lines
    } else {
        let left = (columns * 2 / 5).min(56);
        let right = columns - left - 1;
        let lower = if body < LOW { 0 } else { body * 2 / 5 };
        let mut lines = beside(processes(board, left, body - lower), output(board, right, body - lower));
        lines.extend(beside(metrics(board, left, lower), about(board, right, lower, now)));
        lines
    };
    lines.push(board.host.as_ref().map_or_else(String::new, |known| host::line(known, columns).trim_end().to_owned()));
    lines.push(paint(color::HINT, text::truncate(KEYS, columns)));
    // Where there is no room for any pane.
    lines.drain(..lines.len().saturating_sub(rows));
    lines.join("\n") + "\n"
}

fn beside(left: Vec<String>, right: Vec<String>) -> Vec<String> {
    let bar = paint(color::DIM, "│");
    left.into_iter().zip(right).map(|(left, right)| left + &bar + &right).collect()
}

/// As many lines as its height, as wide as its width. The first one is its title.
fn pane(title: &str, lines: impl IntoIterator<Item = Line>, width: usize, height: usize) -> Vec<String> {
    if height == 0 {
        return Vec::new();
    }
    let title = format!("─ {} ", text::clean(title));
    let title = text::truncate(&title, width).into_owned();
    let rule = "─".repeat(width - text::width(&title));
    let head = paint(color::BOLD, title) + &paint(color::DIM, rule);
    let lines = lines.into_iter().map(|line| fit(&line, width)).chain(std::iter::repeat_with(|| " ".repeat(width)));
    std::iter::once(head).chain(lines).take(height).collect()
}

/// Cut or filled up to the width.
fn fit(line: &Line, width: usize) -> String {
    let (mut fitted, mut left) = (String::new(), width);
    for (style, piece) in line {
        let piece = text::clean(piece);
        let piece = text::truncate(&piece, left);
        left -= text::width(&piece);
        fitted.push_str(&paint(*style, piece));
    }
    fitted + &" ".repeat(left)
}

fn processes(board: &Board, width: usize, height: usize) -> Vec<String> {
    let room = height.saturating_sub(1);
    // The chosen one is always to be seen.
    let place = board.place().unwrap_or(0);
    let first = (place + 1).saturating_sub(room);
    let rows = board.processes.iter().skip(first).map(|process| row(process, Some(process.id) == board.chosen, width));
    let mut lines: Vec<Line> = rows.take(room).collect();
    if let Some(trouble) = &board.trouble {
        lines = vec![vec![(color::BAD, trouble.clone())]];
    } else if lines.is_empty() {
        lines.push(vec![(color::DIM, "no processes; start one: rpm start app.js".to_owned())]);
    }
    pane(&format!("processes ({})", board.processes.len()), lines, width, height)
}

fn row(process: &Process, is_chosen: bool, width: usize) -> Line {
    let is_alive = process.status.is_alive();
    let figures = if is_alive {
        format!("{:>6.1}% {:>7}", process.cpu, size::short(process.memory))
    } else {
        format!("{:>7} {:>7}", "", "")
    };
    let status = format!(" {:<9}", text::truncate(&process.status.to_string(), 9));
    let (mark, name_style) = if is_chosen { ("›", color::BOLD) } else { (" ", color::PLAIN) };
    let head = format!("{mark}{:>3} ", process.id);
    let room = width.saturating_sub(text::width(&head) + status.len() + figures.len());
    let name = text::clean(&process.name);
    let name = text::truncate(&name, room);
    let filled = format!("{name}{}", " ".repeat(room - text::width(&name)));
    vec![
        (if is_chosen { color::HINT } else { color::DIM }, head),
        (name_style, filled),
        (color::of_status(process.status), status),
        (color::PLAIN, figures),
    ]
}

fn output(board: &Board, width: usize, height: usize) -> Vec<String> {
    let chosen = board.place().map(|place| &board.processes[place]);
    let title =
        chosen.map_or_else(|| "output".to_owned(), |process| format!("output of {} ({})", process.name, process.id));
    let mut lines: Vec<Line> = board
        .last_lines(height.saturating_sub(1))
        .map(|(stream, line)| match stream {
            OutputStream::Out => vec![(color::PLAIN, line.clone())],
            OutputStream::Err => vec![(color::BAD, "! ".to_owned()), (color::PLAIN, line.clone())],
        })
        .collect();
    if lines.is_empty() && chosen.is_some() {
        lines.push(vec![(color::DIM, "it has written nothing".to_owned())]);
    }
    pane(&title, lines, width, height)
}

fn metrics(board: &Board, width: usize, height: usize) -> Vec<String> {
    let announced = board.detail.as_ref().map(|detail| &detail.panel.metrics);
    let mut lines: Vec<Line> = announced
        .into_iter()
        .flatten()
        .map(|(name, metric)| vec![(color::DIM, format!("{name}  ")), (color::PLAIN, panel::figure(metric))])
        .collect();
    if lines.is_empty() && board.detail.is_some() {
        lines.push(vec![(color::DIM, "it announces none (@pm2/io, process.send)".to_owned())]);
    }
    pane("metrics", lines, width, height)
}

fn about(board: &Board, width: usize, height: usize, now: UnixMs) -> Vec<String> {
    let lines = board.detail.iter().flat_map(|detail| facts(detail, now));
    let lines = lines.map(|(name, value)| vec![(color::DIM, format!("{name:<10}")), (color::PLAIN, value)]);
    pane("about it", lines, width, height)
}

fn facts(known: &ProcessDetail, now: UnixMs) -> Vec<(&'static str, String)> {
    let (it, spec) = (&known.process, &known.spec);
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| facts.extend(value.filter(|it| !it.is_empty()).map(|it| (name, it)));
    add("why", it.news().map(str::to_owned));
    add("pid", it.pid.map(|pid| pid.to_string()));
    add("uptime", process::uptime(it, now));
    add("restarts", Some(it.restarts.to_string()));
    add("mode", Some(detail::mode(known)));
    add("script", Some(spec.program.path.display().to_string()));
    add("args", Some(spec.args.join(" ")));
    add("cwd", Some(spec.cwd.display().to_string()));
    add("namespace", Some(it.namespace.clone()));
    add("version", it.version.clone());
    add("node", known.runs_on.as_ref().and_then(|on| on.version.clone()));
    add("listens on", Some(known.listens.join(", ")));
    add("watching", it.watching.then(|| "yes".to_owned()));
    add("next run", it.next_run.map(|next| format!("in {}", duration::short(next - now))));
    add("out log", known.out_log.as_ref().map(|path| path.display().to_string()));
    add("error log", known.error_log.as_ref().map(|path| path.display().to_string()));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::LogItem;
    use crate::cli::render::detail::tests::detail;
    use crate::cli::render::process::tests::process;
    use crate::domain::{ProcessId, Status};
    use anstream::adapter::strip_str;
    use serde_json::json;

    fn board() -> Board {
        let mut board = Board::default();
        board.update((0..20).map(|id| process(id, "日本語 api", Status::Online)).collect());
        board.hear(vec![LogItem::Line {
            id: ProcessId(0),
            name: "api".into(),
            stream: OutputStream::Err,
            line: "it is on fire".into(),
            at: None,
        }]);
        let mut known = detail(0, "api", Status::Online);
        known.panel.metrics.insert("users".into(), json!({"value": 3, "unit": "now"}));
        board.detail = Some(known);
        board
    }

    fn drawn(board: &Board, columns: usize, rows: usize) -> Vec<String> {
        let text = strip_str(&frame(board, Size { columns, rows }, 0)).to_string();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_size_is_filled_and_none_is_left() {
        let board = board();
        for columns in [1, 5, 20, 59, 60, 80, 200] {
            for rows in [1, 2, 3, 5, 10, 16, 24, 60] {
                let lines = drawn(&board, columns, rows);
                assert!(lines.len() <= rows, "{columns} x {rows}: {}", lines.len());
                for line in &lines {
                    assert!(text::width(line) <= columns, "{columns} x {rows}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_to_be_seen() {
        let mut board = board();
        let text = drawn(&board, 100, 30).join("\n");
        for part in ["processes (20)", "›  0 日本語 api", "! it is on fire", "users  3 now", "about it", "q leaves"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        // The chosen one stays on the screen.
        board.go(19);
        let text = drawn(&board, 100, 10).join("\n");
        assert!(text.contains("› 19") && !text.contains("  0 日本語"), "{text}");
        board.update(Vec::new());
        assert!(drawn(&board, 100, 30).join("\n").contains("no processes"));
        board.trouble = Some("no daemon is running".into());
        assert!(drawn(&board, 100, 30).join("\n").contains("no daemon is running"));
    }
}
