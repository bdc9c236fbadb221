//! A report of a problem as text that can be pasted: no colours, nothing that depends on a terminal.

use super::{daemon, duration, host, process, text, timestamp};
use crate::cli::commands::report::Report;
use anstream::adapter::strip_str;
use std::fmt::Write as _;

pub(crate) fn text(report: &Report) -> String {
    let mut out = String::from("```\n");
    let program = report.program.as_ref().map(|path| path.display().to_string());
    section(
        &mut out,
        "rpm",
        [
            ("date", Some(timestamp::iso8601(report.at))),
            ("version", Some(report.version.to_owned())),
            ("program", program),
            ("home", Some(report.home.display().to_string())),
        ],
    );
    push_machine(&mut out, report);
    heading(&mut out, "daemon");
    match &report.daemon {
        None => out.push_str("none runs\n"),
        Some(info) => out.push_str(&strip_str(&daemon::text(info, report.at)).to_string()),
    }
    heading(&mut out, "settings in the environment");
    for (name, value) in &report.settings {
        _ = writeln!(out, "{}={}", text::clean(name), text::clean(value));
    }
    push_processes(&mut out, report);
    heading(&mut out, "the daemon's log");
    for line in &report.daemon_log {
        _ = writeln!(out, "{}", text::clean(&strip_str(line).to_string()));
    }
    out.push_str("```\n");
    out
}

fn push_machine(out: &mut String, report: &Report) {
    let machine = &report.machine;
    section(
        out,
        "machine",
        [
            ("system", machine.system.clone()),
            ("kernel", machine.kernel.clone()),
            ("architecture", Some(machine.architecture.to_owned())),
            ("pid 1", machine.init.clone()),
        ],
    );
    if let Some(figures) = &machine.figures {
        out.push_str(&host::text(figures));
    }
}

fn push_processes(out: &mut String, report: &Report) {
    heading(out, "processes");
    out.push_str(&strip_str(&process::table(&report.processes, None, report.at)).to_string());
    for process in &report.processes {
        let runs_on = report.runs_on.get(&process.id);
        let age = duration::short(report.at - process.created_at);
        if let Some(runs_on) = runs_on {
            _ = writeln!(
                out,
                "{} ({}) on {}, listed for {age}",
                text::clean(&process.name),
                process.id,
                text::clean(runs_on)
            );
        }
    }
    for (id, lines) in report.logs.iter().filter(|(_, lines)| !lines.is_empty()) {
        let name = report.processes.iter().find(|process| process.id == *id).map_or("", |process| &process.name);
        heading(out, &format!("the last lines of {} ({id})", text::clean(name)));
        for line in lines {
            _ = writeln!(out, "{}", text::clean(&strip_str(line).to_string()));
        }
    }
}

fn section<const N: usize>(out: &mut String, title: &str, rows: [(&str, Option<String>); N]) {
    heading(out, title);
    for (label, value) in rows {
        if let Some(value) = value {
            _ = writeln!(out, "{label:<13}  {}", text::clean(&value));
        }
    }
}

fn heading(out: &mut String, title: &str) {
    let line_break = if out.len() > "```\n".len() { "\n" } else { "" };
    _ = writeln!(out, "{line_break}--- {title} {}", "-".repeat(70_usize.saturating_sub(text::width(title))));
}
