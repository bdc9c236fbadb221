//! The daemon itself: which one it is, who keeps it, what became of those before it.

use super::color::{self, paint};
use super::detail::push_section;
use super::{duration, text, timestamp};
use crate::api::{DaemonInfo, Death, Guardian, UpdateReport};
use crate::domain::UnixMs;
use std::fmt::Write as _;

/// In one line: `rpm 0.1.0, pid 4242, generation 3 for 12m, guardian 4240 for 2D, 12 processes`.
pub(crate) fn line(info: &DaemonInfo, now: UnixMs) -> String {
    let mut line = format!("rpm {}, pid {}", text::clean(&info.version), info.pid);
    _ = write!(line, ", generation {} for {}", info.generation, since(info.started_at, now));
    if let Some(guardian) = &info.guardian {
        _ = write!(line, ", guardian {} for {}", guardian.pid, since(guardian.started_at, now));
    }
    _ = writeln!(line, ", {} {}", info.processes, if info.processes == 1 { "process" } else { "processes" });
    line
}

/// All of it.
pub(crate) fn text(info: &DaemonInfo, now: UnixMs) -> String {
    let mut out = format!("{}\n", paint(color::BOLD, "daemon"));
    let daemon = [
        ("version", info.version.clone()),
        ("pid", info.pid.to_string()),
        ("generation", info.generation.to_string()),
        ("uptime", since(info.started_at, now)),
        ("started at", timestamp::iso8601(info.started_at)),
        ("home", info.home.display().to_string()),
        ("processes", info.processes.to_string()),
    ];
    push_section(&mut out, "what it is", daemon.into_iter());
    push_section(&mut out, "guardian", guardian(info.guardian.as_ref(), now).into_iter());
    let history = [
        ("last death", info.last_death.as_ref().map_or_else(|| "none".to_owned(), |last| death(last, now))),
        ("last update", info.last_update.as_ref().map_or_else(|| "none".to_owned(), |last| update(last, now))),
        ("lost connections", info.lost_connections.to_string()),
    ];
    push_section(&mut out, "before it", history.into_iter());
    out
}

fn guardian(guardian: Option<&Guardian>, now: UnixMs) -> Vec<(&'static str, String)> {
    let Some(guardian) = guardian else {
        return vec![("pid", "none: apps are the daemon's own".to_owned())];
    };
    vec![
        ("pid", guardian.pid.to_string()),
        ("version", guardian.version.clone()),
        ("uptime", since(guardian.started_at, now)),
        ("orphans", guardian.orphans.to_string()),
    ]
}

fn death(last: &Death, now: UnixMs) -> String {
    format!("generation {}, {} ago: {}", last.generation, since(last.at, now), last.cause)
}

fn update(last: &UpdateReport, now: UnixMs) -> String {
    let (program, ago) = (last.program.display(), since(last.at, now));
    match &last.failed {
        None => format!("{ago} ago, to {program}"),
        Some(why) => format!("{ago} ago, to {program}: failed, {why}"),
    }
}

fn since(at: UnixMs, now: UnixMs) -> String {
    duration::short(now - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = 1_700_000_000_000;

    fn info() -> DaemonInfo {
        DaemonInfo {
            version: "0.2.0".into(),
            api: 1,
            pid: 4242,
            home: "/h".into(),
            started_at: NOW - 720_000,
            processes: 12,
            generation: 3,
            guardian: Some(Guardian {
                pid: 4240,
                version: "0.1.0".into(),
                started_at: NOW - 3 * 86_400_000,
                orphans: 7,
            }),
            last_death: Some(Death { generation: 2, at: NOW - 720_000, cause: "killed by SIGKILL".into() }),
            last_update: Some(UpdateReport {
                at: NOW - 5000,
                program: "/n/rpm".into(),
                failed: Some("it hangs".into()),
            }),
            lost_connections: 2,
        }
    }

    #[test]
    fn in_a_line() {
        let text = "rpm 0.2.0, pid 4242, generation 3 for 12m, guardian 4240 for 3D, 12 processes\n";
        assert_eq!(line(&info(), NOW), text);
        let alone = DaemonInfo { guardian: None, processes: 1, ..info() };
        assert_eq!(line(&alone, NOW), "rpm 0.2.0, pid 4242, generation 3 for 12m, 1 process\n");
    }

    #[test]
    fn each_row() {
        let text = anstream::adapter::strip_str(&text(&info(), NOW)).to_string();
        for line in [
            "  generation  3\n",
            "  uptime      12m\n",
            "  orphans  7\n",
            "  last death        generation 2, 12m ago: killed by SIGKILL\n",
            "  last update       5s ago, to /n/rpm: failed, it hangs\n",
            "  lost connections  2\n",
        ] {
            assert!(text.contains(line), "{line:?} in:\n{text}");
        }
    }
}
