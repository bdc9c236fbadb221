use super::step::{BACKOFF_RESET, LONGEST_BACKOFF};
use super::*;
use crate::domain::spec::{RestartPolicy, StopPolicy};
use crate::domain::{BootMs, Outcome, SpawnId, Status};
use proptest::prelude::*;

struct Sim {
    state: State,
    now: BootMs,
    next: u64,
    restart: RestartPolicy,
    stop: StopPolicy,
    waits_for_ready: bool,
    must_start_up: bool,
    drains: bool,
    /// The main process that lives, and whether something of its group does.
    main: Option<SpawnId>,
    rest: Option<SpawnId>,
    seen: Vec<Effect>,
}

impl Sim {
    fn new() -> Self {
        Self {
            state: State::new(0),
            now: 0,
            next: 0,
            restart: RestartPolicy::default(),
            stop: StopPolicy::default(),
            waits_for_ready: false,
            must_start_up: false,
            drains: false,
            main: None,
            rest: None,
            seen: Vec::new(),
        }
    }

    fn send(&mut self, event: Event) {
        let next = SpawnId(self.next + 1);
        let policy = Policy {
            restart: &self.restart,
            stop: &self.stop,
            waits_for_ready: self.waits_for_ready,
            listen_timeout: LISTEN_TIMEOUT,
            must_start_up: self.must_start_up,
            drains: self.drains,
        };
        let (state, effects) = step(self.state, event, self.now, next, &policy);
        self.state = state;
        for effect in effects {
            self.seen.push(effect);
            match effect {
                Effect::Spawn(run) => {
                    assert_eq!((self.main, self.rest), (None, None), "two live runs");
                    self.next = run.0;
                    self.main = Some(run);
                    self.send(Event::Spawned(run));
                }
                Effect::KillMain(_) => self.exit(Outcome::Signal(9), false),
                Effect::KillGroup(_) => {
                    self.main = None;
                    if let Some(run) = self.rest.take() {
                        self.send(Event::GroupGone(run));
                    }
                }
                Effect::Drain(_) | Effect::AskMain(_) | Effect::AskGroup(_) | Effect::Report(_) => {}
            }
        }
    }

    fn exit(&mut self, outcome: Outcome, leftovers: bool) {
        if let Some(run) = self.main.take() {
            self.rest = leftovers.then_some(run);
            self.send(Event::Exited { run, outcome, leftovers, at: self.now });
        }
    }

    fn crash(&mut self) {
        self.exit(Outcome::Code(1), false);
    }

    fn advance(&mut self, by: u64) {
        self.now += by;
        self.send(Event::Timer);
    }

    fn status(&self) -> Status {
        self.state.status()
    }
}

#[test]
fn a_fork_process_is_online_once_executed() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    assert_eq!(sim.status(), Status::Online);
    assert_eq!(sim.state.restarts, 0);
}

#[test]
fn readiness_is_waited_for_and_not_for_ever() {
    let mut sim = Sim { waits_for_ready: true, ..Sim::new() };
    sim.send(Event::Start);
    assert_eq!(sim.status(), Status::Launching);
    sim.advance(LISTEN_TIMEOUT - 1);
    assert_eq!(sim.status(), Status::Launching);
    sim.advance(1);
    assert_eq!(sim.status(), Status::Online);
}

#[test]
fn a_crash_after_min_uptime_restarts_at_once_for_ever() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    for n in 1..=100 {
        sim.advance(1000);
        sim.crash();
        assert_eq!((sim.status(), sim.state.restarts), (Status::Online, n));
    }
}

#[test]
fn sixteen_quick_exits_are_an_error() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    let mut exits = 0;
    while sim.status() == Status::Online {
        sim.advance(10);
        sim.crash();
        exits += 1;
    }
    assert_eq!((sim.status(), exits, sim.state.restarts, sim.state.unstable), (Status::Errored, 16, 15, 0));
    assert!(sim.seen.contains(&Effect::Report(Report::Overlimit)));
    sim.send(Event::Start);
    assert_eq!(sim.status(), Status::Online);
}

