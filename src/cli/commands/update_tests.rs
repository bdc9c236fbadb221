//! `update`, `ping` and `describe daemon` against a daemon of our own making.

use super::fake::{Fake, info};
use crate::api::{ApiError, Code, DaemonInfo, UpdateReport};
use crate::domain::Status;
use serde_json::Value;

#[expect(clippy::unnecessary_wraps, reason = "as it stands in DaemonInfo")]
fn report(at: i64, failed: Option<&str>) -> Option<UpdateReport> {
    Some(UpdateReport { at, program: "/p".into(), failed: failed.map(str::to_owned) })
}

fn fake(pings: Vec<DaemonInfo>) -> Fake {
    Fake { pings: pings.into(), ..Fake::default() }
}

fn next(report: Option<UpdateReport>) -> DaemonInfo {
    DaemonInfo { version: "2".into(), generation: 2, processes: 12, last_update: report, ..info() }
}

#[test]
fn it_waits_for_the_next_daemon_and_tells_both_versions() {
    let before = DaemonInfo { last_update: report(1, Some("long ago")), ..info() };
    // A daemon that has died meanwhile, and knows nothing of an update, is not the one that is waited for.
    let unknowing = next(before.last_update.clone());
    let pings = || vec![before.clone(), before.clone(), unknowing.clone(), next(report(2, None))];
    let out = fake(pings()).run("update --program /bin/sh").succeeded();
    assert_eq!(out, "updated 0 -> 2, 12 processes run on (no restart)\n");
    let out = fake(pings()).run("update --program /bin/sh --json").succeeded();
    let outcome: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&outcome["from"], &outcome["to"], &outcome["failed"]), (&"0".into(), &"2".into(), &Value::Null));
}

#[test]
fn one_that_did_not_take_over_is_a_failure() {
    let back = DaemonInfo { generation: 3, last_update: report(2, Some("it hangs")), ..info() };
    let ran = fake(vec![info(), back]).run("update --program /bin/sh");
    assert!(ran.err.starts_with("error: update failed, still on 0: /p: it hangs\n"), "{}", ran.err);
    assert!(ran.told_failure());
}

#[test]
fn one_that_fails_its_check_is_a_failure() {
    let refusal = Some(ApiError::new(Code::UpdateFailed, "it is too old"));
    let ran = Fake { refusal, ..Fake::default() }.run("update --program /bin/sh");
    assert_eq!(ran.err, "error: update failed, still on 0: it is too old\n");
    assert!(ran.told_failure());
    let (message, _) = Fake::default().run("update --program /no/such/file").failed();
    assert!(message.starts_with("/no/such/file cannot be the daemon"), "{message}");
}

#[test]
fn without_a_daemon_there_is_nothing_to_do() {
    let out = Fake { absent: true, ..Fake::default() }.run("update").succeeded();
    assert!(out.starts_with("no daemon is running"), "{out}");
}

#[test]
fn ping_into_a_pipe_is_as_scripts_know_it() {
    assert_eq!(Fake::default().run("ping").succeeded(), "{ msg: 'pong' }\n");
    assert!(Fake::default().run("ping --json").succeeded().contains("\"generation\":1"));
}

#[test]
fn describe_daemon_means_an_app_of_that_name_first() {
    let out = Fake::default().run("describe daemon").succeeded();
    assert!(out.starts_with("daemon\n\nwhat it is\n"), "{out}");
    let out = Fake::with(&[(0, "daemon", Status::Online)]).run("describe daemon").succeeded();
    assert!(out.starts_with("daemon (0)"), "{out}");
}
