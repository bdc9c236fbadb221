//! Ends that nobody asked for, and what follows by the restart policy; what commands do to ids, pids and counters.

use crate::support::{Home, Signal, eventually, is_alive, never_within, signal};
use rpm_native::domain::{Outcome, Status};
use std::time::Duration;

#[test]
fn a_crash_is_followed_by_a_restart() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let first = home.process("a");
    signal(first.pid.unwrap(), Signal::SIGSEGV);
    let second = home.wait_until("a", |process| process.restarts == 1 && process.status == Status::Online);
    assert_ne!(second.pid, first.pid);
    assert_eq!((second.id, second.exit), (first.id, Some(Outcome::Signal(11))));
    assert_eq!(second.created_at, first.created_at);
}

#[test]
fn a_clean_exit_is_no_different() {
    let home = Home::new();
    home.write("app.sh", "[ -e done ] && exec sleep 1000\ntouch done\n");
    home.rpm(["start", "app.sh"]).ok();
    let process = home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    assert_eq!(process.exit, Some(Outcome::Code(0)));
}

#[test]
fn too_many_short_runs_are_an_error_with_a_reason() {
    let home = Home::new();
    home.rpm(["start", "echo run; exit 3", "--name", "a", "--max-restarts", "4"]).ok();
    let process = home.wait_status("a", Status::Errored);
    let reason = process.reason.unwrap();
    assert!(reason.starts_with("errored: 4 exits within 1 s each; last: exit code 3"), "{reason}");
    assert_eq!((process.pid, process.restarts, process.exit), (None, 3, Some(Outcome::Code(3))));
    eventually("all its lines are in the log", || (home.lines("a-out.log").len() == 4).then_some(()));
    never_within(Duration::from_millis(300), "another run", || (home.lines("a-out.log").len() > 4).then_some(()));
    assert!(home.rpm(["describe", "a"]).ok().text().contains("exit code 3"));
    // By hand it is tried again.
    home.rpm(["restart", "a"]).ok();
    eventually("it was tried again", || (home.lines("a-out.log").len() > 4).then_some(()));
    home.wait_status("a", Status::Errored);
}

#[test]
fn a_restart_may_be_delayed() {
    let home = Home::new();
    home.rpm(["start", "exit 1 ;", "--name", "a", "--restart-delay", "600"]).ok();
    let waiting = home.wait_status("a", Status::WaitingRestart);
    assert!(waiting.reason.unwrap().starts_with("waiting restart: restart_delay 600 ms, in 0."));
    assert_eq!(waiting.pid, None);
    home.wait_until("a", |process| process.restarts >= 1);
    home.wait_status("a", Status::WaitingRestart);
    home.rpm(["stop", "a"]).ok();
    let restarts = home.process("a").restarts;
    never_within(Duration::from_millis(900), "a restart after the stop", || {
        (home.process("a").restarts != restarts).then_some(())
    });
    assert_eq!(home.process("a").status, Status::Stopped);
}

#[test]
fn delays_grow_when_asked_to() {
    let home = Home::new();
    home.write("app.js", "console.log('at ' + Date.now()); process.exit(1)");
    home.rpm(["start", "app.js", "--exp-backoff-restart-delay", "100"]).ok();
    let times = eventually("four runs", || {
        let times: Vec<u64> =
            home.lines("app-out.log").iter().filter_map(|line| line.strip_prefix("at ")?.parse().ok()).collect();
        (times.len() >= 4).then_some(times)
    });
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // A fifth less at most.
    for (gap, least) in gaps.iter().zip([80, 120, 180]) {
        assert!(*gap >= least, "{gaps:?}");
    }
}

#[test]
fn codes_that_mean_done() {
    let home = Home::new();
    home.rpm(["start", "exit 42 ;", "--name", "a", "--stop-exit-codes", "0,42"]).ok();
    let process = home.wait_status("a", Status::Stopped);
    assert_eq!((process.restarts, process.exit), (0, Some(Outcome::Code(42))));
    home.rpm(["start", "exit 41 ;", "--name", "b", "--stop-exit-codes", "0,42", "--max-restarts", "2"]).ok();
    home.wait_status("b", Status::Errored);
}

