use super::super::window::{LATE, WIDEST};
use super::super::worker::REFUSAL_PAUSE;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: Duration = Duration::from_secs(100);

impl Carried for u32 {
    fn came_back(&self) {}
}

fn two_workers() -> Primary<u32> {
    let mut primary = Primary::new(0);
    primary.open("k", Way::Turns);
    for id in [WorkerId(1), WorkerId(2)] {
        primary.add_worker(id, Seat(id.0));
        assert!(primary.join(id, "k"));
    }
    primary
}

#[test]
fn turns_are_even_and_bounded() {
    let mut primary = two_workers();
    let given: Vec<u32> = (0..9).filter_map(|n| primary.accepted("k", n, NOW)).map(|h| h.worker.0).collect();
    assert_eq!(given, [1, 2, 1, 2, 1, 2, 1, 2]);
    assert!(primary.room("k", NOW).is_none() && primary.has_waiting());
}

#[test]
fn the_less_busy_worker_is_next() {
    let mut primary = two_workers();
    let first = primary.accepted("k", 0, NOW).unwrap();
    let second = primary.accepted("k", 1, NOW).unwrap();
    assert_eq!((first.worker, second.worker), (WorkerId(1), WorkerId(2)));
    primary.answered(WorkerId(2), second.seq, true, NOW);
    assert_eq!(primary.accepted("k", 2, NOW).unwrap().worker, WorkerId(2));
}

#[test]
fn a_blocked_worker_gets_no_more() {
    let mut primary = two_workers();
    let stuck = primary.accepted("k", 0, NOW).unwrap();
    let later = NOW + LATE + Duration::from_micros(1);
    for n in 1..20 {
        let next = primary.accepted("k", n, later).unwrap();
        assert_ne!(next.worker, stuck.worker);
        primary.answered(next.worker, next.seq, true, later);
    }
    primary.answered(stuck.worker, stuck.seq, true, later);
    let (one, other) = (primary.accepted("k", 20, later).unwrap(), primary.accepted("k", 21, later).unwrap());
    assert_ne!(one.worker, other.worker);
}

#[test]
fn a_dead_workers_connections_go_on_in_their_order() {
    let mut primary = two_workers();
    primary.retire(WorkerId(2));
    for n in 0..3 {
        assert_eq!(primary.accepted("k", n, NOW).unwrap().worker, WorkerId(1));
    }
    primary.gone(WorkerId(1), NOW);
    assert_eq!(primary.dispatch_any(NOW), None);
    primary.add_worker(WorkerId(3), Seat(3));
    primary.join(WorkerId(3), "k");
    let again: Vec<u32> = std::iter::from_fn(|| primary.dispatch_any(NOW)).map(|h| h.connection).collect();
    assert_eq!(again, [0, 1, 2]);
}

#[test]
fn a_refusal_is_not_repeated_at_once() {
    let mut primary = two_workers();
    let first = primary.accepted("k", 7, NOW).unwrap();
    primary.answered(first.worker, first.seq, false, NOW);
    let second = primary.dispatch_any(NOW).unwrap();
    assert_eq!((second.worker, second.connection), (WorkerId(2), 7));
    primary.answered(second.worker, second.seq, false, NOW);
    assert_eq!(primary.dispatch_any(NOW + REFUSAL_PAUSE.saturating_sub(Duration::from_micros(1))), None);
    assert_eq!(primary.next_try(NOW), Some(NOW + REFUSAL_PAUSE));
    assert!(primary.dispatch_any(NOW + REFUSAL_PAUSE).is_some());
    assert_eq!(primary.next_try(NOW + REFUSAL_PAUSE), None);
}

#[test]
fn who_refuses_again_and_again_is_asked_less_and_less_often() {
    let mut primary: Primary<u32> = Primary::new(0);
    primary.open("k", Way::Turns);
    primary.add_worker(WorkerId(1), Seat(1));
    primary.join(WorkerId(1), "k");
    let mut now = NOW;
    let mut hand_over = primary.accepted("k", 7, now).unwrap();
    for pause in [20, 40, 80, 160, 160, 160].map(Duration::from_millis) {
        primary.answered(WorkerId(1), hand_over.seq, false, now);
        assert_eq!(primary.next_try(now), Some(now + pause));
        now += pause;
        hand_over = primary.dispatch_any(now).unwrap();
    }
    primary.answered(WorkerId(1), hand_over.seq, true, now);
    let next = primary.accepted("k", 8, now).unwrap();
    primary.answered(WorkerId(1), next.seq, false, now);
    assert_eq!(primary.next_try(now), Some(now + REFUSAL_PAUSE));
}

#[test]
fn a_retired_worker_cannot_join() {
    let mut primary = two_workers();
    primary.open("other", Way::Turns);
    primary.retire(WorkerId(1));
    assert!(!primary.join(WorkerId(1), "other"));
    assert!(!primary.join(WorkerId(9), "other"));
}

