//! `--no-daemon`: a command that stays, shows what apps write, and takes them and its daemon with it.

use crate::support::{Home, Running, Signal, eventually, is_alive, signal};
use rpm_native::domain::Status;
use std::fs;

const APP: &str = "trap 'echo bye; exit 0' INT; echo up-$$; while :; do sleep 0.02; done";

fn said(running: &Running) -> String {
    String::from_utf8_lossy(&running.out()).into_owned()
}

#[track_caller]
fn wait_for(running: &Running, text: &str) {
    eventually(&format!("{text:?} is shown"), || said(running).contains(text).then_some(()));
}

fn begin(home: &Home, more: &[&str]) -> Running {
    home.command(["start", APP, "--name", "app", "--no-daemon"].into_iter().chain(more.iter().copied())).begin()
}

/// Nobody is there who could be asked.
#[track_caller]
fn wait_until_gone(home: &Home, pids: &[i32]) {
    eventually("all of it has gone", || {
        let is_held = home.root().join("rpm.pid").exists();
        (!is_held && pids.iter().all(|pid| !is_alive(*pid))).then_some(())
    });
}

#[test]
fn apps_and_daemon_end_with_the_command() {
    let home = Home::new();
    for number in [Signal::SIGINT, Signal::SIGTERM] {
        let running = begin(&home, &[]);
        wait_for(&running, "| up-");
        let (app, daemon) = (home.pid("app"), home.daemon().pid);
        signal(running.pid(), number);
        let done = running.end();
        assert_eq!(done.code(), Some(0), "{}", done.told());
        assert!(done.text().contains("0|app | bye"), "its last words are shown: {}", done.told());
        wait_until_gone(&home, &[app, daemon]);
        let written = home.lines("app-out.log");
        assert_eq!(written.last().map(String::as_str), Some("bye"), "they are in the log, too");
    }
}

#[test]
fn a_command_that_is_killed_leaves_nothing() {
    let home = Home::new();
    let running = begin(&home, &[]);
    wait_for(&running, "up-");
    let (app, daemon) = (home.pid("app"), home.daemon().pid);
    signal(running.pid(), Signal::SIGKILL);
    wait_until_gone(&home, &[app, daemon]);
    assert_eq!(home.lines("app-out.log").last().map(String::as_str), Some("bye"), "it was asked to end");
}

#[test]
fn it_outlives_its_daemon_and_ends_with_a_kill() {
    let home = Home::new();
    let running = begin(&home, &[]);
    wait_for(&running, "up-");
    let app = home.pid("app");
    home.kill_daemon();
    assert_eq!(home.pid("app"), app);
    home.rpm(["restart", "app"]).ok();
    eventually("what the next one writes is shown", || (said(&running).matches("up-").count() == 2).then_some(()));
    home.rpm(["kill"]).ok();
    assert_eq!(running.end().ok().code(), Some(0));
}

#[test]
fn a_daemon_that_was_there_stays() {
    let home = Home::new();
    home.rpm(["start", "echo first; sleep 1000", "--name", "first"]).ok();
    let daemon = home.daemon().pid;
    let running = begin(&home, &[]);
    wait_for(&running, "up-");
    signal(running.pid(), Signal::SIGINT);
    running.end().ok();
    assert_eq!(home.daemon().pid, daemon);
    assert!(home.list().iter().all(|process| process.status == Status::Online));
}

#[test]
fn what_cannot_be_started_leaves_no_daemon() {
    let home = Home::new();
    home.rpm(["start", "none.js", "--no-daemon"]).fails(&["none.js"]);
    wait_until_gone(&home, &[]);
    home.rpm(["start", APP, "--no-daemon", "--attach"]).fails(&["--no-daemon", "--attach"]);
}

#[test]
fn a_saved_list_can_be_resurrected_so() {
    let home = Home::new();
    home.rpm(["start", APP, "--name", "app"]).ok();
    home.rpm(["save"]).ok();
    home.rpm(["kill"]).ok();
    fs::remove_file(home.root().join("logs/app-out.log")).unwrap();
    let running = home.command(["resurrect", "--no-daemon"]).begin();
    wait_for(&running, "up-");
    let app = home.pid("app");
    signal(running.pid(), Signal::SIGTERM);
    running.end().ok();
    wait_until_gone(&home, &[app]);
}
