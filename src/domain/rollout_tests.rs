use super::*;
use proptest::prelude::*;

const A: ProcessId = ProcessId(1);
const B: ProcessId = ProcessId(2);
const C: ProcessId = ProcessId(3);

const ONE: Pace = Pace { parallel: 1, on_trial: false };
const TRIAL: Pace = Pace { parallel: 1, on_trial: true };

#[track_caller]
fn check(rollout: &mut Rollout, steps: &[(Event, &[Effect])]) {
    for (event, effects) in steps {
        assert_eq!(rollout.step(*event), *effects, "{event:?} in {rollout:?}");
    }
}

#[test]
fn one_at_a_time_new_before_old() {
    let mut rollout = Rollout::new([A, B], ONE);
    check(
        &mut rollout,
        &[
            (Event::Begin, &[Effect::StartReplacement(A)]),
            (Event::Begin, &[]),
            (Event::Gone(A), &[]),
            (Event::Ready(A), &[Effect::Swap(A), Effect::Retire(A)]),
            (Event::Failed(A), &[]),
            (Event::Gone(A), &[Effect::StartReplacement(B)]),
            (Event::Ready(A), &[]),
            (Event::Ready(B), &[Effect::Swap(B), Effect::Retire(B)]),
            (Event::Gone(B), &[Effect::Finished]),
        ],
    );
    assert_eq!(rollout.tally(), Tally { total: 2, replaced: 2, returned: 0 });
}

#[test]
fn so_many_at_a_time() {
    let mut rollout = Rollout::new([A, B, C], Pace { parallel: 2, ..ONE });
    check(
        &mut rollout,
        &[
            (Event::Begin, &[Effect::StartReplacement(A), Effect::StartReplacement(B)]),
            (Event::Ready(B), &[Effect::Swap(B), Effect::Retire(B)]),
            (Event::Gone(B), &[Effect::StartReplacement(C)]),
            // What starts is given up with what failed; what was replaced stays so.
            (Event::Failed(A), &[Effect::Abandon(C)]),
            (Event::Ready(C), &[]),
            (Event::Failed(C), &[Effect::Finished]),
        ],
    );
    assert_eq!(rollout.tally(), Tally { total: 3, replaced: 1, returned: 0 });
}

#[test]
fn a_failure_leaves_the_old_ones_alone() {
    let mut rollout = Rollout::new([A, B], ONE);
    rollout.step(Event::Begin);
    check(
        &mut rollout,
        &[
            (Event::Failed(A), &[Effect::Finished]),
            (Event::Ready(A), &[]),
            (Event::Ready(B), &[]),
            (Event::Gone(A), &[]),
            (Event::Begin, &[]),
        ],
    );
    assert_eq!(rollout.tally(), Tally { total: 2, replaced: 0, returned: 0 });
}

#[test]
fn on_trial_the_old_ones_stand_by_to_the_end() {
    let mut rollout = Rollout::new([A, B], TRIAL);
    check(
        &mut rollout,
        &[
            (Event::Begin, &[Effect::StartReplacement(A)]),
            (Event::StayedWell, &[]),
            (Event::Ready(A), &[Effect::Swap(A), Effect::StartReplacement(B)]),
            (Event::Ready(B), &[Effect::Swap(B), Effect::Watch]),
            (Event::StayedWell, &[Effect::Retire(A), Effect::Retire(B)]),
            (Event::Unwell, &[]),
            (Event::Gone(B), &[]),
            (Event::Gone(A), &[Effect::Finished]),
        ],
    );
    assert_eq!(rollout.tally(), Tally { total: 2, replaced: 2, returned: 0 });
}

#[test]
fn on_trial_what_fails_brings_all_of_them_back() {
    let mut late = Rollout::new([A, B], TRIAL);
    check(
        &mut late,
        &[
            (Event::Begin, &[Effect::StartReplacement(A)]),
            (Event::Ready(A), &[Effect::Swap(A), Effect::StartReplacement(B)]),
            (Event::Failed(B), &[Effect::Return(A)]),
            (Event::Gone(A), &[Effect::Finished]),
        ],
    );
    assert_eq!(late.tally(), Tally { total: 2, replaced: 0, returned: 1 });
    let mut unwell = Rollout::on_trial([A, B]);
    check(
        &mut unwell,
        &[
            (Event::Begin, &[Effect::Watch]),
            // What has ended cannot come back.
            (Event::Lost(A), &[]),
            (Event::Unwell, &[Effect::Return(B)]),
            (Event::Gone(B), &[Effect::Finished]),
        ],
    );
    assert_eq!(unwell.tally(), Tally { total: 2, replaced: 1, returned: 1 });
}

#[test]
fn nothing_to_do_is_finished() {
    assert_eq!(Rollout::new([], ONE).step(Event::Begin), [Effect::Finished]);
    assert_eq!(Rollout::on_trial([]).step(Event::Begin), [Effect::Finished]);
}

