//! Users: a home is its owner's alone, and needs no root.

use crate::support::{Home, eventually, is_root};
use rpm_native::domain::Status;
use std::os::unix::fs::{PermissionsExt, chown};

#[test]
fn the_home_of_somebody_else_is_refused() {
    if !is_root() {
        return eprintln!("skipped: only root can act as somebody else");
    }
    let home = Home::of_nobody();
    let theirs = home.temporary().join("theirs");
    for mode in [0o700, 0o755] {
        std::fs::create_dir(&theirs).unwrap();
        chown(&theirs, Some(0), Some(0)).unwrap();
        std::fs::set_permissions(&theirs, std::fs::Permissions::from_mode(mode)).unwrap();
        for command in [&["ls"][..], &["start", "sleep", "--", "1000"], &["jlist"]] {
            let done = home.command(command.iter().copied()).env("RPM_HOME", &theirs).run();
            done.fails(&["root", "RPM_HOME"]);
        }
        assert_eq!(std::fs::read_dir(&theirs).unwrap().count(), 0);
        std::fs::remove_dir(&theirs).unwrap();
    }
}

#[test]
fn the_socket_of_somebody_else_is_refused() {
    if !is_root() {
        return eprintln!("skipped: only root can act as somebody else");
    }
    let home = Home::new();
    home.daemon();
    // Even where its modes were opened wide.
    for path in [home.temporary(), home.root(), &home.root().join("rpm.sock")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let other = Home::of_nobody();
    let done = other.command(["ls"]).env("RPM_HOME", home.root()).run();
    assert_eq!(done.code(), Some(1), "{}", done.told());
    home.rpm(["ls"]).ok();
}

#[test]
fn it_needs_no_root() {
    if !is_root() {
        return eprintln!("skipped: all the other tests show it, when they are not run by root");
    }
    let home = Home::of_nobody();
    home.write("app.js", "console.log(`uid ${process.getuid()}`); setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    assert_eq!(home.told("app-out-0.log", "uid "), "65534");
    home.rpm(["restart", "app"]).ok();
    home.rpm(["reload", "app"]).ok();
    assert!(home.named("app").iter().all(|process| process.status == Status::Online));
    home.rpm(["stop", "app"]).ok();
    home.rpm(["delete", "all"]).ok();
    assert!(home.list().is_empty());
}

#[test]
fn roots_daemon_runs_an_app_as_another_user() {
    if !is_root() {
        return eprintln!("skipped: only root can run an app as somebody else");
    }
    let home = Home::new();
    let line = "echo user $(id -u); echo groups $(id -G); echo anew > /dev/stdout; exec sleep 1000";
    home.rpm(["start", line, "--name", "theirs", "--cwd", "/", "--uid", "nobody"]).ok();
    assert_eq!(home.told("theirs-out.log", "user "), "65534");
    assert_eq!(home.told("theirs-out.log", "groups "), "65534");
    // A pipe can be opened anew by its owner only.
    eventually("the line comes", || home.lines("theirs-out.log").contains(&"anew".to_owned()).then_some(()));
    home.rpm(["start", line, "--name", "numbers", "--cwd", "/", "--user", "54321", "--gid", "7"]).ok();
    assert_eq!(home.told("numbers-out.log", "user "), "54321");
    assert_eq!(home.told("numbers-out.log", "groups "), "7");
    home.rpm(["start", line, "--name", "lost", "--cwd", "/", "--uid", "54321"]).fails(&["54321", "give a group too"]);
    home.rpm(["start", line, "--name", "unknown", "--uid", "no-such-user"]).fails(&["there is no user no-such-user"]);
    // Its directory is root's alone.
    std::fs::set_permissions(home.work(), std::fs::Permissions::from_mode(0o700)).unwrap();
    home.rpm(["start", line, "--name", "closed", "--uid", "nobody"]).fails(&["working directory", "cannot be entered"]);
}

#[test]
fn others_run_apps_as_themselves_only() {
    if !is_root() {
        return eprintln!("skipped: only root can act as somebody else");
    }
    let home = Home::of_nobody();
    home.rpm(["start", "sleep", "--name", "own", "--uid", "nobody", "--", "1000"]).ok();
    let refused = home.rpm(["start", "sleep", "--name", "others", "--uid", "root", "--", "1000"]);
    refused.fails(&["only root", "take uid and gid away"]);
}
