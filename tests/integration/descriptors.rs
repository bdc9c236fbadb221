//! A daemon that runs out of file descriptors.

use crate::support::{Home, Program, is_alive};
use rpm_native::domain::Status;

#[test]
fn without_descriptors_it_refuses_and_keeps_what_runs() {
    let home = Home::new();
    // The daemon inherits the limit of the command that launches it; the hard one too, so that it cannot raise it.
    Program::new("prlimit")
        .args(["--nofile=64:64"])
        .args([home.program()])
        .args(["start", "sleep", "--name", "first", "--", "1000"])
        .env("RPM_HOME", home.root())
        .cwd(&home.work())
        .run()
        .ok();
    let daemon = home.daemon().pid;
    let first = home.pid("first");
    let mut refused = None;
    for number in 0..40 {
        let done = home.rpm(["start", "sleep", "--name", &format!("more-{number}"), "--", "1000"]);
        if done.code() != Some(0) {
            refused = Some(done);
            break;
        }
    }
    let refused = refused.expect("64 descriptors are enough for 41 apps");
    refused.fails(&["more-"]);
    assert_eq!(home.daemon().pid, daemon);
    assert!(is_alive(first));
    // Who asks is answered all the same, and the list can be written.
    home.rpm(["save"]).ok();
    home.rpm(["set", "first:key", "1"]).ok();
    let first = home.pid("first");
    let before = home.named("first")[0].clone();
    assert_eq!((before.status, before.pid), (Status::Online, Some(first)));
    // Room again: it goes on.
    home.rpm(["delete", "/^more-/"]).ok();
    home.rpm(["start", "sleep", "--name", "after", "--", "1000"]).ok();
    home.rpm(["restart", "first"]).ok();
}
