//! Jobs: programs that run and end.

use crate::support::{Home, eventually, never_within};
use rpm_native::domain::{Outcome, Status};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A job from an application file.
fn job(home: &Home, script: &str, more: &Value) {
    home.write("job.sh", script);
    let mut app = json!({"name": "job", "script": "job.sh", "job": true});
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    home.write("eco.json", json!({"apps": [app]}).to_string());
    home.rpm(["start", "eco.json"]).ok();
}

fn told(home: &Home) -> Value {
    let jobs: Value = serde_json::from_slice(&home.rpm(["jobs", "--json", "-s"]).ok().out).unwrap();
    assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs}");
    jobs[0].clone()
}

fn runs(home: &Home) -> Vec<Value> {
    told(home)["runs"].as_array().unwrap().clone()
}

/// Waits for a run that has ended, as the last of so many.
#[track_caller]
fn ended(home: &Home, count: usize) -> Vec<Value> {
    eventually(&format!("{count} runs have ended"), || {
        let runs = runs(home);
        (runs.len() >= count && runs.iter().take(count).all(|run| !run["ended_at"].is_null())).then_some(runs)
    })
}

/// A script that runs until the file is there.
fn until(file: &Path) -> String {
    format!("echo begun\nwhile [ ! -e {} ]; do sleep 0.02; done\n", file.display())
}

#[test]
fn a_job_runs_by_the_clock_and_not_when_it_is_listed() {
    let home = Home::new();
    job(&home, "echo ran; exit 3", &json!({"cron": "0 0 1 1 *"}));
    let process = home.process("job");
    assert_eq!((process.status, process.restarts, process.job), (Status::Stopped, 0, true));
    assert!(process.next_run.is_some() && runs(&home).is_empty());
    home.rpm(["restart", "all"]).ok();
    home.rpm(["reload", "job"]).ok();
    assert!(home.rpm(["start", "eco.json"]).ok().text().contains("listed, and runs when it is due: job (0)"));
    assert!(runs(&home).is_empty(), "only its clock and run begin it");

    home.rpm(["restart", "job", "--as-is", "--cron-restart", "* * * * * *"]).ok();
    let runs = ended(&home, 2);
    assert_eq!((&runs[0]["outcome"], &runs[0]["trigger"]), (&json!({"code": 3}), &json!("schedule")));
    let process = home.wait_status("job", Status::Stopped);
    assert_eq!((process.exit, process.restarts), (Some(Outcome::Code(3)), 0), "a job is not restarted");
}

#[test]
fn a_job_runs_by_hand_and_its_exit_code_is_its_result() {
    let home = Home::new();
    job(&home, "[ -e good ]", &json!({}));
    assert_eq!(told(&home)["next_run"], json!(null));
    let failed = home.rpm(["run", "job", "--wait"]);
    failed.fails(&["has failed: exit code 1"]);
    home.write("good", "");
    assert!(home.rpm(["run", "job", "--wait"]).ok().text().contains("job (0) has ended: exit code 0"));
    let codes: Vec<_> = runs(&home).iter().map(|run| run["outcome"].clone()).collect();
    assert_eq!(codes, [json!({"code": 1}), json!({"code": 0})]);
    let text = home.rpm(["jobs", "job"]).ok().text();
    assert!(text.contains("exit code 1") && text.contains("by hand"), "{text}");
    assert!(home.rpm(["jobs"]).ok().text().contains("exit code 0"));
    // Of something else.
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    home.rpm(["run", "a"]).fails(&["a is no job", "rpm restart"]);
    home.rpm(["jobs", "a"]).fails(&["no job"]);
}

#[test]
fn runs_that_would_overlap_are_skipped() {
    let home = Home::new();
    let go = home.work().join("go");
    job(&home, &until(&go), &json!({"cron": "* * * * * *"}));
    eventually("some are skipped", || (told(&home)["skipped"].as_u64() >= Some(2)).then_some(()));
    assert_eq!(runs(&home).len(), 1);
    home.rpm(["run", "job"]).fails(&["is under way", "rpm stop"]);
    std::fs::write(&go, "").unwrap();
    ended(&home, 2);
}

#[test]
fn one_run_waits_for_the_end_of_another() {
    let home = Home::new();
    let go = home.work().join("go");
    job(&home, &until(&go), &json!({"overlap": "queue"}));
    home.rpm(["run", "job"]).ok();
    home.rpm(["run", "job"]).ok();
    home.rpm(["run", "job"]).ok();
    assert_eq!((told(&home)["queued"].as_bool(), runs(&home).len()), (Some(true), 1));
    home.kill_daemon();
    assert_eq!((told(&home)["queued"].as_bool(), runs(&home).len()), (Some(true), 1));
    std::fs::write(&go, "").unwrap();
    let runs = ended(&home, 2);
    assert_eq!((runs.len(), &runs[1]["trigger"]), (2, &json!("queue")), "however many asked, one follows");
}

