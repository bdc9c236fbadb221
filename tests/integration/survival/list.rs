//! What a home's files say of what runs can be lost, and nobody who lives ends for it.

use crate::support::{Home, Signal, eventually, get, is_alive, signal, try_signal};
use std::fs::{self, OpenOptions};
use std::path::PathBuf;

const TICKING: &str = "while :; do echo tick; sleep 0.05; done";

/// A home with an app that prints all the time.
fn ticking() -> (Home, i32) {
    let home = Home::new();
    home.write("tick.sh", TICKING);
    home.rpm(["start", "tick.sh", "--name", "tick"]).ok();
    let pid = home.pid("tick");
    (home, pid)
}

/// Its output goes on to its file.
#[track_caller]
fn check_ticking(home: &Home) {
    let before = home.lines("tick-out.log").len();
    eventually("the app's output is read", || (home.lines("tick-out.log").len() > before + 40).then_some(()));
}

fn lists(home: &Home) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().path());
    let mut lists: Vec<PathBuf> =
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("state.json")).collect();
    lists.sort();
    lists
}

#[test]
fn a_list_that_is_gone_is_read_from_the_one_before() {
    let (home, pid) = ticking();
    home.rpm(["start", "tick.sh", "--name", "deleted"]).ok();
    home.rpm(["start", "tick.sh", "--name", "last"]).ok();
    home.rpm(["delete", "deleted"]).ok();
    let last = home.pid("last");
    fs::remove_file(home.root().join("state.json")).unwrap();
    home.kill_daemon();
    let tick = home.process("tick");
    assert_eq!((tick.pid, tick.restarts), (Some(pid), 0));
    assert!(is_alive(last));
    check_ticking(&home);
    let back = home.named("deleted");
    assert!(back.iter().all(|process| process.pid.is_none()), "what was deleted runs again: {back:?}");
    if home.named("last").is_empty() {
        signal(last, Signal::SIGKILL);
    }
}

#[test]
fn without_any_list_nobody_is_ended() {
    let (home, pid) = ticking();
    for list in lists(&home) {
        fs::remove_file(list).unwrap();
    }
    home.kill_daemon();
    assert!(home.list().is_empty());
    assert!(is_alive(pid));
    check_ticking(&home);
    // Nor by a daemon that finds a list again, on which it is not.
    home.write("other.sh", "sleep 1000");
    home.rpm(["start", "other.sh", "--name", "other"]).ok();
    let other = home.pid("other");
    home.kill_daemon();
    assert_eq!(home.pid("other"), other);
    assert!(is_alive(pid));
    check_ticking(&home);
    let log = String::from_utf8(fs::read(home.root().join("rpm.log")).unwrap()).unwrap();
    assert_eq!(log.matches(&format!("kill {pid}")).count(), 1, "{log}");
    signal(pid, Signal::SIGKILL);
    eventually("it is gone", || (!is_alive(pid)).then_some(()));
    home.check_children();
}

#[test]
fn slots_that_were_shortened_are_mended_and_cost_nobody_a_run() {
    let (home, pid) = ticking();
    let port = home.serve();
    let slots = home.root().join("run/slots");
    let length = fs::metadata(&slots).unwrap().len();
    let before = home.list();
    let daemon = home.daemon();
    OpenOptions::new().write(true).open(&slots).unwrap().set_len(0).unwrap();
    // It dies of it as soon as it touches them, which may be at once.
    let _ = try_signal(daemon.pid, Signal::SIGKILL);
    home.successor(&daemon);
    let same = |home: &Home| {
        let now = home.list();
        let facts = |list: &[rpm_native::api::Process]| -> Vec<_> {
            list.iter().map(|process| (process.id, process.pid, process.restarts, process.status)).collect()
        };
        assert_eq!(facts(&now), facts(&before));
        for _ in 0..8 {
            assert_eq!(get(port, "/").unwrap().status, 200);
        }
    };
    same(&home);
    assert_eq!(fs::metadata(&slots).unwrap().len(), length);
    check_ticking(&home);
    home.kill_daemon();
    same(&home);
    assert_eq!(home.pid("tick"), pid);
    check_ticking(&home);
    home.check_children();
}
