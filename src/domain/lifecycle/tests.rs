use super::judge::{BACKOFF_RESET, LONGEST_BACKOFF};
use super::*;
use crate::domain::spec::{RestartPolicy, StopPolicy};
use crate::domain::{BootMs, Budget, Outcome, SpawnId, Status};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// What a worker that leaves has.
const DRAIN_TIMEOUT: u64 = 30_000;

/// A process whose program does what the test says.
pub(super) struct Sim {
    pub(super) state: State,
    pub(super) now: BootMs,
    pub(super) next: u64,
    pub(super) restart: RestartPolicy,
    pub(super) stop: StopPolicy,
    pub(super) waits_for_ready: bool,
    pub(super) must_start_up: bool,
    pub(super) drains: bool,
    /// The main process that lives, and whether something that it has started does.
    pub(super) main: Option<SpawnId>,
    pub(super) rest: Option<SpawnId>,
    pub(super) seen: Vec<Effect>,
    pub(super) budget: Rc<RefCell<Budget>>,
    /// When it was restarted though nobody had asked for it.
    pub(super) by_itself: Vec<BootMs>,
}

impl Sim {
    pub(super) fn new() -> Self {
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
            budget: Rc::default(),
            by_itself: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, event: Event) {
        let next = SpawnId(self.next + 1);
        let policy = Policy {
            restart: &self.restart,
            stop: &self.stop,
            waits_for_ready: self.waits_for_ready,
            listen_timeout: LISTEN_TIMEOUT,
            must_start_up: self.must_start_up,
            drains: self.drains,
            drain_timeout: DRAIN_TIMEOUT,
            place: self.budget.borrow().next(self.now),
        };
        let (state, effects) = step(self.state, event, self.now, next, &policy);
        assert!(state.restarts >= self.state.restarts && state.run >= self.state.run, "a counter went backwards");
        let had_place = matches!((event, self.state.cause), (Event::Timer, Cause::Budget(_)));
        let by_itself = had_place || effects.iter().any(|effect| matches!(effect, Effect::TakePlace(_)));
        if by_itself && effects.iter().any(|effect| matches!(effect, Effect::Spawn(_))) {
            self.by_itself.push(self.now);
        }
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
                Effect::KillMain(run) if self.main == Some(run) => self.exit(Outcome::Signal(9), false),
                Effect::KillGroup(run) if self.rest == Some(run) => {
                    self.rest = None;
                    self.send(Event::GroupGone(run));
                }
                Effect::AskGroup(run) if self.rest.is_none() => self.send(Event::Alone(run)),
                Effect::TakePlace(place) => self.budget.borrow_mut().take(place, self.now),
                Effect::GiveBackPlace(place) => self.budget.borrow_mut().give_back(place, self.now),
                Effect::KillMain(_)
                | Effect::KillGroup(_)
                | Effect::Drain(_)
                | Effect::AskMain(_)
                | Effect::AskGroup(_)
                | Effect::Report(_) => {}
            }
        }
    }

    pub(super) fn exit(&mut self, outcome: Outcome, leftovers: bool) {
        if let Some(run) = self.main.take() {
            self.rest = self.rest.or(leftovers.then_some(run));
            let leftovers = self.rest.is_some();
            self.send(Event::Exited { run, outcome, leftovers, at: self.now });
        }
    }

    pub(super) fn crash(&mut self) {
        self.exit(Outcome::Code(1), false);
    }

    pub(super) fn advance(&mut self, by: u64) {
        self.now += by;
        self.send(Event::Timer);
    }

    pub(super) fn status(&self) -> Status {
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
fn what_uses_too_much_memory_is_replaced_once_and_says_so() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.advance(5000);
    let (run, unstable) = (sim.state.run, sim.state.unstable);
    sim.send(Event::Recycle(run, 800));
    sim.send(Event::Recycle(run, 900));
    assert_eq!((sim.status(), sim.state.recycled), (Status::Stopping, 800));
    sim.crash();
    assert_eq!((sim.status(), sim.state.restarts, sim.state.unstable), (Status::Online, 1, unstable));
    assert_eq!(sim.state.recycled, 800);
    // About a run that is gone.
    sim.send(Event::Recycle(run, 900));
    assert_eq!((sim.status(), sim.state.recycled), (Status::Online, 800));
    // Whatever follows has another reason.
    sim.advance(5000);
    sim.crash();
    assert_eq!((sim.status(), sim.state.recycled), (Status::Online, 0));
    sim.send(Event::Recycle(sim.state.run, 700));
    sim.send(Event::Stop);
    sim.crash();
    assert_eq!(sim.status(), Status::Stopped);
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
    let mut means = Vec::new();
    for _ in 0..16 {
        sim.crash();
        let Phase::WaitingRestart { until } = sim.state.phase else { panic!("not waiting") };
        let (delay, mean) = (until - sim.now, sim.state.backoff);
        assert_eq!(sim.state.cause, Cause::Backoff(delay));
        assert!(delay.abs_diff(mean) <= mean / 5, "{delay} instead of {mean}");
        means.push(mean);
        sim.now = until;
        sim.send(Event::Timer);
    }
    assert_eq!(means[..5], [100, 150, 225, 337, 505]);
    assert_eq!(means[15], LONGEST_BACKOFF);
    sim.advance(BACKOFF_RESET + 1);
    sim.crash();
    assert_eq!(sim.state.backoff, 100);
}