#[test]
fn no_restart_where_none_is_wanted() {
    let home = Home::new();
    home.rpm(["start", "exit 5 ;", "--name", "a", "--no-autorestart"]).ok();
    let process = home.wait_status("a", Status::Stopped);
    assert_eq!((process.restarts, process.exit), (0, Some(Outcome::Code(5))));
    assert_eq!(process.reason.unwrap(), "stopped: it exited with code 5, and autorestart is off");
}

#[test]
fn listed_but_not_launched() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--no-autostart", "--", "1000"]).ok();
    let process = home.process("a");
    assert_eq!((process.status, process.pid), (Status::Stopped, None));
    home.rpm(["start", "a"]).ok();
    assert_eq!(home.process("a").status, Status::Online);
}

#[test]
fn a_restart_keeps_the_id_and_changes_the_pid() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    home.rpm(["start", "sleep", "--name", "b", "--", "1000"]).ok();
    let (a, b) = (home.process("a"), home.process("b"));
    let told = home.rpm(["restart", "a"]).ok().text();
    assert!(told.contains("restarted a (0)"), "{told}");
    let after = home.process("a");
    assert_eq!((after.id, after.restarts, after.status), (a.id, a.restarts + 1, Status::Online));
    assert_ne!(after.pid, a.pid);
    assert!(!is_alive(a.pid.unwrap()));
    assert_eq!(home.process("b").pid, b.pid);
    home.rpm(["restart", "0", "b"]).ok();
    assert_eq!((home.process("a").restarts, home.process("b").restarts), (2, 1));
    home.rpm(["reset", "all"]).ok();
    assert_eq!((home.process("a").restarts, home.process("b").restarts), (0, 0));
}

#[test]
fn stop_start_and_delete() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    home.rpm(["start", "sleep", "--name", "b", "--namespace", "group", "--", "1000"]).ok();
    home.rpm(["start", "sleep", "--name", "c", "--namespace", "group", "--", "1000"]).ok();
    home.rpm(["stop", "group"]).ok();
    let status = |name| home.process(name).status;
    assert_eq!((status("a"), status("b"), status("c")), (Status::Online, Status::Stopped, Status::Stopped));
    // Stopping what is stopped is no failure.
    home.rpm(["stop", "b"]).ok();
    home.rpm(["start", "b"]).ok();
    assert_eq!((status("b"), home.process("b").restarts), (Status::Online, 0));
    home.rpm(["delete", "/^[bc]$/"]).ok();
    assert_eq!(home.list().len(), 1);
    home.rpm(["start", "sleep", "--name", "d", "--", "1000"]).ok();
    assert_eq!(home.process("d").id.0, 3, "ids are not used again");
    home.rpm(["delete", "all"]).ok();
    assert!(home.list().is_empty());
    home.rpm(["start", "sleep", "--name", "e", "--", "1000"]).ok();
    assert_eq!(home.process("e").id.0, 0, "an empty list counts anew");
}

#[test]
fn signals_reach_the_app() {
    let home = Home::new();
    home.write(
        "app.js",
        "process.on('SIGUSR2', () => console.log('heard')); setInterval(() => {}, 1000); console.log('up')",
    );
    home.rpm(["start", "app.js"]).ok();
    home.told("app-out.log", "up");
    let pid = home.pid("app");
    home.rpm(["sendSignal", "SIGUSR2", "app"]).ok();
    home.told("app-out.log", "heard");
    assert_eq!(home.pid("app"), pid);
    home.rpm(["sendSignal", "NOSUCH", "app"]).fails(&["NOSUCH"]);
    home.rpm(["stop", "app"]).ok();
    home.rpm(["sendSignal", "SIGUSR2", "app"]).fails(&["app", "doesn't run"]);
}

#[test]
fn apps_outlive_a_killed_daemon() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let (pid, daemon) = (home.pid("a"), home.daemon().pid);
    signal(daemon, Signal::SIGKILL);
    eventually("the daemon has gone", || (!is_alive(daemon)).then_some(()));
    assert!(is_alive(pid));
    assert_eq!(home.wait_status("a", Status::Online).pid, Some(pid));
    home.rpm(["stop", "a"]).ok();
    assert!(!is_alive(pid));
}
