//! After `stop` nothing of an app is alive, however it forked and whatever it ignores.

use crate::support::{Home, eventually, is_alive, status_field};
use rpm_native::domain::{Outcome, Status};

/// The pid that an app has written to a file of its working directory.
fn pid_in(home: &Home, file: &str) -> i32 {
    eventually(&format!("a pid in {file}"), || {
        std::fs::read_to_string(home.work().join(file)).ok()?.trim().parse().ok()
    })
}

#[test]
fn what_ignores_the_signal_is_killed_at_its_timeout() {
    let home = Home::new();
    home.write(
        "deaf.js",
        "process.on('SIGINT', () => console.log('no')); setInterval(() => {}, 1000); console.log('up')",
    );
    home.rpm(["start", "deaf.js", "--kill-timeout", "250"]).ok();
    home.told("deaf-out.log", "up");
    let pid = home.pid("deaf");
    home.rpm(["stop", "deaf"]).ok();
    assert!(!is_alive(pid));
    let process = home.process("deaf");
    assert_eq!((process.status, process.exit), (Status::Stopped, Some(Outcome::Signal(9))));
    assert_eq!(home.lines("deaf-out.log"), ["up", "no"]);
}

#[test]
fn what_takes_its_time_is_given_it() {
    let home = Home::new();
    home.write(
        "slow.js",
        "process.on('SIGINT', () => setTimeout(() => { console.log('done'); process.exit(0) }, 400))
         setInterval(() => {}, 1000); console.log('up')",
    );
    home.rpm(["start", "slow.js"]).ok();
    home.told("slow-out.log", "up");
    home.rpm(["stop", "slow"]).ok();
    assert_eq!(home.process("slow").exit, Some(Outcome::Code(0)));
    eventually("its last line is in the log", || (home.lines("slow-out.log") == ["up", "done"]).then_some(()));
}

#[test]
fn children_end_with_it() {
    let home = Home::new();
    home.rpm([
        "start",
        "sleep 1000 & echo $! > child; sleep 2000 & echo $! > other; wait",
        "--name",
        "a",
        "--kill-timeout",
        "200",
    ])
    .ok();
    let (child, other) = (pid_in(&home, "child"), pid_in(&home, "other"));
    home.rpm(["stop", "a"]).ok();
    assert!(!is_alive(child) && !is_alive(other));
    assert_eq!(home.process("a").status, Status::Stopped);
}

#[test]
fn children_that_ignore_the_signal_are_killed() {
    let home = Home::new();
    home.write("child.sh", "trap '' INT TERM\necho $$ > child\nwhile :; do sleep 0.05; done\n");
    home.write("app.sh", "sh child.sh &\nexec sleep 1000\n");
    home.rpm(["start", "app.sh", "--kill-timeout", "200"]).ok();
    let child = pid_in(&home, "child");
    home.rpm(["stop", "app"]).ok();
    assert!(!is_alive(child));
}

#[test]
fn children_of_a_crashed_app_end_before_it_is_started_again() {
    let home = Home::new();
    home.write("app.sh", "[ -e child ] && exec sleep 1000\nsleep 2000 &\necho $! > child\nexit 1\n");
    home.rpm(["start", "app.sh", "--kill-timeout", "200"]).ok();
    let child = pid_in(&home, "child");
    home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    assert!(!is_alive(child));
}

#[test]
fn children_may_be_spared() {
    let home = Home::new();
    home.rpm(["start", "sleep 5 & echo $! > child; exec sleep 1000", "--name", "a", "--no-treekill"]).ok();
    let child = pid_in(&home, "child");
    home.rpm(["stop", "a"]).ok();
    assert!(is_alive(child));
    crate::support::signal(child, crate::support::Signal::SIGKILL);
    eventually("the child has gone", || (!is_alive(child)).then_some(()));
}