#[test]
fn delays_of_the_back_off_differ_and_are_pm2s_on_average() {
    let delays: Vec<u64> = (0..2000)
        .map(|run| {
            let mut sim = Sim { next: run * 1000, ..Sim::new() };
            sim.restart.exp_backoff_restart_delay = 1000;
            sim.send(Event::Start);
            sim.crash();
            sim.state.deadline().unwrap()
        })
        .collect();
    assert!(delays.iter().all(|delay| (800..=1200).contains(delay)));
    let mean = delays.iter().sum::<u64>() / delays.len() as u64;
    assert!((980..=1020).contains(&mean), "{mean}");
}

#[test]
fn some_exits_are_final() {
    let mut sim = Sim::new();
    sim.restart.stop_exit_codes = vec![0, 7];
    sim.send(Event::Start);
    sim.exit(Outcome::Code(7), false);
    assert_eq!((sim.status(), sim.state.cause), (Status::Stopped, Cause::FinalCode));
    let mut once = Sim::new();
    once.restart.autorestart = false;
    once.send(Event::Start);
    once.crash();
    assert_eq!((once.status(), once.state.last_exit), (Status::Stopped, Some(Outcome::Code(1))));
    assert_eq!(once.state.cause, Cause::NoAutorestart);
}

#[test]
fn on_failure_a_success_is_the_end() {
    let mut sim = Sim::new();
    sim.restart.on_failure = true;
    sim.restart.stop_exit_codes = vec![3];
    sim.send(Event::Start);
    for outcome in [Outcome::Code(1), Outcome::Signal(9), Outcome::Unknown] {
        sim.advance(2000);
        sim.exit(outcome, false);
        assert_eq!(sim.status(), Status::Online, "{outcome:?}");
    }
    sim.exit(Outcome::Code(3), false);
    assert_eq!((sim.status(), sim.state.cause), (Status::Stopped, Cause::FinalCode));
    sim.send(Event::Start);
    sim.exit(Outcome::Code(0), false);
    assert_eq!((sim.status(), sim.state.cause, sim.state.restarts), (Status::Stopped, Cause::Succeeded, 3));
}

#[test]
fn in_a_window_exits_of_any_kind_count() {
    let mut sim = Sim::new();
    sim.restart.max_restarts = 3;
    sim.restart.restart_window = Some(60_000);
    sim.send(Event::Start);
    // Two in each window: never too many, however short.
    for _ in 0..10 {
        sim.crash();
        sim.advance(59_999);
        sim.exit(Outcome::Code(0), false);
        sim.advance(60_000);
        assert_eq!(sim.status(), Status::Online);
    }
    for _ in 0..3 {
        sim.advance(20_000);
        sim.exit(Outcome::Code(0), false);
    }
    assert_eq!((sim.status(), sim.state.cause), (Status::Errored, Cause::Window(3)));
    sim.send(Event::Restart);
    sim.crash();
    assert_eq!((sim.status(), sim.state.window_exits), (Status::Online, 1));
}

