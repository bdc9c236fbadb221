//! Whether it is over, and with which exit code.

use crate::api::Process;
use crate::domain::{Outcome, Status};
use crate::sys::signal;

/// PM2's code for "nothing runs any more", where no app has one that says more.
const NOTHING_RUNS: u8 = 2;
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
const ENOENT: i32 = 2;
const SIGKILL: i32 = 9;

/// `None` while something runs, or will by itself: restarted, or at a time.
pub(super) fn verdict(processes: &[Process]) -> Option<u8> {
    if processes.iter().any(goes_on) {
        return None;
    }
    let failed = processes.iter().filter_map(code).find(|code| *code != 0);
    let is_well = processes.iter().any(|process| process.exit == Some(Outcome::Code(0)))
        && !processes.iter().any(|process| process.status == Status::Errored);
    Some(failed.unwrap_or(if is_well { 0 } else { NOTHING_RUNS }))
}

fn goes_on(process: &Process) -> bool {
    let rests = matches!(process.status, Status::Stopped | Status::Errored);
    !rests || process.job || process.next_run.is_some()
}

/// The exit code that a shell would give to its last run.
fn code(process: &Process) -> Option<u8> {
    Some(match process.exit? {
        Outcome::Code(code) => code as u8,
        Outcome::Signal(number) => signal::exit_code(number),
        Outcome::OomKilled => signal::exit_code(SIGKILL),
        Outcome::NotStarted(ENOENT) => NOT_FOUND,
        Outcome::NotStarted(_) => NOT_EXECUTABLE,
        Outcome::Unknown => NOTHING_RUNS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn process(status: Status, exit: Option<Outcome>) -> Process {
        let process = json!({"id": 0, "name": "a", "namespace": "default", "version": null, "mode": "fork", "instance": 0,
            "pid": null, "status": status, "restarts": 0, "unstable_restarts": 0, "started_at": null, "created_at": 0,
            "cpu": 0.0, "memory": 0, "username": null, "exit": exit, "reason": null});
        serde_json::from_value(process).unwrap()
    }

    /// How the processes are, and have ended; the exit code.
    type Case<'a> = (&'a [(Status, Option<Outcome>)], Option<u8>);

    #[test]
    fn the_code_of_what_has_ended() {
        use Status::{Errored, Launching, Online, Stopped, Stopping, WaitingRestart};
        let table: &[Case<'_>] = &[
            (&[], Some(2)),
            (&[(Online, None)], None),
            (&[(Launching, None)], None),
            (&[(Stopping, None)], None),
            (&[(WaitingRestart, Some(Outcome::Code(1)))], None),
            (&[(Stopped, Some(Outcome::Code(3))), (Online, None)], None),
            (&[(Stopped, Some(Outcome::Code(0)))], Some(0)),
            (&[(Stopped, Some(Outcome::Code(3)))], Some(3)),
            (&[(Stopped, Some(Outcome::Code(0))), (Stopped, Some(Outcome::Code(4)))], Some(4)),
            (&[(Errored, Some(Outcome::Code(1)))], Some(1)),
            (&[(Errored, Some(Outcome::Code(0)))], Some(2)),
            (&[(Stopped, None)], Some(2)),
            (&[(Stopped, Some(Outcome::Signal(15)))], Some(143)),
            (&[(Errored, Some(Outcome::OomKilled))], Some(137)),
            (&[(Errored, Some(Outcome::NotStarted(2)))], Some(127)),
            (&[(Errored, Some(Outcome::NotStarted(13)))], Some(126)),
        ];
        for (processes, expected) in table {
            let processes: Vec<_> = processes.iter().map(|(status, exit)| process(*status, *exit)).collect();
            assert_eq!(verdict(&processes), *expected, "{processes:?}");
        }
    }

    #[test]
    fn what_comes_back_by_the_clock_is_not_over() {
        let job = Process { job: true, ..process(Status::Stopped, Some(Outcome::Code(0))) };
        let restarted = Process { next_run: Some(1), ..process(Status::Stopped, Some(Outcome::Code(0))) };
        assert_eq!((verdict(&[job]), verdict(&[restarted])), (None, None));
    }
}