#[test]
fn a_newer_run_takes_the_place_of_an_older() {
    let home = Home::new();
    job(&home, "echo begun; exec sleep 1000", &json!({"overlap": "replace"}));
    home.rpm(["run", "job"]).ok();
    let first = home.pid("job");
    home.rpm(["run", "job"]).ok();
    assert_ne!(home.pid("job"), first);
    let runs = eventually("both are noted", || Some(runs(&home)).filter(|runs| runs.len() == 2));
    assert_eq!(runs[0]["outcome"], json!({"signal": 2}));
    assert_eq!((&runs[1]["ended_at"], &runs[1]["trigger"]), (&json!(null), &json!("manual")));
    home.rpm(["stop", "job"]).ok();
    assert_eq!(ended(&home, 2).len(), 2);
}

#[test]
fn a_run_that_takes_too_long_is_ended_by_whichever_daemon() {
    let home = Home::new();
    job(&home, "exec sleep 1000", &json!({"job_timeout": "1500ms"}));
    home.rpm(["run", "job"]).ok();
    home.kill_daemon();
    let runs = ended(&home, 1);
    assert_eq!((&runs[0]["timed_out"], &runs[0]["outcome"]), (&json!(true), &json!({"signal": 2})));
    assert!(home.rpm(["jobs", "job"]).ok().text().contains("took too long"));
    assert_eq!(home.wait_status("job", Status::Stopped).pid, None);
}

#[test]
fn a_run_goes_on_while_daemons_die_and_its_end_is_known() {
    let home = Home::new();
    let go = home.work().join("go");
    job(&home, &format!("{}exit 5\n", until(&go)), &json!({}));
    home.rpm(["run", "job"]).ok();
    let pid = home.pid("job");
    home.kill_daemon();
    assert_eq!(home.pid("job"), pid);
    let before = home.daemon();
    // It ends while nobody is there, or nearly so.
    crate::support::signal(before.pid, crate::support::Signal::SIGKILL);
    std::fs::write(&go, "").unwrap();
    home.successor(&before);
    let runs = ended(&home, 1);
    assert_eq!((runs.len(), &runs[0]["outcome"], &runs[0]["trigger"]), (1, &json!({"code": 5}), &json!("manual")));
}

#[test]
fn what_was_missed_is_made_up_for_if_the_job_wants_it() {
    for (catch_up, expected) in [(true, 1), (false, 0)] {
        let home = Home::new();
        job(&home, "true", &json!({"cron": "0 0 1 1 *", "catch_up": catch_up}));
        home.rpm(["kill"]).ok();
        // As if it had last run before the last new year.
        let diary = home.root().join("schedule/job.json");
        let mut text: Value = serde_json::from_slice(&std::fs::read(&diary).unwrap()).unwrap();
        text["since"] = json!(1_600_000_000_000_i64);
        std::fs::write(&diary, text.to_string()).unwrap();
        home.rpm(["start", "eco.json"]).ok();
        let counts = eventually("it is dealt with", || {
            let job = told(&home);
            let counts = (job["runs"].as_array().unwrap().len(), job["missed"].as_u64().unwrap());
            (counts != (0, 0)).then_some(counts)
        });
        assert_eq!(counts, (expected, 1 - expected as u64), "{catch_up}");
        if catch_up {
            assert_eq!(ended(&home, 1)[0]["trigger"], json!("catch_up"));
        }
    }
}

#[test]
fn a_job_has_one_process_and_its_failure_to_start_is_told() {
    let home = Home::new();
    home.write(
        "eco.json",
        json!({"apps": [{"name": "j", "script": "sleep", "job": true, "instances": 2}]}).to_string(),
    );
    home.rpm(["start", "eco.json"]).fails(&["a job has one process"]);
    job(&home, "exec sleep 1000", &json!({"cwd": "."}));
    std::fs::remove_file(home.work().join("job.sh")).unwrap();
    home.rpm(["run", "job"]).fails(&["did not start"]);
    assert!(runs(&home)[0]["outcome"]["not_started"].is_number());
    never_within(Duration::from_millis(300), "another run", || (runs(&home).len() > 1).then_some(()));
    home.rpm(["delete", "job"]).ok();
    assert!(!home.root().join("schedule").exists());
}