#[test]
fn without_a_place_in_the_budget_it_waits_and_keeps_its_place() {
    let crowd: Rc<RefCell<Budget>> = Rc::default();
    for _ in 0..64 {
        crowd.borrow_mut().take(0, 0);
    }
    let mut sim = Sim { budget: Rc::clone(&crowd), ..Sim::new() };
    sim.send(Event::Start);
    sim.crash();
    let (cause, until) = (sim.state.cause, sim.state.deadline().unwrap());
    assert_eq!((sim.status(), cause), (Status::WaitingRestart, Cause::Budget(125)));
    assert!((125..250).contains(&until), "{until}");
    // Others who come later stand behind it.
    assert_eq!(crowd.borrow().next(0), 250);
    sim.advance(until);
    assert_eq!((sim.status(), sim.state.restarts), (Status::Online, 1));
    // By hand there is no waiting, and the place is somebody else's.
    sim.crash();
    let Cause::Budget(place) = sim.state.cause else { panic!("{:?}", sim.state) };
    sim.send(Event::Start);
    assert_eq!((sim.status(), crowd.borrow().next(sim.now)), (Status::Online, place));
    sim.crash();
    sim.send(Event::Stop);
    assert_eq!((sim.status(), sim.state.cause), (Status::Stopped, Cause::Command));
    assert_eq!(crowd.borrow().next(sim.now), place);
}

/// Else an app that is hardly ever let run would never run too often.
#[test]
fn time_that_the_machine_made_it_wait_does_not_count() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    let mut exits = 0;
    while sim.status() != Status::Errored {
        let now = sim.now;
        for _ in 0..500 {
            let place = sim.budget.borrow().next(now);
            sim.budget.borrow_mut().take(place, now);
        }
        sim.advance(10);
        sim.crash();
        exits += 1;
        if let Some(until) = sim.state.deadline() {
            assert!(until > now + 50_000 && exits < 16);
            sim.now = until;
            sim.send(Event::Timer);
        }
    }
    assert_eq!((exits, sim.state.cause), (16, Cause::Unstable(16)));
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
fn what_it_has_started_is_asked_when_the_main_process_has_had_its_time() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.rest = Some(SpawnId(1));
    sim.send(Event::Stop);
    sim.advance(5000);
    assert_eq!(sim.seen.last(), Some(&Effect::AskGroup(SpawnId(1))));
    assert!(sim.main.is_some(), "it may wait for them");
    sim.advance(4999);
    assert_eq!(sim.status(), Status::Stopping);
    sim.advance(1);
    assert!(sim.seen.contains(&Effect::KillMain(SpawnId(1))) && sim.seen.contains(&Effect::KillGroup(SpawnId(1))));
    assert_eq!((sim.status(), sim.main, sim.rest), (Status::Stopped, None, None));
}

#[test]
fn a_main_process_may_end_because_what_it_has_started_has() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.rest = Some(SpawnId(1));
    sim.send(Event::Stop);
    sim.advance(5000);
    sim.rest = None;
    sim.send(Event::GroupGone(SpawnId(1)));
    sim.advance(999);
    assert_eq!((sim.status(), sim.main), (Status::Stopping, Some(SpawnId(1))));
    sim.advance(1);
    assert_eq!((sim.status(), sim.state.last_exit), (Status::Stopped, Some(Outcome::Signal(9))));
}

#[test]
fn those_that_were_asked_are_not_asked_again_when_the_main_process_ends() {
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.rest = Some(SpawnId(1));
    sim.send(Event::Stop);
    sim.advance(5000);
    let deadline = sim.state.deadline();
    sim.advance(100);
    sim.exit(Outcome::Code(0), true);
    assert_eq!((sim.status(), sim.state.deadline()), (Status::Stopping, deadline));
    assert_eq!(sim.seen.iter().filter(|effect| matches!(effect, Effect::AskGroup(_))).count(), 1);
}

#[test]
fn what_it_has_detached_is_left_alone_on_request() {
    let mut sim = Sim::new();
    sim.stop.treekill = false;
    sim.send(Event::Start);
    sim.send(Event::Stop);
    sim.advance(5000);
    assert!(!sim.seen.iter().any(|effect| matches!(effect, Effect::AskGroup(_) | Effect::KillGroup(_))));
    assert_eq!((sim.status(), sim.state.last_exit), (Status::Stopped, Some(Outcome::Signal(9))));
}

