//! Restarts for changed files.

use crate::support::{Home, cpu_ticks, eventually, eventually_within, never_within};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

/// Longer than the quiet time, and than it takes to look.
const A_WHILE: Duration = Duration::from_millis(900);

/// An app in a directory of its own.
fn begin(home: &Home, more: &[&str]) {
    home.write("app/main.sh", "echo run; exec sleep 1000");
    home.write("app/src/a.js", "");
    let app = home.work().join("app");
    let args = ["start", "main.sh", "--name", "a", "--cwd", app.to_str().unwrap(), "--watch"];
    home.rpm(args.iter().chain(more).copied()).ok();
    watches(home);
}

/// Waits until the files are watched.
#[track_caller]
fn watches(home: &Home) -> u64 {
    eventually("its files are watched", || {
        home.describe("a")[0]["watch"]["directories"].as_u64().filter(|count| *count > 0)
    })
}

fn cause(home: &Home) -> Value {
    home.describe("a")[0]["cause"]["what"].clone()
}

#[track_caller]
fn restarted(home: &Home, count: u32) {
    let process = home.wait_until("a", |process| process.restarts >= count && process.status == Status::Online);
    assert_eq!(process.restarts, count);
}

#[track_caller]
fn stays(home: &Home, count: u32) {
    never_within(A_WHILE, "a restart", || (home.process("a").restarts != count).then_some(()));
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

#[test]
fn a_change_restarts_and_says_which() {
    let home = Home::new();
    begin(&home, &[]);
    home.write("app/src/a.js", "1");
    restarted(&home, 1);
    assert_eq!(cause(&home), json!("changed src/a.js"));
    let log = fs::read_to_string(home.root().join("rpm.log")).unwrap();
    assert!(log.contains("a (0): restart: changed src/a.js"), "{log}");
    assert!(home.rpm(["describe", "a"]).ok().text().contains("changed src/a.js, "));
    // Many at once are one restart.
    for number in 0..5 {
        home.write(&format!("app/src/{number}.js"), "x");
    }
    restarted(&home, 2);
    assert_eq!(cause(&home), json!("changed src/0.js (and 4 more)"));
    // As editors save: another file takes the name.
    fs::rename(home.write("app/src/.a.js.swp", "2"), home.work().join("app/src/a.js")).unwrap();
    restarted(&home, 3);
    assert_eq!(cause(&home), json!("changed src/a.js"));
    remove(&home.work().join("app/src/a.js"));
    restarted(&home, 4);
    stays(&home, 4);
}

#[test]
fn what_does_not_matter_changes_nothing() {
    let home = Home::new();
    home.write("app/node_modules/x/index.js", "");
    home.write("app/.git/HEAD", "");
    home.write("app/tmp/x", "");
    begin(&home, &["--ignore-watch", "*.log tmp/", "--output", "said.txt"]);
    assert_eq!(watches(&home), 2, "the app's directory, and src");
    for file in
        ["app/node_modules/x/index.js", "app/.git/HEAD", "app/tmp/x", "app/src/x.log", "app/.env", "app/said.txt"]
    {
        home.write(file, "changed");
    }
    // Looked at, and not changed.
    fs::read(home.work().join("app/src/a.js")).unwrap();
    // Some editors ask so whether they may write.
    remove(&home.write("app/src/4913", ""));
    stays(&home, 0);
    let env = &home.jlist()[0]["pm2_env"];
    assert_eq!((&env["watch"], &env["ignore_watch"]), (&json!(true), &json!(["*.log", "tmp/"])));
}

#[test]
fn a_stop_switches_it_off_and_a_restart_toggles_it() {
    let home = Home::new();
    begin(&home, &[]);
    home.rpm(["stop", "a"]).ok();
    assert_eq!(home.describe("a")[0]["watch"], json!(null));
    home.write("app/src/a.js", "1");
    never_within(A_WHILE, "a start", || (home.process("a").pid.is_some()).then_some(()));
    home.rpm(["restart", "a"]).ok();
    home.write("app/src/a.js", "2");
    stays(&home, 0);
    home.rpm(["restart", "a", "--watch"]).ok();
    watches(&home);
    let restarts = home.process("a").restarts;
    home.write("app/src/a.js", "3");
    restarted(&home, restarts + 1);
    home.rpm(["restart", "a", "--watch"]).ok();
    assert_eq!(home.describe("a")[0]["watch"], json!(null));
    home.write("app/src/a.js", "4");
    stays(&home, restarts + 2);
}

#[test]
fn a_failed_app_is_started_by_a_change() {
    let home = Home::new();
    home.write("main.sh", "exit 1");
    let _ = home.rpm(["start", "main.sh", "--name", "a", "--watch", "--max-restarts", "1"]);
    home.wait_status("a", Status::Errored);
    watches(&home);
    home.write("main.sh", "exec sleep 1000");
    home.wait_status("a", Status::Online);
    assert_eq!(cause(&home), json!("changed main.sh"));
}

#[test]
fn what_changes_during_a_restart_is_followed_by_another() {
    let home = Home::new();
    home.write("app/main.sh", "trap '' INT\necho run\nwhile :; do sleep 0.05; done");
    home.write("app/src/a.js", "");
    let app = home.work().join("app");
    let args = ["start", "main.sh", "--name", "a", "--cwd", app.to_str().unwrap(), "--watch", "-k", "1500"];
    home.rpm(args).ok();
    watches(&home);
    home.write("app/src/a.js", "1");
    home.wait_status("a", Status::Stopping);
    home.write("app/src/b.js", "1");
    restarted_twice(&home);
    assert_eq!(cause(&home), json!("changed src/b.js"));
    stays(&home, 2);
}

#[track_caller]
fn restarted_twice(home: &Home) {
    home.wait_until("a", |process| process.restarts == 2 && process.status == Status::Online);
}

#[test]
fn directories_come_and_go() {
    let home = Home::new();
    begin(&home, &[]);
    let src = home.work().join("app/src");
    // A new one, deep, with files in it that come with it.
    home.write("new/deep/x.js", "");
    fs::rename(home.work().join("new"), home.work().join("app/new")).unwrap();
    restarted(&home, 1);
    home.write("app/new/deep/x.js", "1");
    restarted(&home, 2);
    // One that is moved away is nobody's.
    fs::rename(home.work().join("app/new"), home.work().join("away")).unwrap();
    restarted(&home, 3);
    home.write("away/deep/x.js", "2");
    stays(&home, 3);
    remove(&src);
    restarted(&home, 4);
    home.write("app/src/a.js", "1");
    restarted(&home, 5);
    home.write("app/src/a.js", "2");
    restarted(&home, 6);
}

#[test]
fn a_root_that_is_replaced_is_watched_again_and_restarts_once() {
    let home = Home::new();
    home.write("main.sh", "exec sleep 1000");
    home.write("dist/a.js", "");
    home.rpm(["start", "main.sh", "--name", "a", "--watch", "dist"]).ok();
    watches(&home);
    remove(&home.work().join("dist"));
    stays(&home, 0);
    home.write("dist/a.js", "1");
    restarted(&home, 1);
    home.write("dist/a.js", "2");
    restarted(&home, 2);
}

#[test]
fn a_link_that_leads_elsewhere_is_followed() {
    let home = Home::new();
    home.write("main.sh", "exec sleep 1000");
    home.write("releases/1/src/a.js", "");
    home.write("releases/2/src/a.js", "");
    home.write("shared/s.js", "");
    symlink("../../shared", home.work().join("releases/1/linked")).unwrap();
    symlink("..", home.work().join("releases/1/src/loop")).unwrap();
    symlink("releases/1", home.work().join("current")).unwrap();
    home.rpm(["start", "main.sh", "--name", "a", "--watch", "current"]).ok();
    assert_eq!(watches(&home), 3, "a loop is gone through once");
    home.write("shared/s.js", "1");
    restarted(&home, 1);
    symlink("releases/2", home.work().join("next")).unwrap();
    fs::rename(home.work().join("next"), home.work().join("current")).unwrap();
    restarted(&home, 2);
    assert_eq!(cause(&home), json!("changed current"));
    home.write("releases/2/src/a.js", "1");
    restarted(&home, 3);
    home.write("releases/1/src/a.js", "1");
    stays(&home, 3);
}

#[test]
fn a_single_file_is_watched_through_renames() {
    let home = Home::new();
    home.write("main.sh", "exec sleep 1000");
    home.rpm(["start", "main.sh", "--name", "a", "--watch", "main.sh"]).ok();
    home.write("other.sh", "1");
    stays(&home, 0);
    for count in 1..=2 {
        fs::rename(home.write("new.sh", "exec sleep 2000"), home.work().join("main.sh")).unwrap();
        restarted(&home, count);
        home.wait_status("a", Status::Online);
    }
}

#[test]
fn a_quiet_time_may_be_chosen() {
    let home = Home::new();
    begin(&home, &["--watch-delay", "1200ms"]);
    home.write("app/src/a.js", "1");
    stays(&home, 0);
    restarted(&home, 1);
}

#[test]
fn only_some_extensions_may_matter() {
    let home = Home::new();
    begin(&home, &["--ext", "js,json"]);
    home.write("app/src/a.css", "1");
    stays(&home, 0);
    home.write("app/src/a.json", "1");
    restarted(&home, 1);
}

#[test]
fn regular_expressions_of_a_javascript_file_are_understood() {
    let home = Home::new();
    home.write("main.sh", "exec sleep 1000");
    home.write("lib/gen/x.js", "");
    let file =
        "module.exports = {apps: [{name: 'a', script: 'main.sh', watch: true, ignore_watch: [/gen/, /\\.TMP$/i]}]}";
    home.write("eco.config.js", file);
    home.rpm(["start", "eco.config.js"]).ok();
    assert_eq!(watches(&home), 2);
    home.write("lib/gen/x.js", "1");
    home.write("lib/x.tmp", "1");
    stays(&home, 0);
    home.write("lib/x.js", "1");
    restarted(&home, 1);
    let wrong = "module.exports = {apps: [{name: 'b', script: 'main.sh', watch: true, ignore_watch: ['/a(b/']}]}";
    home.write("wrong.config.js", wrong);
    home.rpm(["start", "wrong.config.js"]).fails(&["ignore_watch", "/a(b/", "is no pattern"]);
}

#[test]
fn workers_are_reloaded_one_at_a_time() {
    let home = Home::new();
    home.write("web.js", include_str!("../fixtures/server.js"));
    home.write("src/a.js", "");
    home.rpm(["start", "web.js", "--name", "a", "-i", "2", "--watch=src"]).ok();
    let port = home.wait_listening("a", 2);
    watches(&home);
    home.write("src/a.js", "1");
    eventually("both are replaced, and nobody is refused", || {
        crate::support::get(port, "/").unwrap();
        home.named("a").iter().all(|process| process.restarts == 1 && process.status == Status::Online).then_some(())
    });
}

#[test]
fn watching_goes_on_over_deaths_of_the_daemon() {
    let home = Home::new();
    begin(&home, &[]);
    home.kill_daemon();
    watches(&home);
    stays(&home, 0);
    home.write("app/src/a.js", "1");
    restarted(&home, 1);
    // While nobody looks.
    let before = home.daemon();
    let guardian = home.guardian();
    crate::support::signal(guardian, crate::support::Signal::SIGSTOP);
    crate::support::signal(before.pid, crate::support::Signal::SIGKILL);
    home.write("app/src/a.js", "2");
    crate::support::signal(guardian, crate::support::Signal::SIGCONT);
    home.successor(&before);
    restarted(&home, 2);
    assert_eq!(cause(&home), json!("changed src/a.js"));
    stays(&home, 2);
}

/// Directories of a big tree, in which nothing happens, cost nothing; nor do a hundred apps that watch it.
#[test]
fn at_rest_nothing_is_done() {
    let home = Home::new();
    for directory in 0..60 {
        for below in 0..20 {
            home.write(&format!("tree/{directory}/{below}/x.js"), "");
        }
    }
    home.write("main.sh", "exec sleep 1000");
    let app = |number: u32| json!({"name": format!("app{number}"), "script": "main.sh", "watch": "tree/1", "autostart": false});
    let mut apps: Vec<Value> = (0..99).map(app).collect();
    apps.push(json!({"name": "a", "script": "main.sh", "watch": "tree", "autostart": false}));
    home.write("eco.json", json!({"apps": apps}).to_string());
    home.rpm(["start", "eco.json"]).ok();
    assert_eq!(watches(&home), 1 + 60 + 60 * 20);
    let daemon = home.daemon().pid;
    // Nothing runs, so that nothing is measured either: until a second passes without a tick.
    eventually_within(Duration::from_secs(15), "a daemon that does nothing", || {
        let before = cpu_ticks(daemon);
        crate::support::watch_for(Duration::from_secs(1), || {});
        (cpu_ticks(daemon) == before).then_some(())
    });
    // One that never ran is not begun by a change.
    home.write("tree/1/1/x.js", "1");
    never_within(A_WHILE, "a start", || home.list().iter().any(|process| process.pid.is_some()).then_some(()));
    home.rpm(["start", "a"]).ok();
    home.write("tree/7/7/x.js", "1");
    restarted(&home, 1);
}
