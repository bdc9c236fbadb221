//! Commands at the same time on one app: each is answered, and the end is a defined one.

use crate::support::{Home, eventually, is_alive};
use rpm_native::domain::Status;

/// Runs all of them at once; each ends, with 0 or a message.
fn storm(home: &Home, commands: &[&str]) {
    let running: Vec<_> =
        commands.iter().map(|line| (line, home.command(line.split(' ').collect::<Vec<_>>()).begin())).collect();
    for (line, command) in running {
        let done = command.end();
        match done.code() {
            Some(0) => {}
            Some(1) => assert!(done.err.contains("error:"), "{line}: {}", done.told()),
            _ => panic!("{line}: {}", done.told()),
        }
    }
}

#[test]
fn stops_and_restarts() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    for _ in 0..3 {
        storm(
            &home,
            &["restart app", "stop app", "restart app", "stop 0", "restart 1", "start app", "reload app", "reset app"],
        );
        for process in home.list() {
            let alive = process.pid.is_some_and(is_alive);
            assert!(matches!(process.status, Status::Online | Status::Stopped), "{process:?}");
            assert_eq!(alive, process.status == Status::Online, "{process:?}");
        }
    }
    home.rpm(["restart", "app"]).ok();
    assert!(home.list().iter().all(|process| process.status == Status::Online));
    home.rpm(["stop", "app"]).ok();
    assert!(home.list().iter().all(|process| process.status == Status::Stopped && process.pid.is_none()));
}

#[test]
fn with_a_delete_in_it() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    for _ in 0..3 {
        home.rpm(["start", "app.js", "-i", "2"]).ok();
        let pids: Vec<i32> = home.list().iter().filter_map(|process| process.pid).collect();
        storm(&home, &["restart app", "stop app", "delete app", "reload app", "scale app 3", "restart 0"]);
        eventually("what it was has gone", || pids.iter().all(|pid| !is_alive(*pid)).then_some(()));
        // `scale` may have come first or last; a process of the app left over is on the list, never beside it.
        home.rpm(["delete", "all"]);
        assert!(home.list().is_empty());
    }
}

#[test]
fn the_same_start_many_times() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    storm(&home, &["start app.js"; 6]);
    let list = home.named("app");
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0].status, Status::Online);
}

#[test]
fn apps_that_crash_all_the_time_under_commands() {
    let home = Home::new();
    home.write("app.js", "setTimeout(() => process.exit(1), 20)");
    home.rpm(["start", "app.js", "-i", "2", "--max-restarts", "1000"]).ok();
    for _ in 0..3 {
        storm(&home, &["restart app", "reload app", "stop app", "restart app", "reset app", "ls"]);
    }
    home.rpm(["stop", "app"]).ok();
    assert!(home.list().iter().all(|process| process.status == Status::Stopped && process.pid.is_none()));
    home.rpm(["delete", "app"]).ok();
}

#[test]
fn kill_in_the_middle() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let pids: Vec<i32> = home.list().iter().filter_map(|process| process.pid).collect();
    storm(&home, &["restart app", "kill", "reload app", "kill"]);
    for pid in pids {
        assert!(!is_alive(pid));
    }
}
