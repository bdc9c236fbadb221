//! `cron_restart`: what the clock does to apps.

use crate::support::{Home, eventually, never_within};
use rpm_native::domain::Status;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const EACH_SECOND: &str = "* * * * * *";

fn sleeper(home: &Home, cron: &str) {
    home.rpm(["start", "sleep", "--name", "a", "--cron-restart", cron, "--", "1000"]).ok();
}

#[test]
fn an_app_is_restarted_by_the_clock() {
    let home = Home::new();
    sleeper(&home, EACH_SECOND);
    let first = home.pid("a");
    let later = home.wait_until("a", |process| process.restarts >= 2 && process.status == Status::Online);
    assert_ne!(later.pid, Some(first));
    assert_eq!(later.unstable_restarts, 0, "nobody has failed");
    let told = home.describe("a");
    assert_eq!(told[0]["cause"]["what"], json!("cron_restart * * * * * *"));
    let text = home.rpm(["describe", "a"]).ok().text();
    assert!(text.contains("cron restart") && text.contains("next time"), "{text}");
    let log = String::from_utf8(std::fs::read(home.root().join("rpm.log")).unwrap()).unwrap();
    assert!(log.contains("a (0): restart: cron_restart * * * * * *"), "{log}");
    assert_eq!(home.jlist()[0]["pm2_env"]["cron_restart"], json!(EACH_SECOND));
}

#[test]
fn a_stopped_app_is_started_by_the_clock_and_whoever_stops_it_is_told() {
    let home = Home::new();
    sleeper(&home, EACH_SECOND);
    let stopped = home.rpm(["stop", "a"]).ok();
    assert!(stopped.err.contains("starts it again at"), "{}", stopped.told());
    home.wait_status("a", Status::Online);
}

#[test]
fn zero_switches_it_off_and_a_delete_too() {
    let home = Home::new();
    sleeper(&home, EACH_SECOND);
    assert!(home.root().join("schedule/a.json").exists());
    home.rpm(["restart", "a", "--cron-restart", "0"]).ok();
    let process = home.process("a");
    assert_eq!(process.next_run, None);
    never_within(Duration::from_millis(1500), "a restart", || (home.process("a").pid != process.pid).then_some(()));
    assert!(!home.root().join("schedule").exists());
    home.rpm(["restart", "a", "--cron-restart", "0 3 * * *", "--time-zone", "Europe/Vienna"]).ok();
    assert!(home.process("a").next_run.is_some());
    home.rpm(["delete", "a"]).ok();
    assert!(!home.root().join("schedule").exists());
}

#[test]
fn what_cannot_be_kept_is_refused_with_its_place() {
    let home = Home::new();
    let start = |cron: &str, zone: &str| {
        home.rpm(["start", "sleep", "--name", "a", "--cron-restart", cron, "--time-zone", zone, "--", "1000"])
    };
    start("0 25 * * *", "UTC").fails(&["cron_restart", "0 25 * * *", "hour (column 3)", "0 to 23"]);
    start("* * * *", "UTC").fails(&["4 fields"]);
    start("0 0 31 2 *", "UTC").fails(&["never comes"]);
    start("0 0 * * *", "Europe/Nowhere").fails(&["no time zone", "Europe/Nowhere"]);
    assert!(home.list().is_empty());
}

#[test]
fn workers_are_reloaded_without_refusing_anybody() {
    let home = Home::new();
    let port = home.serve();
    home.rpm(["restart", "web", "--cron-restart", "*/2 * * * * *"]).ok();
    let before: BTreeSet<_> = home.named("web").iter().map(|process| process.restarts).collect();
    eventually("all workers are replaced, and each answers", || {
        crate::support::get(port, "/").unwrap();
        home.named("web").iter().all(|process| process.restarts > 1 + before.last().unwrap()).then_some(())
    });
}

/// Whenever the daemon dies, each second has its restart, and none has two.
#[test]
fn no_time_is_lost_or_acted_on_twice_by_deaths_of_the_daemon() {
    let home = Home::new();
    home.write("app.sh", "date +%s\nexec sleep 1000\n");
    home.rpm(["start", "app.sh", "--name", "a", "--cron-restart", "*/3 * * * * *"]).ok();
    let runs = || home.lines("a-out.log").len();
    eventually("the first restart", || (runs() >= 2).then_some(()));
    for _ in 0..3 {
        home.kill_daemon();
        let before = runs();
        eventually("the next restart", || (runs() > before).then_some(()));
    }
    let times: Vec<i64> = home.lines("a-out.log").iter().skip(1).map(|line| line.parse().unwrap()).collect();
    for pair in times.windows(2) {
        let apart = pair[1] - pair[0];
        assert!((1..=6).contains(&apart), "{times:?}");
    }
    let beats: BTreeSet<i64> = times.iter().map(|time| time / 3).collect();
    assert_eq!(beats.len(), times.len(), "a time was acted on twice: {times:?}");
}
