//! A hundred apps.

use crate::support::Home;
use rpm_native::domain::Status;

#[test]
fn a_hundred_apps_start_and_stop() {
    let home = Home::new();
    let apps: Vec<String> =
        (0..100).map(|n| format!(r#"{{"name": "app-{n:02}", "script": "sleep", "args": "1000"}}"#)).collect();
    home.write("apps.json", format!("[{}]", apps.join(",")));
    home.rpm(["start", "apps.json"]).ok();
    let list = home.list();
    assert_eq!(list.len(), 100);
    assert!(list.iter().all(|process| process.status == Status::Online && process.pid.is_some()));
    let table = home.rpm(["ls"]).ok().text();
    assert!((0..100).all(|n| table.contains(&format!("app-{n:02}"))));
    assert_eq!(home.jlist().len(), 100);
    home.rpm(["restart", "all"]).ok();
    assert!(home.list().iter().all(|process| process.restarts == 1 && process.status == Status::Online));
    home.rpm(["stop", "all"]).ok();
    let stopped = home.list();
    assert!(stopped.iter().all(|process| process.status == Status::Stopped && process.pid.is_none()));
    assert!(list.iter().all(|process| !crate::support::is_alive(process.pid.unwrap())));
    home.rpm(["delete", "all"]).ok();
    assert!(home.list().is_empty());
}

#[test]
fn many_instances_of_one_app() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "-i", "40", "--", "1000"]).ok();
    assert_eq!(home.named("a").len(), 40);
    let instances: Vec<u32> = home.named("a").iter().map(|process| process.instance).collect();
    assert_eq!(instances, (0..40).collect::<Vec<_>>());
    home.rpm(["scale", "a", "5"]).ok();
    assert_eq!(home.named("a").len(), 5);
}
