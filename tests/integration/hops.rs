//! What forks as fast as it dies: no list of processes shows it, and no signal that is sent to what was listed meets it.
//! After `stop` it has ended all the same, with a control group and without one, as root and as anybody else.

use crate::support::{Home, eventually, is_root, watch_for};
use rpm_native::domain::Status;
use std::fs;
use std::time::Duration;

/// How an app hops: by forks alone, or as another program each time.
const WAYS: [&str; 2] = ["", "exec"];

fn without_group() -> Home {
    Home::new().env("RPM_CGROUP_ROOT", "")
}

/// An app whose main process waits, while what it has started hops.
fn hops(home: &Home, name: &str, way: &str) {
    hops_for(home, name, way, "100");
}

fn hops_for(home: &Home, name: &str, way: &str, kill_timeout: &str) {
    home.write("hop.pl", include_str!("../fixtures/torture/hop.pl"));
    home.write("app.sh", format!("perl hop.pl {way} &\nexec sleep 1000\n"));
    home.rpm(["start", "app.sh", "--name", name, "--kill-timeout", kill_timeout]).ok();
    beats(home);
}

#[track_caller]
fn beats(home: &Home) {
    let beat = home.work().join("beat");
    let _ = fs::remove_file(&beat);
    eventually("it hops", || beat.exists().then_some(()));
}

/// Nobody can overlook it: whatever hops makes the file again.
#[track_caller]
fn has_ended(home: &Home) {
    let beat = home.work().join("beat");
    let _ = fs::remove_file(&beat);
    watch_for(Duration::from_millis(300), || assert!(!beat.exists(), "it has outlived its stop"));
}

fn is_stopped(home: &Home) {
    for way in WAYS {
        hops(home, "app", way);
        home.rpm(["stop", "app"]).ok();
        has_ended(home);
        assert_eq!(home.process("app").status, Status::Stopped);
        assert_eq!(home.process("app").warnings, [""; 0]);
        home.rpm(["delete", "app"]).ok();
    }
}

#[test]
fn in_a_control_group() {
    is_stopped(&Home::new());
}

#[test]
fn without_a_control_group() {
    is_stopped(&without_group());
}

#[test]
fn of_somebody_who_may_do_little() {
    if !is_root() {
        return eprintln!("skipped: only root can become somebody else");
    }
    is_stopped(&Home::of_nobody().env("RPM_CGROUP_ROOT", ""));
}

#[test]
fn when_the_main_process_has_crashed() {
    let home = without_group();
    home.write("hop.pl", include_str!("../fixtures/torture/hop.pl"));
    home.write("app.sh", "[ -e beat ] && exec sleep 1000\nperl hop.pl &\nwhile [ ! -e beat ]; do :; done\nexit 1\n");
    home.rpm(["start", "app.sh", "--kill-timeout", "100"]).ok();
    home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    has_ended(&home);
}

#[test]
fn while_the_daemon_is_killed() {
    let home = Home::new();
    let fault = home.temporary().join("fault");
    let home = home.env("RPM_FAULT_FILE", &fault).env("RPM_CGROUP_ROOT", "");
    for way in WAYS {
        hops_for(&home, "app", way, "60s");
        let stop = home.command(["stop", "app"]).begin();
        home.wait_status("app", Status::Stopping);
        home.kill_daemon();
        // The next one dies when it has written down that what is left is to be killed.
        fs::write(&fault, "stop.recorded").unwrap();
        let hurried = home.command(["stop", "app", "--force"]).begin();
        eventually("it has died", || (!fault.exists()).then_some(()));
        stop.end().ok();
        hurried.end().ok();
        has_ended(&home);
        assert_eq!(home.process("app").status, Status::Stopped);
        home.rpm(["delete", "app"]).ok();
    }
}

#[test]
fn while_another_app_does_the_same() {
    let home = without_group();
    hops(&home, "wild", "");
    for name in ["a", "b", "c"] {
        home.rpm(["start", "sleep 1000", "--name", name]).ok();
        home.rpm(["stop", name]).ok();
        assert_eq!(home.process(name).warnings, [""; 0], "the other one's births are no reason for doubt");
    }
    beats(&home);
    home.rpm(["stop", "wild"]).ok();
    has_ended(&home);
}