#[test]
fn a_long_run_between_quick_ones_forgives_them() {
    let mut sim = Sim::new();
    sim.restart.max_restarts = 3;
    sim.send(Event::Start);
    for _ in 0..10 {
        sim.advance(10);
        sim.crash();
        sim.advance(5000);
        sim.crash();
    }
    assert_eq!(sim.status(), Status::Online);
}

#[test]
fn a_delay_is_waited_out() {
    let mut sim = Sim::new();
    sim.restart.restart_delay = 500;
    sim.send(Event::Start);
    sim.advance(2000);
    sim.crash();
    assert_eq!(sim.status(), Status::WaitingRestart);
    sim.advance(499);
    assert_eq!(sim.status(), Status::WaitingRestart);
    sim.advance(1);
    assert_eq!((sim.status(), sim.state.restarts), (Status::Online, 1));
}

#[test]
fn back_off_grows_to_its_limit_and_ends_after_a_long_run() {
    let mut sim = Sim::new();
    sim.restart.exp_backoff_restart_delay = 100;
    sim.restart.max_restarts = 1000;
    sim.send(Event::Start);
    let mut delays = Vec::new();
    for _ in 0..16 {
        sim.crash();
        let Phase::WaitingRestart { until } = sim.state.phase else { panic!("not waiting") };
        delays.push(until - sim.now);
        sim.now = until;
        sim.send(Event::Timer);
    }
    assert_eq!(delays[..5], [100, 150, 225, 337, 505]);
    assert_eq!(delays[15], LONGEST_BACKOFF);
    sim.advance(BACKOFF_RESET + 1);
    sim.crash();
    assert_eq!(sim.state.deadline(), Some(sim.now + 100));
}

#[test]
fn some_exits_are_final() {
    let mut sim = Sim::new();
    sim.restart.stop_exit_codes = vec![0, 7];
    sim.send(Event::Start);
    sim.exit(Outcome::Code(7), false);
    assert_eq!(sim.status(), Status::Stopped);
    let mut once = Sim::new();
    once.restart.autorestart = false;
    once.send(Event::Start);
    once.crash();
    assert_eq!((once.status(), once.state.last_exit), (Status::Stopped, Some(Outcome::Code(1))));
}

#[test]
fn a_stop_asks_then_kills() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.send(Event::Stop);
    assert_eq!(sim.status(), Status::Stopping);
    assert!(sim.seen.contains(&Effect::AskMain(SpawnId(1))));
    sim.advance(4999);
    assert_eq!(sim.status(), Status::Stopping);
    sim.advance(1);
    assert!(sim.seen.contains(&Effect::KillMain(SpawnId(1))));
    assert_eq!((sim.status(), sim.state.last_exit), (Status::Stopped, Some(Outcome::Signal(9))));
}

#[test]
fn what_the_main_process_leaves_behind_ends_too() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.send(Event::Stop);
    sim.exit(Outcome::Signal(2), true);
    assert_eq!(sim.status(), Status::Stopping);
    assert!(sim.seen.contains(&Effect::AskGroup(SpawnId(1))));
    sim.advance(5000);
    assert!(sim.seen.contains(&Effect::KillGroup(SpawnId(1))));
    assert_eq!(sim.status(), Status::Stopped);
}

#[test]
fn a_crash_waits_for_its_leftovers_before_the_next_run() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.advance(2000);
    sim.exit(Outcome::Code(1), true);
    assert_eq!((sim.status(), sim.main), (Status::Stopping, None));
    let run = sim.rest.take().unwrap();
    sim.send(Event::GroupGone(run));
    assert_eq!((sim.status(), sim.state.restarts), (Status::Online, 1));
}

