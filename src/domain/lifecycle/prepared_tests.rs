//! Runs that wait for something before they are executed.

use super::tests::Sim;
use super::*;
use crate::domain::{Outcome, SpawnId, Status};

/// Asked to start, and not executed yet.
fn preparing() -> Sim {
    let mut sim = Sim::new();
    sim.waits_for_ready = true;
    sim.now = 1_000;
    sim.send(Event::Start);
    assert_eq!(sim.state.status(), Status::Launching);
    sim
}

#[test]
fn its_time_begins_when_it_is_executed() {
    let mut sim = preparing();
    let run = sim.state.run;
    sim.now = 9_000;
    sim.send(Event::Prepared(run));
    assert_eq!(sim.state.started_at, 9_000);
    assert_eq!(sim.state.deadline(), Some(9_000 + LISTEN_TIMEOUT));
    // What was waited for is no uptime: this run was short.
    sim.now = 9_500;
    sim.crash();
    assert_eq!(sim.state.unstable, 1);
}

#[test]
fn of_another_run_or_too_late_it_says_nothing() {
    let mut sim = preparing();
    let before = sim.state;
    sim.now = 2_000;
    sim.send(Event::Prepared(SpawnId(before.run.0 + 1)));
    assert_eq!(sim.state, before);
    sim.send(Event::Ready(before.run));
    let online = sim.state;
    sim.send(Event::Prepared(before.run));
    assert_eq!(sim.state, online);
    sim.send(Event::Stop);
    let stopping = sim.state;
    sim.send(Event::Prepared(before.run));
    assert_eq!(sim.state, stopping);
}

#[test]
fn one_that_is_to_end_before_it_is_executed_ends_at_once() {
    for (event, then) in [(Event::Stop, Status::Stopped), (Event::Delete, Status::Stopped)] {
        let mut sim = preparing();
        let run = sim.state.run;
        sim.send(event);
        sim.send(Event::NotStarted(run, 125));
        assert_eq!((sim.state.status(), sim.state.last_exit), (then, None));
    }
}

#[test]
fn without_its_secrets_it_is_tried_again_after_a_while() {
    let mut sim = preparing();
    let run = sim.state.run;
    sim.send(Event::NotStarted(run, NO_SECRET));
    assert_eq!(sim.state.status(), Status::WaitingRestart);
    assert_eq!(sim.state.deadline(), Some(6_000));
    assert_eq!(sim.state.last_exit, Some(Outcome::NotStarted(NO_SECRET)));
}
