//! `scale`: more processes of an app, or fewer, while it serves.

use crate::support::{Home, Load, eventually, get, is_alive};
use rpm_native::domain::Status;
use std::collections::BTreeSet;

fn ids(home: &Home) -> Vec<u32> {
    home.named("app").iter().map(|process| process.id.0).collect()
}

#[test]
fn up_and_down_under_load() {
    let home = Home::new();
    home.write("app.js", include_str!("../fixtures/server.js"));
    home.rpm(["start", "app.js", "-i", "1"]).ok();
    let port = home.port("app-out-0.log");
    let load = Load::of_new_connections(port, 2);
    let told = home.rpm(["scale", "app", "3"]).ok().text();
    assert!(told.contains("from 1 to 3"), "{told}");
    assert_eq!(ids(&home), [0, 1, 2]);
    eventually("all three answer", || {
        let seen: BTreeSet<String> = (0..12).map(|_| get(port, "/").unwrap().body).collect();
        (seen.len() == 3).then_some(())
    });
    let first = home.named("app")[0].pid.unwrap();
    home.rpm(["scale", "app", "-1"]).ok();
    // The lowest ids go first, as with PM2.
    assert_eq!(ids(&home), [1, 2]);
    assert!(!is_alive(first));
    home.rpm(["scale", "app", "1"]).ok();
    home.rpm(["scale", "app", "+1"]).ok();
    assert_eq!(ids(&home), [2, 3]);
    assert!(home.named("app").iter().all(|process| process.status == Status::Online));
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
    assert!(outcome.total() > 50);
}

#[test]
fn freed_instance_numbers_are_used_again() {
    let home = Home::new();
    home.write("app.js", "console.log('number ' + process.env.NODE_APP_INSTANCE); setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    home.rpm(["scale", "app", "1"]).ok();
    home.rpm(["scale", "app", "2"]).ok();
    assert_eq!(home.told("app-out-2.log", "number "), "0");
}

#[test]
fn to_what_makes_no_sense() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "app", "--", "1000"]).ok();
    home.rpm(["scale", "app", "1"]).fails(&["app", "1 process", "already"]);
    home.rpm(["scale", "app", "+0"]).fails(&["already"]);
    home.rpm(["scale", "app", "-5"]).fails(&["app"]);
    home.rpm(["scale", "app", "many"]).fails(&["number"]);
    home.rpm(["scale", "nobody", "2"]).fails(&["nobody"]);
    assert_eq!(home.named("app").len(), 1);
    // Fork apps have more processes too.
    home.rpm(["scale", "app", "3"]).ok();
    assert_eq!(home.named("app").len(), 3);
}
