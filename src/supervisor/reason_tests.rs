use super::*;
use crate::domain::SpawnId;
use crate::domain::lifecycle::State;
use crate::domain::readiness::Awaited;
use crate::domain::spec::{Interpreter, Program};
use crate::process::{Condition, ExitFact};

const NOW: BootMs = 50_000;

fn app() -> AppSpec {
    let program = Program {
        path: "/srv/api.js".into(),
        interpreter: Interpreter::Named("node".into()),
        interpreter_args: Vec::new(),
    };
    AppSpec::new("api", program)
}

fn seen(phase: Phase, cause: Cause, last_exit: Option<Outcome>) -> Observed {
    Observed {
        state: State { phase, cause, last_exit, run: SpawnId(4), ..State::new(0) },
        pid: None,
        started_at: None,
        listening: false,
        said_ready: false,
        open: None,
        reading_secrets: false,
        launch_error: None,
        condition: Condition::default(),
        unwell: None,
        last_exit: None,
        version: None,
        warnings: Vec::new(),
        cgroup: None,
    }
}

#[track_caller]
fn says(spec: &AppSpec, seen: &Observed, last_words: Option<&str>, expected: &str) {
    let reason =
        Reason { spec, seen, waits_since_boot: false, held: None, refused: None, memory: None, last_words, now: NOW };
    assert_eq!(reason.sentence().as_deref().unwrap_or_default(), expected);
}

#[test]
fn what_has_failed_says_how_often_and_with_what() {
    let failed = |cause| seen(Phase::Errored, cause, Some(Outcome::Code(1)));
    let words = "Cannot find module x";
    says(
        &app(),
        &failed(Cause::Unstable(16)),
        Some(words),
        "errored: 16 exits within 1 s each; last: exit code 1, 'Cannot find module x'",
    );
    says(&app(), &failed(Cause::Unstable(1)), None, "errored: 1 exit within 1 s; last: exit code 1");
    let mut windowed = app();
    windowed.restart.restart_window = Some(300_000);
    says(
        &windowed,
        &failed(Cause::Window(5)),
        Some("it's gone"),
        "errored: 5 exits within 5 min; last: exit code 1, \"it's gone\"",
    );
    let mut missing = seen(Phase::Errored, Cause::NotStarted, Some(Outcome::NotStarted(libc::ENOENT)));
    says(&app(), &missing, None, "errored: it could not be executed: No such file or directory (os error 2)");
    missing.launch_error = Some("its interpreter node is not in its PATH".into());
    says(&app(), &missing, None, "errored: its interpreter node is not in its PATH");
}

#[test]
fn what_waits_says_for_what_and_how_long() {
    let waiting = |left, cause| seen(Phase::WaitingRestart { until: NOW + left }, cause, Some(Outcome::Signal(11)));
    says(
        &app(),
        &waiting(210, Cause::Backoff(338)),
        None,
        "waiting restart: back-off 338 ms, in 0.2 s; last: ended by SIGSEGV",
    );
    says(
        &app(),
        &waiting(12_345, Cause::Delay(15_500)),
        None,
        "waiting restart: restart_delay 15.5 s, in 12 s; last: ended by SIGSEGV",
    );
    says(
        &app(),
        &waiting(9_999, Cause::Budget(7)),
        None,
        "waiting restart (machine budget), in 10.0 s; last: ended by SIGSEGV",
    );
    let no_room = seen(Phase::WaitingRestart { until: 0 }, Cause::NoRoom, Some(Outcome::NotStarted(libc::EAGAIN)));
    says(
        &app(),
        &no_room,
        None,
        "waiting restart: in 0.0 s; last: it could not be executed: Resource temporarily unavailable (os error 11)",
    );
}

#[test]
fn what_is_stopped_says_who_or_what_stopped_it() {
    let stopped = |cause, exit| seen(Phase::Stopped, cause, Some(exit));
    says(&app(), &stopped(Cause::Command, Outcome::Signal(2)), None, "stopped by a command");
    says(
        &app(),
        &stopped(Cause::Succeeded, Outcome::Code(0)),
        None,
        "stopped: it exited with code 0, which is its end",
    );
    says(
        &app(),
        &stopped(Cause::FinalCode, Outcome::Code(42)),
        None,
        "stopped: it exited with code 42, one of its stop_exit_codes",
    );
    says(
        &app(),
        &stopped(Cause::NoAutorestart, Outcome::Signal(9)),
        None,
        "stopped: it was ended by SIGKILL, and autorestart is off",
    );
    let mut new = seen(Phase::Stopped, Cause::None, None);
    new.state.run = SpawnId(0);
    says(&app(), &new, None, "stopped, not started since this machine began");
}

#[test]
fn what_is_under_way_says_how_far_it_is() {
    let mut patient = app();
    patient.ready.wait_ready = true;
    let mut launching = seen(Phase::Launching { deadline: NOW + 2_100 }, Cause::None, None);
    says(&app(), &launching, None, "");
    launching.condition.missing = Some(Awaited::Word);
    says(&patient, &launching, None, "launching: waits for 'ready', 2.1 s left");
    launching.state.phase = Phase::Online;
    says(&patient, &launching, None, "online: not ready, it waits for 'ready'");
    let stopping = |step, then| seen(Phase::Stopping { step, deadline: NOW + 4_200, then }, Cause::None, None);
    says(&app(), &stopping(StopStep::Main, Then::Stay), None, "stopping: was sent SIGINT, SIGKILL in 4.2 s");
    says(
        &app(),
        &stopping(StopStep::RestKilled, Then::Restart),
        None,
        "stopping: what it left behind was sent SIGKILL; then it is started again",
    );
    says(&app(), &seen(Phase::Online, Cause::None, None), None, "");
    let online = seen(Phase::Online, Cause::None, None);
    let refused = Reason {
        waits_since_boot: false,
        spec: &app(),
        seen: &online,
        held: None,
        refused: Some("port 80".into()),
        memory: None,
        last_words: None,
        now: NOW,
    };
    assert_eq!(refused.sentence().unwrap(), "online: it cannot listen on port 80");
}

#[test]
fn who_was_not_well_says_what_was_wrong() {
    let mut unwell = seen(Phase::Stopped, Cause::NoAutorestart, Some(Outcome::Signal(2)));
    unwell.unwell = Some(Box::new((SpawnId(4), "it was not well: its live probe failed".into())));
    let exit = |run| ExitFact { run: SpawnId(run), outcome: Outcome::Signal(2), cpu_us: 0, max_rss: 0, at: NOW };
    unwell.last_exit = Some(exit(4));
    let told = "stopped: it was ended by SIGINT (it was not well: its live probe failed), and autorestart is off";
    says(&app(), &unwell, None, told);
    unwell.last_exit = Some(exit(5));
    says(&app(), &unwell, None, "stopped: it was ended by SIGINT, and autorestart is off");
    unwell.state.phase = Phase::Stopping { step: StopStep::Main, deadline: NOW + 4_200, then: Then::Unwell };
    let told = "stopping: was sent SIGINT, SIGKILL in 4.2 s; it was not well: its live probe failed";
    says(&app(), &unwell, None, told);
}

#[test]
fn who_waits_for_others_says_for_whom() {
    let seen = seen(Phase::Held, Cause::None, None);
    let held = Some("db (ready), which is errored".into());
    let reason = Reason {
        spec: &app(),
        seen: &seen,
        waits_since_boot: false,
        held,
        refused: None,
        memory: None,
        last_words: None,
        now: NOW,
    };
    assert_eq!(reason.sentence().unwrap(), "launching: waits for db (ready), which is errored");
}
