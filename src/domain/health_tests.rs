use super::*;
use crate::domain::spec::Check;
use proptest::prelude::*;

fn probe(period: u64) -> Probe {
    Probe { period, ..Probe::of(Check::Tcp { host: "h".into(), port: 1 }) }
}

fn all(startup: Option<Probe>, ready: Option<Probe>, live: Option<Probe>) -> Probes {
    let [startup, ready, live] = [startup, ready, live].map(|probe| probe.map(Box::new));
    Probes { startup, ready, live }
}

/// Asks what is due when it is due, and answers at once.
struct Sim {
    health: Health,
    now: BootMs,
}

impl Sim {
    fn new(probes: &Probes) -> Self {
        Self { health: Health::new(probes, 0, 7), now: 0 }
    }

    fn next(&mut self, success: impl FnOnce(Kind) -> bool) -> (Kind, Option<Verdict>) {
        let (at, kind) = self.health.due().unwrap();
        self.now = self.now.max(at);
        self.health.ask(kind, self.now);
        (kind, self.health.answer(kind, success(kind), self.now))
    }
}

#[test]
fn the_startup_probe_gates_the_others() {
    let mut sim = Sim::new(&all(Some(probe(1000)), Some(probe(1000)), Some(probe(1000))));
    for _ in 0..5 {
        assert_eq!(sim.next(|_| false), (Kind::Startup, None));
    }
    assert_eq!(sim.next(|_| true), (Kind::Startup, Some(Verdict::StartedUp)));
    let mut verdicts: Vec<_> = (0..2).filter_map(|_| sim.next(|_| true).1).collect();
    verdicts.sort_by_key(|verdict| *verdict == Verdict::Well);
    assert_eq!(verdicts, [Verdict::Ready, Verdict::Well]);
    assert!((0..10).all(|_| sim.next(|_| true).0 != Kind::Startup));
}

#[test]
fn a_startup_has_its_periods_however_often_it_is_asked() {
    let startup = Probe { initial_delay: 500, failure_threshold: 4, ..probe(1000) };
    let budget = startup_budget(&startup);
    let mut sim = Sim::new(&all(Some(startup), None, None));
    let mut asked = 0;
    loop {
        asked += 1;
        if sim.next(|_| false).1 == Some(Verdict::Unwell(Kind::Startup)) {
            break;
        }
    }
    assert!((4500..=budget).contains(&sim.now), "{} of {budget}", sim.now);
    assert!(asked > 4, "what has not succeeded yet is asked often: {asked}");
    assert_eq!(sim.health.due(), None);
}

#[test]
fn readiness_is_found_out_soon_and_lost_only_after_its_threshold() {
    let mut sim = Sim::new(&all(None, Some(Probe { success_threshold: 2, ..probe(10_000) }), None));
    assert_eq!(sim.next(|_| true).1, None);
    assert_eq!(sim.next(|_| true).1, Some(Verdict::Ready));
    assert!(sim.now < 500, "{}", sim.now);
    let ready_at = sim.now;
    let verdicts: Vec<_> = (0..3).map(|_| sim.next(|_| false).1).collect();
    assert_eq!(verdicts, [None, None, Some(Verdict::NotReady)]);
    assert!(sim.now >= ready_at + 20_000);
    assert!(!sim.health.passes(Kind::Ready) && sim.health.failures(Kind::Ready) == 3);
    assert_eq!([sim.next(|_| true).1, sim.next(|_| true).1], [None, Some(Verdict::Ready)]);
}

#[test]
fn one_success_forgives_failures_of_the_live_probe() {
    let mut sim = Sim::new(&all(None, None, Some(probe(1000))));
    for answer in [false, false, true, false, false, true] {
        assert!(!matches!(sim.next(|_| answer).1, Some(Verdict::Unwell(_))));
    }
    let verdicts: Vec<_> = (0..3).map(|_| sim.next(|_| false).1).collect();
    assert_eq!(verdicts, [None, None, Some(Verdict::Unwell(Kind::Live))]);
    assert_eq!(sim.health.due(), None);
}

