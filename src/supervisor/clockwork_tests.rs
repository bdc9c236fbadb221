use super::*;
use crate::domain::spec::{CatchUp, Job};
use tempfile::TempDir;

const HOUR: i64 = 3_600_000;

fn restart() -> Schedule {
    Schedule { restart: Some("0 * * * *".into()), time_zone: Some("UTC".into()), job: None }
}

fn job(catch_up: CatchUp) -> Schedule {
    let job = Job { cron: Some("0 * * * *".into()), catch_up, ..Job::default() };
    Schedule { restart: None, time_zone: Some("UTC".into()), job: Some(job) }
}

fn armed(directory: &TempDir, schedule: &Schedule, adoption: Adoption, now: UnixMs) -> Armed {
    Armed::new(schedule.clone(), DiaryFile::new(directory.path().join("app.json")), adoption, now)
}

#[test]
fn a_time_is_acted_on_once_over_any_number_of_daemons() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = armed(&directory, &restart(), Adoption::No, 10 * HOUR + 5);
    assert_eq!(first.next, Some(11 * HOUR));
    assert_eq!(first.tick(11 * HOUR - 1), Due::NotYet);
    assert_eq!(first.tick(11 * HOUR + 3), Due::Now);
    assert_eq!(first.tick(11 * HOUR + 3), Due::NotYet);
    // Killed before that was written: the next one acts.
    let mut second = armed(&directory, &restart(), Adoption::Yes, 11 * HOUR + 400);
    assert_eq!(second.tick(11 * HOUR + 400), Due::Now);
    second.save();
    // Killed after it: it doesn't, whatever the clock says.
    for now in [11 * HOUR + 900, 11 * HOUR - 2000] {
        let mut third = armed(&directory, &restart(), Adoption::Yes, now);
        assert_eq!((third.tick(now), third.next), (Due::NotYet, Some(12 * HOUR)), "{now}");
    }
}

#[test]
fn many_missed_restarts_are_one() {
    let directory = tempfile::tempdir().unwrap();
    armed(&directory, &restart(), Adoption::No, 10 * HOUR);
    let mut woken = armed(&directory, &restart(), Adoption::Yes, 500 * HOUR + 7);
    assert_eq!(woken.tick(500 * HOUR + 7), Due::Now);
    assert_eq!((woken.tick(500 * HOUR + 7), woken.next), (Due::NotYet, Some(501 * HOUR)));
    // One that nobody has taken over begins anew.
    let mut anew = armed(&directory, &restart(), Adoption::No, 500 * HOUR + 7);
    assert_eq!((anew.tick(500 * HOUR + 7), anew.next), (Due::NotYet, Some(501 * HOUR)));
}

#[test]
fn a_job_catches_up_if_it_wants_to() {
    for (catch_up, expected) in [(CatchUp::Once, Due::CatchUp), (CatchUp::None, Due::Missed)] {
        let directory = tempfile::tempdir().unwrap();
        armed(&directory, &job(catch_up), Adoption::No, 10 * HOUR + 1);
        // Stopped in order, and loaded again after days.
        let now = 90 * HOUR + 30 * 60_000;
        let mut later = armed(&directory, &job(catch_up), Adoption::No, now);
        assert_eq!(later.tick(now), expected);
        assert_eq!((later.tick(now), later.next), (Due::NotYet, Some(91 * HOUR)));
    }
}

#[test]
fn another_pattern_begins_anew_and_keeps_the_history() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = armed(&directory, &job(CatchUp::Once), Adoption::No, 10 * HOUR);
    first.diary.history.skipped = 3;
    first.save();
    let mut other = job(CatchUp::Once);
    other.time_zone = Some("Asia/Kolkata".into());
    let second = armed(&directory, &other, Adoption::No, 90 * HOUR);
    assert_eq!((second.next, second.diary.history.skipped), (Some(90 * HOUR + HOUR / 2), 3));
}

#[test]
fn a_clock_that_was_wrong_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let mut app = armed(&directory, &restart(), Adoption::No, 900 * HOUR + 1);
    // A month too late, then set right.
    assert_eq!(app.tick(200 * HOUR + 5), Due::NotYet);
    assert_eq!(app.next, Some(201 * HOUR));
}

#[test]
fn what_cannot_be_kept_is_said() {
    let told = |schedule: Schedule| read(&schedule).unwrap_err();
    let mut wrong = restart();
    wrong.restart = Some("61 * * * *".into());
    assert!(told(wrong).contains("minute (column 1)"));
    let mut wrong = restart();
    wrong.restart = Some("0 0 31 2 *".into());
    assert!(told(wrong).contains("never comes"));
    let mut wrong = restart();
    wrong.time_zone = Some("Europe/Nowhere".into());
    assert_eq!(told(wrong), "this machine knows no time zone \"Europe/Nowhere\"");
    assert!(read(&Schedule::default()).unwrap().is_none());
}
