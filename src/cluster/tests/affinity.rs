//! Connections that go where the others of their client went.

use super::super::affinity::{MOST_PATIENT, PATIENCE};
use super::super::primary::{Carried, Primary};
use super::super::sched::{Client, Way};
use super::super::worker::{REFUSAL_PAUSE, Seat, WorkerId};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(100);

/// A connection of the client with this number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Of(u32);

impl Carried for Of {
    fn came_back(&self) {}

    fn client(&self) -> Option<Client> {
        Some(Client::of(Ipv4Addr::from(self.0).into()))
    }
}

fn after(ms: u64) -> Duration {
    NOW + Duration::from_millis(ms)
}

fn primary(seats: u32) -> Primary<Of> {
    let mut primary = Primary::new(0);
    primary.open("k", Way::ByClient);
    for seat in 0..seats {
        begin(&mut primary, seat, seat);
    }
    primary
}

fn begin(primary: &mut Primary<Of>, id: u32, seat: u32) {
    primary.add_worker(WorkerId(id), Seat(seat));
    assert!(primary.join(WorkerId(id), "k"));
}

/// Who gets a connection of the client at this time, and takes it.
fn serve(primary: &mut Primary<Of>, client: u32, now: Duration) -> Option<u32> {
    let hand_over = primary.accepted("k", Of(client), now)?;
    assert_eq!(hand_over.connection, Of(client));
    primary.answered(hand_over.worker, hand_over.seq, true, now);
    Some(hand_over.worker.0)
}

/// A client whose worker is the one of that seat, among so many.
fn client_of(seat: u32, seats: u32) -> u32 {
    let mut primary = primary(seats);
    (1..u32::MAX).find(|client| serve(&mut primary, *client, NOW) == Some(seat)).unwrap()
}

#[test]
fn a_client_is_always_served_by_the_same_worker() {
    let mut primary = primary(4);
    let first: Vec<_> = (0..100).map(|client| serve(&mut primary, client, NOW)).collect();
    for _ in 0..3 {
        let again: Vec<_> = (0..100).map(|client| serve(&mut primary, client, NOW)).collect();
        assert_eq!(first, again);
    }
    assert!((0..4).all(|seat| first.contains(&Some(seat))));
}

#[test]
fn a_replacement_has_the_clients_of_its_seat() {
    let (mut primary, client) = (primary(3), client_of(1, 3));
    primary.gone(WorkerId(1), NOW);
    assert_eq!(serve(&mut primary, client, after(100)), None, "it waits for the one that is to come");
    begin(&mut primary, 7, 1);
    let hand_over = primary.dispatch_any(after(200)).unwrap();
    assert_eq!((hand_over.worker, hand_over.connection), (WorkerId(7), Of(client)));
    // A reload: both have the seat for a while, and only one of them gets connections.
    begin(&mut primary, 8, 1);
    primary.retire(WorkerId(7));
    assert_eq!(serve(&mut primary, client, after(300)), Some(8));
}

#[test]
fn nobody_waits_for_a_worker_for_ever() {
    let (mut primary, client) = (primary(2), client_of(0, 2));
    primary.gone(WorkerId(0), NOW);
    assert_eq!(serve(&mut primary, client, after(100)), None);
    assert_eq!(primary.next_try(after(100)), Some(after(100) + PATIENCE));
    assert_eq!(primary.dispatch_any(after(99) + PATIENCE), None);
    assert_eq!(primary.dispatch_any(after(100) + PATIENCE).unwrap().worker, WorkerId(1));
}

#[test]
fn clients_of_a_seat_that_nobody_comes_to_are_the_others() {
    for give_up in [
        |primary: &mut Primary<Of>| primary.retire(WorkerId(0)),
        |primary: &mut Primary<Of>| primary.leave(WorkerId(0), "k"),
        |primary: &mut Primary<Of>| {
            primary.gone(WorkerId(0), NOW);
            primary.vacate(Seat(0));
        },
    ] {
        let (mut primary, client) = (primary(2), client_of(0, 2));
        give_up(&mut primary);
        assert_eq!(serve(&mut primary, client, NOW), Some(1));
    }
}

#[test]
fn a_full_worker_holds_up_its_own_clients_only() {
    let (mut primary, own, other) = (primary(2), client_of(0, 2), client_of(1, 2));
    for _ in 0..primary.window(WorkerId(0)) {
        assert_eq!(primary.accepted("k", Of(own), NOW).unwrap().worker, WorkerId(0));
    }
    assert_eq!(primary.accepted("k", Of(own), NOW), None);
    assert_eq!(serve(&mut primary, other, NOW), Some(1));
    assert_eq!(primary.room("k", NOW), Some(Way::ByClient));
}

#[test]
fn more_than_can_wait_go_to_the_next_at_once() {
    let (mut primary, own) = (primary(2), client_of(0, 2));
    for _ in 0..primary.window(WorkerId(0)) + MOST_PATIENT {
        primary.accepted("k", Of(own), NOW);
    }
    assert_eq!(primary.accepted("k", Of(own), NOW).unwrap().worker, WorkerId(1));
}

#[test]
fn who_is_refused_goes_to_the_next() {
    let (mut primary, client) = (primary(2), client_of(0, 2));
    let first = primary.accepted("k", Of(client), NOW).unwrap();
    primary.answered(first.worker, first.seq, false, NOW);
    assert_eq!((first.worker, primary.dispatch_any(NOW).unwrap().worker), (WorkerId(0), WorkerId(1)));
    assert_eq!(primary.next_try(NOW), Some(NOW + REFUSAL_PAUSE));
}

proptest! {
    /// Whoever comes and goes: clients whose seats had a worker all the time have not moved.
    #[test]
    fn only_those_move_that_must(seats in 2..8_u32, gone in prop::collection::btree_set(0..8_u32, 1..4)) {
        let mut primary = primary(seats);
        let before: BTreeMap<u32, u32> =
            (0..60).map(|client| (client, serve(&mut primary, client, NOW).unwrap())).collect();
        let gone: Vec<u32> = gone.into_iter().filter(|seat| *seat < seats).take(seats as usize - 1).collect();
        for seat in &gone {
            primary.retire(WorkerId(*seat));
            primary.gone(WorkerId(*seat), NOW);
        }
        for (client, seat) in &before {
            let now = serve(&mut primary, *client, NOW).unwrap();
            let is_right = if gone.contains(seat) { !gone.contains(&now) } else { now == *seat };
            prop_assert!(is_right);
        }
        for seat in &gone {
            begin(&mut primary, 100 + seat, *seat);
        }
        for (client, seat) in before {
            let now = serve(&mut primary, client, NOW).unwrap();
            prop_assert_eq!(now % 100, seat, "they are back with the seat");
        }
    }
}

#[test]
fn clients_of_one_that_is_not_ready_do_not_wait_for_it() {
    let mut primary = primary(3);
    let client = client_of(1, 3);
    primary.hold_back(WorkerId(1), true);
    let elsewhere = serve(&mut primary, client, NOW).unwrap();
    assert_ne!(elsewhere, 1);
    assert_eq!(serve(&mut primary, client, after(1)), Some(elsewhere), "all of them go to the same one");
    // Its replacement takes the place, not ready, while the one before is.
    primary.hold_back(WorkerId(1), false);
    begin(&mut primary, 7, 1);
    primary.hold_back(WorkerId(7), true);
    assert_eq!(serve(&mut primary, client, after(2)), Some(1));
    primary.hold_back(WorkerId(7), false);
    primary.retire(WorkerId(1));
    assert_eq!(serve(&mut primary, client, after(3)), Some(7));
}