proptest! {
    /// Whatever workers do, no connection is lost, doubled, or held by two.
    #[test]
    fn connections_are_conserved(steps in prop::collection::vec((0..7u8, 0..4u32, any::<bool>()), 1..300)) {
        let mut primary: Primary<u32> = Primary::new(0);
        let mut born = 0;
        let mut served = BTreeSet::new();
        let mut outstanding: Vec<(WorkerId, u64, u32)> = Vec::new();
        let mut alive = BTreeSet::new();
        let mut ids = 0;
        primary.open("k", Way::Turns);
        primary.add_worker(WorkerId(0), Seat(0));
        primary.join(WorkerId(0), "k");
        alive.insert(0);
        for (now, (kind, which, yes)) in steps.into_iter().enumerate() {
            let now = Duration::from_millis(now as u64 * 7);
            let mut sent = Vec::new();
            match kind {
                0 => { ids += 1; primary.add_worker(WorkerId(ids), Seat(ids)); primary.join(WorkerId(ids), "k"); alive.insert(ids); }
                1 | 2 => { sent.extend(primary.accepted("k", born, now)); born += 1; }
                3 | 4 if !outstanding.is_empty() => {
                    let (worker, seq, connection) = outstanding.remove(which as usize % outstanding.len());
                    prop_assert!(primary.answered(worker, seq, yes, now));
                    prop_assert!(!primary.answered(worker, seq, yes, now));
                    if yes { prop_assert!(served.insert(connection)); }
                }
                5 => { if let Some(&id) = alive.iter().nth(which as usize + 1) { primary.retire(WorkerId(id)); } }
                6 => if let Some(&id) = alive.iter().nth(which as usize + 1) {
                    alive.remove(&id);
                    primary.gone(WorkerId(id), now);
                    outstanding.retain(|(worker, ..)| worker.0 != id);
                },
                _ => {}
            }
            sent.extend(std::iter::from_fn(|| primary.dispatch_any(now)));
            for hand_over in sent {
                prop_assert!(alive.contains(&hand_over.worker.0));
                prop_assert!(!outstanding.iter().any(|(.., connection)| *connection == hand_over.connection));
                prop_assert!(!served.contains(&hand_over.connection));
                outstanding.push((hand_over.worker, hand_over.seq, hand_over.connection));
            }
            for id in &alive {
                prop_assert!(primary.unacknowledged(WorkerId(*id)) <= WIDEST);
            }
        }
        let waiting = primary.close("k").len();
        prop_assert_eq!(served.len() + outstanding.len() + waiting, born as usize);
    }
}

#[test]
fn who_is_not_ready_gets_nothing_while_another_is() {
    let mut primary = two_workers();
    assert!(primary.hold_back(WorkerId(1), true) && !primary.hold_back(WorkerId(1), true));
    let given: Vec<_> = (0..6).filter_map(|n| primary.accepted("k", n, NOW)).collect();
    assert!(given.len() == 4 && given.iter().all(|one| one.worker == WorkerId(2)), "{given:?}");
    assert!(primary.has_waiting() && primary.room("k", NOW).is_none(), "they wait for the one that is ready");
    primary.hold_back(WorkerId(1), false);
    assert_eq!(primary.dispatch_any(NOW).unwrap().worker, WorkerId(1));
}

#[test]
fn where_nobody_is_ready_all_have_their_turns() {
    for dies in [false, true] {
        let mut primary = two_workers();
        primary.hold_back(WorkerId(1), true);
        if dies {
            primary.gone(WorkerId(2), NOW);
        } else {
            primary.retire(WorkerId(2));
        }
        assert_eq!(primary.accepted("k", 0, NOW).unwrap().worker, WorkerId(1));
    }
    let mut primary = two_workers();
    for id in [1, 2] {
        primary.hold_back(WorkerId(id), true);
    }
    let given: Vec<u32> = (0..4).filter_map(|n| primary.accepted("k", n, NOW)).map(|h| h.worker.0).collect();
    assert_eq!(given, [1, 2, 1, 2]);
}

/// A connection for one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ForOne;

impl Carried for ForOne {
    fn came_back(&self) {}

    fn is_for_one(&self) -> bool {
        true
    }
}

#[test]
fn what_is_for_one_worker_reaches_it_whatever_it_is_like_and_nobody_else() {
    let mut primary: Primary<ForOne> = Primary::new(0);
    primary.open("k", Way::Turns);
    for id in [WorkerId(1), WorkerId(2)] {
        primary.add_worker(id, Seat(id.0));
    }
    assert_eq!(primary.address(WorkerId(1), "k", ForOne, NOW), None, "it doesn't listen yet");
    primary.join(WorkerId(1), "k");
    primary.join(WorkerId(2), "k");
    primary.hold_back(WorkerId(1), true);
    primary.retire(WorkerId(1));
    let seqs: Vec<u64> = (0..20)
        .filter_map(|_| primary.address(WorkerId(1), "k", ForOne, NOW))
        .map(|one| {
            assert_eq!(one.worker, WorkerId(1));
            one.seq
        })
        .collect();
    assert_eq!(seqs.len(), WIDEST, "who takes nothing is not given more and more");
    assert!(primary.answered(WorkerId(1), seqs[0], false, NOW));
    assert_eq!(primary.gone(WorkerId(1), NOW), 0);
    assert!(!primary.has_waiting());
}
