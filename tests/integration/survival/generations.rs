//! Many generations leave nothing behind: memory, descriptors, zombies.
//!
//! `RPM_GENERATIONS` says how many (60).

use crate::support::{Home, children, eventually_within, numbered, status_field, told};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// What a process has, in kilobytes and descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weight {
    resident: u64,
    descriptors: usize,
}

impl Weight {
    fn of(pid: i32) -> Self {
        let resident = status_field(pid, "VmRSS").unwrap();
        Self {
            resident: resident.trim_end_matches(" kB").parse().unwrap(),
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
        }
    }
}

/// Guardian and daemon, once nothing comes or goes.
fn at_rest(home: &Home) -> [Weight; 2] {
    home.rpm(["stop", "coming"]).ok();
    home.check_children();
    let mut last = None;
    eventually_within(Duration::from_secs(20), "descriptors come to rest", || {
        let info = home.answering()?;
        let now = [info.guardian.unwrap().pid, info.pid].map(Weight::of);
        let same = |before: &[Weight; 2]| before.iter().zip(&now).all(|(old, new)| old.descriptors == new.descriptors);
        // Asking opens a descriptor itself: the same answer again and again means that it is the only one.
        let steady = last.replace(now).as_ref().is_some_and(same);
        steady.then_some(now)
    })
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
    assert_eq!((home.guardian(), home.daemon().generation), (guardian, first + count));
    assert_eq!(last.map(|weight| weight.descriptors), base.map(|weight| weight.descriptors));
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
