//! Users: a home is its owner's alone, and needs no root.

use crate::support::{Home, is_root};
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
