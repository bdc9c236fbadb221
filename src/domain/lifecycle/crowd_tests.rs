//! Many processes on one machine: their commands, crashes and waits in any order.

use super::tests::Sim;
use super::*;
use crate::domain::budget::{AT_ONCE, INTERVAL};
use crate::domain::{BootMs, Budget, Outcome};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

struct Crowd {
    sims: Vec<Sim>,
    now: BootMs,
    budget: Rc<RefCell<Budget>>,
}

impl Crowd {
    fn new(count: usize) -> Self {
        let budget: Rc<RefCell<Budget>> = Rc::default();
        let sim = |number| {
            let mut sim = Sim { budget: Rc::clone(&budget), next: number as u64 * 1_000_000, ..Sim::new() };
            sim.restart.max_restarts = 1_000_000;
            sim
        };
        let sims = (0..count).map(sim).collect();
        Self { sims, now: 0, budget }
    }

    fn all(&mut self, event: Event) {
        self.sims.iter_mut().for_each(|sim| sim.send(event));
    }

    /// Time passes, and each timer comes when it is due.
    fn advance(&mut self, by: u64) {
        let until = self.now + by;
        loop {
            let due = |sim: &Sim| sim.state.deadline().filter(|deadline| *deadline <= until);
            let Some(next) = self.sims.iter().filter_map(due).min() else { break };
            self.now = self.now.max(next);
            for sim in &mut self.sims {
                sim.now = self.now;
                sim.send(Event::Timer);
            }
        }
        self.now = until;
        self.sims.iter_mut().for_each(|sim| sim.now = until);
    }

    /// A daemon dies, and the next one goes on: the states and one number are all that it has.
    fn next_generation(&mut self) {
        let next = Budget::resume(self.budget.borrow().full_at(), self.now);
        self.budget.replace(next);
    }

    /// The most restarts that nobody asked for, beside what is allowed, in any stretch of time.
    fn excess(&self) -> Option<String> {
        let mut times: Vec<BootMs> = self.sims.iter().flat_map(|sim| sim.by_itself.iter().copied()).collect();
        times.sort_unstable();
        times.iter().enumerate().find_map(|(first, from)| {
            times[first..].iter().enumerate().find_map(|(count, until)| {
                // One more than the bucket's own: places are met up to an interval late.
                let allowed = AT_ONCE + 1 + (until - from) / INTERVAL;
                (count as u64 > allowed).then(|| format!("{count} from {from} to {until}, {allowed} allowed"))
            })
        })
    }
}

#[test]
fn two_hundred_crash_loops_are_eight_restarts_a_second() {
    let mut crowd = Crowd::new(200);
    crowd.all(Event::Start);
    // Each run dies at once: it is crashed at the latest when anything moves.
    for _ in 0..2000 {
        crowd.sims.iter_mut().for_each(Sim::crash);
        crowd.advance(25);
    }
    let restarts: u32 = crowd.sims.iter().map(|sim| sim.state.restarts).sum();
    let expected = 64 + 2000 * 25 / 125;
    assert!(restarts.abs_diff(expected) <= 2, "{restarts} instead of {expected}");
    assert_eq!(crowd.excess(), None);
    // Everybody has had a turn, nobody more than one more than another.
    let turns: Vec<u32> = crowd.sims.iter().map(|sim| sim.state.restarts).collect();
    assert!(turns.iter().max().unwrap() - turns.iter().min().unwrap() <= 1, "{turns:?}");
}

#[test]
fn commands_do_not_wait_and_do_not_count() {
    let mut crowd = Crowd::new(200);
    crowd.all(Event::Start);
    crowd.sims.iter_mut().for_each(Sim::crash);
    let waiting = |crowd: &Crowd| crowd.sims.iter().filter(|sim| matches!(sim.state.cause, Cause::Budget(_))).count();
    assert_eq!(waiting(&crowd), 200 - 64);
    crowd.all(Event::Restart);
    assert_eq!(waiting(&crowd), 0);
    assert!(crowd.sims.iter().filter(|sim| sim.state.phase == Phase::Online).count() >= 200 - 64);
    assert_eq!(crowd.sims.iter().map(|sim| sim.by_itself.len()).sum::<usize>(), 64);
}

fn steps() -> impl Strategy<Value = Vec<(u8, usize, u64)>> {
    prop::collection::vec((0..16u8, any::<usize>(), 0..2000u64), 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_budget_holds_and_everybody_gets_what_was_asked_for_last(count in 1..150usize, steps in steps(), backoff in prop::bool::ANY) {
        let mut crowd = Crowd::new(count);
        if backoff {
            crowd.sims.iter_mut().for_each(|sim| sim.restart.exp_backoff_restart_delay = 50);
        }
        crowd.all(Event::Start);
        let mut last = vec![Event::Start; count];
        for (what, who, amount) in steps {
            let who = who % count;
            let command = match what {
                0 => Some(Event::Start),
                1 => Some(Event::Stop),
                2 => Some(Event::Restart),
                3 if amount < 200 => Some(Event::Delete),
                _ => None,
            };
            if let Some(command) = command {
                crowd.sims[who].send(command);
                if last[who] != Event::Delete {
                    last[who] = command;
                }
            }
            match what {
                4..=7 => crowd.sims[who..].iter_mut().for_each(Sim::crash),
                8 => crowd.sims[who].exit(Outcome::Code(0), amount % 2 == 0),
                9 => crowd.next_generation(),
                10..=15 => crowd.advance(amount),
                _ => {}
            }
        }
        prop_assert_eq!(crowd.excess(), None);
        // Long enough for every stop and every place.
        crowd.advance(60_000 + (count as u64 + 300) * INTERVAL);
        for (sim, last) in crowd.sims.iter().zip(last) {
            let expected = match last {
                Event::Stop => matches!(sim.state.phase, Phase::Stopped),
                Event::Delete => matches!(sim.state.phase, Phase::Deleted),
                _ => sim.state.phase == Phase::Online,
            };
            prop_assert!(expected, "{last:?} led to {:?}", sim.state);
            prop_assert_eq!(sim.main.is_some(), sim.state.phase == Phase::Online);
        }
    }
}