#[test]
fn another_signal_or_a_message() {
    let home = Home::new();
    home.write(
        "app.js",
        "process.on('SIGTERM', () => { console.log('term'); process.exit(0) })
         process.on('message', (m) => { if (m === 'shutdown') { console.log('message'); process.exit(0) } })
         setInterval(() => {}, 1000); console.log('up')",
    );
    home.rpm(["start", "app.js", "--name", "a", "--kill-signal", "SIGTERM"]).ok();
    home.rpm(["start", "app.js", "--name", "b", "--shutdown-with-message"]).ok();
    home.rpm(["start", "app.js", "--name", "c", "--shutdown-with-message", "-i", "1"]).ok();
    for (log, word) in [("a-out.log", "term"), ("b-out.log", "message"), ("c-out-2.log", "message")] {
        home.told(log, "up");
        home.rpm(["stop", &log[..1]]).ok();
        home.told(log, word);
        assert_eq!(home.process(&log[..1]).exit, Some(Outcome::Code(0)));
    }
}

#[test]
fn a_stopped_process_is_reaped() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let pid = home.pid("a");
    home.rpm(["stop", "a"]).ok();
    assert_eq!(status_field(pid, "State"), None, "not even a zombie is left");
}

#[test]
fn a_suspended_app_can_be_stopped() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--kill-timeout", "200", "--", "1000"]).ok();
    crate::support::signal(home.pid("a"), crate::support::Signal::SIGSTOP);
    home.rpm(["stop", "a"]).ok();
    assert_eq!(home.process("a").status, Status::Stopped);
}

#[test]
fn delete_while_it_stops() {
    let home = Home::new();
    home.write("deaf.js", "process.on('SIGINT', () => {}); setInterval(() => {}, 1000); console.log('up')");
    home.rpm(["start", "deaf.js", "--kill-timeout", "800"]).ok();
    home.told("deaf-out.log", "up");
    let pid = home.pid("deaf");
    let stop = home.command(["stop", "deaf"]).begin();
    home.wait_status("deaf", Status::Stopping);
    home.rpm(["delete", "deaf"]).ok();
    assert!(!is_alive(pid));
    assert!(home.list().is_empty());
    stop.end().ok();
}

#[test]
fn stop_while_it_restarts() {
    let home = Home::new();
    home.write("deaf.js", "process.on('SIGINT', () => {}); setInterval(() => {}, 1000); console.log('up')");
    home.rpm(["start", "deaf.js", "--kill-timeout", "800"]).ok();
    home.told("deaf-out.log", "up");
    let restart = home.command(["restart", "deaf"]).begin();
    home.wait_status("deaf", Status::Stopping);
    home.rpm(["stop", "deaf"]).ok();
    restart.end().fails(&["deaf", "another command overtook this restart"]);
    let process = home.process("deaf");
    assert_eq!((process.status, process.pid), (Status::Stopped, None));
}

#[test]
fn start_while_it_stops() {
    let home = Home::new();
    home.write("deaf.js", "process.on('SIGINT', () => {}); setInterval(() => {}, 1000); console.log('up')");
    home.rpm(["start", "deaf.js", "--kill-timeout", "800"]).ok();
    home.told("deaf-out.log", "up");
    let before = home.pid("deaf");
    let stop = home.command(["stop", "deaf"]).begin();
    home.wait_status("deaf", Status::Stopping);
    home.rpm(["start", "deaf"]).ok();
    let process = home.process("deaf");
    assert_eq!(process.status, Status::Online);
    assert_ne!(process.pid, Some(before));
    stop.end().fails(&["overtook"]);
}

#[test]
fn many_stubborn_apps_stop_together() {
    let home = Home::new();
    home.write("deaf.sh", "trap '' INT\necho up\nwhile :; do sleep 0.05; done\n");
    home.rpm(["start", "deaf.sh", "-i", "6", "--kill-timeout", "700"]).ok();
    for id in 0..6 {
        home.told(&format!("deaf-out-{id}.log"), "up");
    }
    let began = home.list()[0].created_at;
    home.rpm(["stop", "all"]).ok();
    // One after another they would take over four seconds.
    let took = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64 - began;
    assert!(took < 3500, "{took} ms");
    assert!(home.list().iter().all(|process| process.status == Status::Stopped));
}
