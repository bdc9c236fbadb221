//! Many generations leave nothing behind: memory, descriptors, zombies.
//!
//! `RPM_GENERATIONS` says how many (60).

use crate::support::{Home, children, eventually, eventually_within, numbered, status_field, told};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// What a process has, in kilobytes and descriptors.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Weight {
    resident: u64,
    /// What they are, without the numbers of sockets and pipes.
    descriptors: Vec<String>,
}

impl Weight {
    fn of(pid: i32) -> Self {
        let resident = status_field(pid, "VmRSS").unwrap();
        Self { resident: resident.trim_end_matches(" kB").parse().unwrap(), descriptors: descriptors(pid) }
    }
}

fn descriptors(pid: i32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    // One may be closed while we look.
    let links = entries.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let kind = |link: PathBuf| link.to_string_lossy().split(":[").next().unwrap_or_default().to_owned();
    let mut descriptors: Vec<String> = links.map(kind).collect();
    descriptors.sort();
    descriptors
}

/// Guardian and a daemon that has had nothing but what stays, once nothing comes or goes.
fn at_rest(home: &Home) -> [Weight; 2] {
    home.rpm(["stop", "coming"]).ok();
    home.kill_daemon();
    home.check_children();
    let length = |file| fs::metadata(home.log_path(file)).unwrap().len();
    for file in ["staying-out.log", "staying-error.log"] {
        let before = length(file);
        eventually("the daemon has opened the log", || (length(file) > before).then_some(()));
    }
    let info = home.answering().unwrap();
    [info.guardian.unwrap().pid, info.pid].map(Weight::of)
}

#[test]
fn leave_nothing_behind() {
    let count = std::env::var("RPM_GENERATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(60_u64);
    let home = Home::new();
    home.start_numbered(&[
        numbered("staying", "lines=2 errors=3", json!({})),
        numbered("coming", "bursts=20 pause=5 code=run", json!({})),
    ]);
    home.serve();
    let guardian = home.guardian();
    // What is needed once is had.
    for _ in 0..5 {
        home.kill_daemon();
    }
    let base = at_rest(&home);
    let first = home.daemon().generation;
    home.rpm(["start", "coming"]).ok();
    for _ in 0..count {
        home.kill_daemon();
    }
    let last = at_rest(&home);
    assert_eq!(last[0].descriptors, base[0].descriptors);
    // Whoever asks has a socket at the daemon, for a moment after the answer too.
    let daemon = home.daemon().pid;
    eventually_within(Duration::from_secs(20), "a daemon has what the first one had", || {
        (descriptors(daemon).len() <= base[1].descriptors.len()).then_some(())
    });
    assert_eq!((home.guardian(), home.daemon().generation), (guardian, first + count + 1));
    let grown = last[0].resident.saturating_sub(base[0].resident);
    eprintln!("after {count} generations the guardian has {:?}, the daemon {:?}; {grown} kB more", last[0], last[1]);
    // A page or two of a table that has found its size.
    assert!(grown <= 32, "the guardian grows: {base:?} {last:?}");
    let zombies: Vec<String> = children(guardian).into_iter().map(told).filter(|told| told.contains(" Z ")).collect();
    assert!(zombies.is_empty(), "{zombies:?}");
    let staying = home.process("staying");
    assert_eq!((staying.status, staying.restarts), (Status::Online, 0));
    home.quiet(["staying"]);
    home.check_logs("staying");
    home.check_logs("coming");
}

/// Their ends fall into deaths all the time.
#[test]
fn short_runs_are_counted_and_written_in_order() {
    let home = Home::new();
    let names: Vec<String> = (0..6).map(|n| format!("coming-{n}")).collect();
    let apps: Vec<Value> =
        names.iter().map(|name| numbered(name, "bursts=20 pause=5 errors=3 code=run", json!({}))).collect();
    home.start_numbered(&apps);
    for _ in 0..60 {
        home.kill_daemon();
    }
    home.quiet(names.iter().map(String::as_str));
    for name in &names {
        home.check_counts(name, 0);
        home.check_logs(name);
    }
}