#[test]
fn what_was_ready_is_ready_for_who_goes_on() {
    let probes = all(Some(probe(1000)), Some(probe(1000)), Some(probe(1000)));
    let health = Health::resume(&probes, Known { started_up: true, ready: true }, 0, 3);
    assert!(health.passes(Kind::Startup) && health.passes(Kind::Ready) && !health.passes(Kind::Live));
    assert_ne!(health.due().unwrap().1, Kind::Startup);
    let health = Health::resume(&probes, Known::default(), 0, 3);
    assert_eq!(health.due().unwrap().1, Kind::Startup);
}

#[test]
fn apps_that_are_taken_over_together_are_not_asked_together() {
    let probes = all(None, Some(probe(10_000)), None);
    let known = Known { started_up: false, ready: true };
    let mut times: Vec<_> = (0..100).map(|seed| Health::resume(&probes, known, 0, seed).due().unwrap().0).collect();
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 90 && times[0] < 1000 && times[times.len() - 1] > 9000, "{times:?}");
}

fn any_probe() -> impl Strategy<Value = Option<Probe>> {
    let settings = (0..3000u64, 10..5000u64, 1..4u32, 1..5u32);
    prop::option::of(settings.prop_map(|(initial_delay, period, success_threshold, failure_threshold)| Probe {
        initial_delay,
        success_threshold,
        failure_threshold,
        ..probe(period)
    }))
}

proptest! {
    /// Whatever is answered, and however late.
    #[test]
    fn any_answers(
        probes in (any_probe(), any_probe(), any_probe()),
        answers in prop::collection::vec((any::<bool>(), 0..2000u64), 1..200),
        seed in any::<u64>(),
    ) {
        let probes = all(probes.0, probes.1, probes.2);
        let mut health = Health::new(&probes, 0, seed);
        let (mut now, mut ready, mut live_failures) = (0, false, 0);
        let mut last = [None; 3];
        for (success, late) in answers {
            let Some((at, kind)) = health.due() else { break };
            now = now.max(at);
            prop_assert!(kind == Kind::Startup || health.passes(Kind::Startup), "{} before the startup", kind);
            let period = [&probes.startup, &probes.ready, &probes.live][kind as usize].as_ref().unwrap().period;
            if let Some(before) = last[kind as usize].replace(now) {
                prop_assert!(now - before >= period.min(EAGER), "{} after {} ms", kind, now - before);
            }
            health.ask(kind, now);
            prop_assert!(health.due().is_none_or(|(_, other)| other != kind), "asked twice at the same time");
            now += late;
            let verdict = health.answer(kind, success, now);
            live_failures = match kind {
                Kind::Live if success => 0,
                Kind::Live => live_failures + 1,
                Kind::Startup | Kind::Ready => live_failures,
            };
            match verdict {
                None => {}
                Some(Verdict::Ready) => prop_assert!(!std::mem::replace(&mut ready, true)),
                Some(Verdict::NotReady) => prop_assert!(std::mem::replace(&mut ready, false)),
                Some(Verdict::StartedUp | Verdict::Well) => prop_assert!(success),
                Some(Verdict::Unwell(Kind::Startup)) => {
                    let startup = probes.startup.as_ref().unwrap();
                    let least = startup.initial_delay + startup.period * u64::from(startup.failure_threshold);
                    prop_assert!(now >= least, "{} of {}", now, least);
                }
                Some(Verdict::Unwell(kind)) => {
                    prop_assert_eq!(kind, Kind::Live);
                    prop_assert_eq!(live_failures, probes.live.as_ref().unwrap().failure_threshold);
                }
            }
            if matches!(verdict, Some(Verdict::Unwell(_))) {
                prop_assert_eq!(health.due(), None);
                break;
            }
        }
    }
}