#[test]
fn stop_while_waiting_or_restarting_wins() {
    let mut sim = Sim::new();
    sim.restart.restart_delay = 500;
    sim.send(Event::Start);
    sim.advance(2000);
    sim.crash();
    sim.send(Event::Stop);
    assert_eq!(sim.status(), Status::Stopped);
    sim.advance(1000);
    assert_eq!(sim.status(), Status::Stopped);

    let mut other = Sim::new();
    other.send(Event::Start);
    other.send(Event::Restart);
    other.send(Event::Stop);
    other.exit(Outcome::Signal(2), false);
    assert_eq!(other.status(), Status::Stopped);
}

#[test]
fn delete_while_stopping_wins_over_everything_after() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.send(Event::Stop);
    sim.send(Event::Delete);
    for event in [Event::Start, Event::Restart, Event::Stop, Event::Retire] {
        sim.send(event);
    }
    sim.exit(Outcome::Code(0), false);
    assert_eq!(sim.state.phase, Phase::Deleted);
}

#[test]
fn restart_of_what_is_starting_starts_it_once_more() {
    let mut sim = Sim { waits_for_ready: true, ..Sim::new() };
    sim.send(Event::Start);
    sim.send(Event::Restart);
    sim.send(Event::Restart);
    sim.exit(Outcome::Signal(2), false);
    assert_eq!((sim.status(), sim.state.run, sim.state.restarts), (Status::Launching, SpawnId(2), 1));
}

#[test]
fn a_retired_worker_drains_before_it_is_asked_to_end() {
    let mut sim = Sim { drains: true, ..Sim::new() };
    sim.send(Event::Start);
    sim.send(Event::Retire);
    assert!(sim.seen.contains(&Effect::Drain(SpawnId(1))));
    assert!(!sim.seen.contains(&Effect::AskMain(SpawnId(1))));
    sim.send(Event::Drained(SpawnId(1)));
    assert!(sim.seen.contains(&Effect::AskMain(SpawnId(1))));
    sim.exit(Outcome::Code(0), false);
    assert_eq!(sim.state.phase, Phase::Deleted);
}

#[test]
fn what_cannot_be_executed_is_an_error_unless_it_may_pass() {
    let policy = (RestartPolicy::default(), StopPolicy::default());
    let policy = Policy {
        restart: &policy.0,
        stop: &policy.1,
        waits_for_ready: false,
        listen_timeout: 0,
        must_start_up: false,
        drains: false,
    };
    let (launching, _) = step(State::new(0), Event::Start, 0, SpawnId(1), &policy);
    let missing = step(launching, Event::NotStarted(SpawnId(1), 2), 0, SpawnId(2), &policy).0;
    assert_eq!(missing.status(), Status::Errored);
    let no_room = step(launching, Event::NotStarted(SpawnId(1), 11), 0, SpawnId(2), &policy).0;
    assert_eq!(no_room.status(), Status::WaitingRestart);
}

#[test]
fn what_waits_for_others_is_launching_and_runs_when_it_is_told() {
    let mut sim = Sim::new();
    sim.send(Event::Hold);
    assert_eq!((sim.status(), sim.main, sim.state.is_wanted()), (Status::Launching, None, true));
    sim.advance(1_000_000);
    assert_eq!((sim.state.phase, sim.state.deadline()), (Phase::Held, None));
    sim.send(Event::Start);
    assert_eq!((sim.status(), sim.state.restarts), (Status::Online, 0));
    sim.send(Event::Hold);
    assert_eq!(sim.status(), Status::Online, "what runs goes on");
    let mut stopped = Sim::new();
    stopped.send(Event::Hold);
    stopped.send(Event::Stop);
    assert_eq!((stopped.status(), stopped.state.is_wanted()), (Status::Stopped, false));
}

#[test]
fn who_is_not_well_is_ended_and_started_again_whatever_its_exit_code() {
    let mut sim = Sim::new();
    sim.restart.stop_exit_codes = vec![0];
    sim.restart.on_failure = true;
    sim.send(Event::Start);
    sim.advance(2000);
    sim.send(Event::Unwell(SpawnId(7)));
    assert_eq!(sim.status(), Status::Online, "of another run");
    sim.send(Event::Unwell(SpawnId(1)));
    assert_eq!(sim.status(), Status::Stopping);
    assert!(sim.seen.contains(&Effect::Report(Report::Unhealthy)));
    sim.exit(Outcome::Code(0), false);
    assert_eq!((sim.status(), sim.state.restarts, sim.state.run), (Status::Online, 1, SpawnId(2)));
    sim.restart.autorestart = false;
    sim.send(Event::Unwell(SpawnId(2)));
    sim.exit(Outcome::Code(0), false);
    assert_eq!((sim.status(), sim.state.last_exit), (Status::Stopped, Some(Outcome::Code(0))));
}