#[test]
fn a_hurry_kills_what_is_being_stopped_and_nothing_else() {
    for drains in [false, true] {
        let mut sim = Sim { drains, ..Sim::new() };
        sim.send(Event::Hurry);
        sim.send(Event::Start);
        sim.send(Event::Hurry);
        assert_eq!(sim.status(), Status::Online);
        sim.rest = Some(SpawnId(1));
        sim.send(if drains { Event::Retire } else { Event::Restart });
        sim.send(Event::Hurry);
        assert_eq!((sim.rest, sim.state.last_exit), (None, Some(Outcome::Signal(9))));
        assert_eq!(sim.main, (!drains).then_some(SpawnId(2)), "a restart goes on");
    }
    let mut sim = Sim::new();
    sim.send(Event::Start);
    sim.send(Event::Stop);
    sim.exit(Outcome::Code(0), true);
    sim.send(Event::Hurry);
    assert_eq!((sim.status(), sim.rest), (Status::Stopped, None));
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
fn a_worker_that_does_not_finish_in_time_is_asked_to_end() {
    let mut sim = Sim { drains: true, ..Sim::new() };
    sim.send(Event::Start);
    sim.send(Event::Retire);
    sim.now += DRAIN_TIMEOUT - 1;
    sim.send(Event::Timer);
    assert!(!sim.seen.contains(&Effect::AskMain(SpawnId(1))), "it has its own time, not the one of a stop");
    sim.now += 1;
    sim.send(Event::Timer);
    assert_eq!(sim.seen.last(), Some(&Effect::AskMain(SpawnId(1))));
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
        drain_timeout: DRAIN_TIMEOUT,
        place: 0,
    };
    let (launching, _) = step(State::new(0), Event::Start, 0, SpawnId(1), &policy);
    let missing = step(launching, Event::NotStarted(SpawnId(1), 2), 0, SpawnId(2), &policy).0;
    assert_eq!(missing.status(), Status::Errored);
    let no_room = step(launching, Event::NotStarted(SpawnId(1), 11), 0, SpawnId(2), &policy).0;
    assert_eq!((no_room.status(), no_room.cause), (Status::WaitingRestart, Cause::NoRoom));
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
    (0..16u8, 0..3000u64, any::<bool>())
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
        let mut last = Event::Stop;
        let mut gone = false;
        for (kind, amount, flag) in steps {
            if let Some(command) = [Event::Start, Event::Stop, Event::Restart].get(usize::from(kind)) {
                last = *command;
            }
            if kind == 14 {
                last = Event::Hold;
            }
            match kind {
                0 => { sim.send(Event::Start); quick_in_a_row = 0; }
                1 => sim.send(Event::Stop),
                2 => { sim.send(Event::Restart); quick_in_a_row = 0; }
                3 if amount < 100 => { sim.send(Event::Delete); gone = true; }
                4 if amount < 300 => { sim.send(Event::Retire); gone = true; }
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
                // It starts something.
                12 => sim.rest = sim.rest.or(sim.main),
                13 => sim.send(Event::Hurry),
                10 if flag => sim.send(Event::Recycle(SpawnId(sim.next), amount)),
                14 => sim.send(Event::Hold),
                15 => sim.send(Event::Unwell(SpawnId(sim.next.saturating_sub(u64::from(flag))))),
                10 => sim.send(Event::Exited { run: SpawnId(sim.next + 7), outcome: Outcome::Unknown, leftovers: flag, at: sim.now }),
                _ => sim.advance(amount),
            }
            let alive = sim.main.is_some() || sim.rest.is_some();
            prop_assert_eq!(alive, sim.status().is_alive() && sim.state.phase != Phase::Held, "{:?}", sim.state.phase);
            // What was asked for last is what it is, or is becoming; a start or restart unless it ended by itself.
            let ended = matches!(sim.state.cause, Cause::Unstable(_));
            match last {
                _ if gone => prop_assert!(!sim.state.is_wanted(), "{:?}", sim.state),
                Event::Stop => prop_assert!(!sim.state.is_wanted(), "{:?}", sim.state),
                _ => prop_assert!(sim.state.is_wanted() || ended, "{:?}", sim.state),
            }
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