/// An instance as the world has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Instance {
    /// The run that was there before.
    old: Life,
    new: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    None,
    Starting,
    Serves,
    StandsBy,
    Leaves,
}

/// What is done by effects, and which answers are due.
struct World {
    instances: BTreeMap<ProcessId, Instance>,
    due: Vec<Event>,
    finished: usize,
}

impl World {
    fn new(count: u32) -> Self {
        let instance = Instance { old: Life::Serves, new: Life::None };
        Self { instances: (0..count).map(|id| (ProcessId(id), instance)).collect(), due: Vec::new(), finished: 0 }
    }

    fn carry_out(&mut self, effect: Effect, fails: bool) {
        let of = |world: &mut Self, id, change: fn(&mut Instance)| change(world.instances.get_mut(&id).unwrap());
        match effect {
            Effect::StartReplacement(id) => {
                of(self, id, |one| one.new = Life::Starting);
                self.due.push(if fails { Event::Failed(id) } else { Event::Ready(id) });
            }
            Effect::Abandon(id) => {
                // Whatever it was about to say, it is gone.
                self.due.retain(|event| !matches!(event, Event::Ready(other) | Event::Failed(other) if *other == id));
                self.due.push(Event::Failed(id));
            }
            Effect::Swap(id) => of(self, id, |one| *one = Instance { old: Life::StandsBy, new: Life::Serves }),
            Effect::Retire(id) => {
                of(self, id, |one| one.old = Life::Leaves);
                self.due.push(Event::Gone(id));
            }
            Effect::Return(id) => {
                of(self, id, |one| *one = Instance { old: Life::Serves, new: Life::Leaves });
                self.due.push(Event::Gone(id));
            }
            Effect::Watch => self.due.push(if fails { Event::Unwell } else { Event::StayedWell }),
            Effect::Finished => self.finished += 1,
        }
    }

    /// What has happened, before the rollout hears of it.
    fn happens(&mut self, event: Event) {
        let (Event::Failed(id) | Event::Gone(id) | Event::Lost(id)) = event else { return };
        let one = self.instances.get_mut(&id).unwrap();
        for life in [&mut one.old, &mut one.new] {
            let goes = match event {
                Event::Failed(_) => *life == Life::Starting,
                Event::Gone(_) => *life == Life::Leaves,
                _ => *life == Life::StandsBy,
            };
            if goes {
                *life = Life::None;
            }
        }
    }

    fn serving(&self) -> usize {
        self.instances.values().filter(|one| one.old == Life::Serves || one.new == Life::Serves).count()
    }
}

proptest! {
    /// Whatever fails, in whatever order the answers come, and with old ones that end by themselves: as many serve as
    /// before, no more are between two runs than was said, and it ends, once, with a tally that is true.
    #[test]
    fn never_fewer_and_always_an_end(
        count in 0..6u32,
        parallel in 1..4usize,
        on_trial: bool,
        failures in prop::collection::vec(prop::bool::weighted(0.2), 12),
        picks in prop::collection::vec(any::<usize>(), 40),
        accidents in prop::collection::vec(prop::option::weighted(0.2, 0..7u32), 40),
    ) {
        let (mut world, mut failures) = (World::new(count), failures.into_iter().cycle());
        let mut rollout = Rollout::new((0..count).map(ProcessId), Pace { parallel, on_trial });
        world.due.push(Event::Begin);
        let (mut picks, mut accidents) = (picks.into_iter().cycle(), accidents.into_iter());
        while !world.due.is_empty() {
            let mut events = Vec::new();
            match accidents.next().flatten() {
                Some(6) => events.push(Event::Unwell),
                Some(id) if world.instances.get(&ProcessId(id)).is_some_and(|one| one.old == Life::StandsBy) => {
                    events.push(Event::Lost(ProcessId(id)));
                }
                _ => {}
            }
            let at = picks.next().unwrap() % world.due.len();
            events.push(world.due.swap_remove(at));
            for event in events {
                world.happens(event);
                for effect in rollout.step(event) {
                    world.carry_out(effect, failures.next().unwrap());
                    prop_assert_eq!(world.serving(), count as usize, "after {:?}", effect);
                }
                let between = world.instances.values().filter(|one| {
                    one.new == Life::Starting || one.old == Life::Leaves && !on_trial
                });
                prop_assert!(between.count() <= parallel);
            }
        }
        prop_assert_eq!(world.finished, 1);
        let news = world.instances.values().filter(|one| one.new == Life::Serves).count();
        prop_assert_eq!(rollout.tally().replaced, news);
        prop_assert!(world.instances.values().all(|one| (one.old == Life::Serves) != (one.new == Life::Serves)));
        prop_assert!(world.instances.values().all(|one| one.old == Life::None || one.new == Life::None), "nothing is left over");
    }
}