#[test]
fn a_start_that_has_to_come_up_fails_when_it_is_late() {
    let mut sim = Sim { waits_for_ready: true, must_start_up: true, ..Sim::new() };
    sim.send(Event::Start);
    sim.advance(LISTEN_TIMEOUT);
    assert_eq!(sim.status(), Status::Stopping);
    sim.exit(Outcome::Signal(2), false);
    assert_eq!((sim.status(), sim.state.restarts), (Status::Launching, 1));
    sim.must_start_up = false;
    sim.advance(LISTEN_TIMEOUT);
    assert_eq!(sim.status(), Status::Online);
}

fn events() -> impl Strategy<Value = (u8, u64, bool)> {
    (0..14u8, 0..3000u64, any::<bool>())
}

proptest! {
    /// Whatever happens in whatever order: never two live runs (asserted in the simulation), a stop ends, nothing
    /// lives after it, and the restarts stay within the budget.
    #[test]
    fn any_sequence(steps in prop::collection::vec(events(), 1..200), waits in any::<bool>(), drains in any::<bool>(), delay in 0..600u64, backoff in 0..200u64) {
        let mut sim = Sim { waits_for_ready: waits, drains, ..Sim::new() };
        sim.restart.restart_delay = delay;
        sim.restart.exp_backoff_restart_delay = backoff;
        let mut quick_in_a_row = 0;
        for (kind, amount, flag) in steps {
            match kind {
                0 => { sim.send(Event::Start); quick_in_a_row = 0; }
                1 => sim.send(Event::Stop),
                2 => { sim.send(Event::Restart); quick_in_a_row = 0; }
                3 if amount < 100 => sim.send(Event::Delete),
                4 if amount < 300 => sim.send(Event::Retire),
                5 => sim.send(Event::Ready(SpawnId(sim.next))),
                6 => sim.send(Event::Drained(SpawnId(sim.next.saturating_sub(u64::from(flag))))),
                7 | 8 => {
                    let quick = sim.now - sim.state.started_at < 1000;
                    let asked = matches!(sim.state.phase, Phase::Stopping { .. });
                    if sim.main.is_some() && !asked {
                        quick_in_a_row = if quick { quick_in_a_row + 1 } else { 0 };
                        prop_assert!(quick_in_a_row <= 16 || sim.now - sim.state.created_at >= 16_000);
                    }
                    sim.exit(Outcome::Code(i32::from(flag)), flag);
                }
                9 => if let Some(run) = sim.rest.take() { sim.send(Event::GroupGone(run)); },
                12 => sim.send(Event::Hold),
                13 => sim.send(Event::Unwell(SpawnId(sim.next.saturating_sub(u64::from(flag))))),
                10 => sim.send(Event::Exited { run: SpawnId(sim.next + 7), outcome: Outcome::Unknown, leftovers: flag, at: sim.now }),
                _ => sim.advance(amount),
            }
            let alive = sim.main.is_some() || sim.rest.is_some();
            prop_assert_eq!(alive, sim.status().is_alive() && sim.state.phase != Phase::Held, "{:?}", sim.state.phase);
        }
        sim.send(Event::Stop);
        for _ in 0..5 {
            if let Some(deadline) = sim.state.deadline() {
                sim.now = sim.now.max(deadline);
                sim.send(Event::Timer);
            }
        }
        prop_assert!(!sim.status().is_alive() && !sim.state.is_wanted(), "{:?}", sim.state.phase);
        prop_assert_eq!((sim.main, sim.rest), (None, None));
    }
}
