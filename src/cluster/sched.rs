//! Which worker a connection goes to, by the app's schedule and by what is listened on. Pure.

use super::listener::Bound;
use super::query::Address;
use super::worker::Seat;
use crate::domain::spec::Sched;
use std::net::IpAddr;

/// How the connections of one server come to its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// We accept them: to the worker with the fewest that it has not taken.
    Turns,
    /// We accept them: always to the same worker for a client.
    ByClient,
    /// Each worker accepts its own: the kernel chooses among as many listeners.
    PerSeat,
}

impl Way {
    /// A unix path has one listener, and its clients have no address. UDP and what a worker has bound itself have their
    /// own ways.
    pub(super) fn of(sched: Sched, address: &Address) -> Self {
        let is_tcp = matches!(address, Address::AnyTcp { .. } | Address::Tcp { .. });
        match sched {
            Sched::Kernel if is_tcp => Self::PerSeat,
            Sched::IpHash if is_tcp => Self::ByClient,
            Sched::RoundRobin | Sched::Kernel | Sched::IpHash => Self::Turns,
        }
    }

    /// Of a server whose connections we accept, once it is open.
    pub(super) fn of_accepted(sched: Sched, bound: &Bound) -> Self {
        match (sched, bound) {
            (Sched::IpHash, Bound::Tcp(_)) => Self::ByClient,
            _ => Self::Turns,
        }
    }

    /// The schedule that it is, as it is written.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Turns => "round-robin",
            Self::ByClient => "ip-hash",
            Self::PerSeat => "kernel",
        }
    }
}

/// A client, by its address: all its connections are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client(u128);

impl Client {
    /// An IPv4 client is the same at a listener of both, which sees its address inside an IPv6 one.
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        })
    }

    /// How much the client is the seat's: among any seats it belongs to the one with the most. So a seat that comes
    /// takes clients from all others alike, and one that goes gives its own to all others: nobody else moves.
    pub(super) fn weight(self, seat: Seat) -> u64 {
        let halves = mix((self.0 >> 64) as u64) ^ self.0 as u64;
        mix(mix(halves) ^ u64::from(seat.0).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// Each bit of the argument changes half of those of the result. It must stay as it is: another one sends all clients
/// elsewhere when a daemon of another version goes on.
const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn seat_of(client: Client, seats: impl IntoIterator<Item = u32>) -> u32 {
        seats.into_iter().max_by_key(|seat| client.weight(Seat(*seat))).unwrap()
    }

    fn clients(count: u32) -> impl Iterator<Item = Client> {
        (0..count).map(|number| Client::of(Ipv4Addr::from(0x0a00_0000 + number).into()))
    }

    #[test]
    fn a_client_is_the_same_on_both_kinds_of_listener() {
        let [four, six] = ["192.0.2.7", "::ffff:192.0.2.7"].map(|text| Client::of(text.parse().unwrap()));
        assert_eq!(four, six);
        assert_ne!(Client::of("2001:db8::1".parse().unwrap()), Client::of("2001:db8::2".parse().unwrap()));
    }

    #[test]
    fn where_clients_belong_never_changes() {
        let seats = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2", "127.0.0.1"]
            .map(|text| seat_of(Client::of(text.parse().unwrap()), 0..4));
        assert_eq!(seats, [0, 3, 3, 3, 0, 2]);
    }

    #[test]
    fn neighbours_are_spread_evenly() {
        for seats in [2, 3, 8] {
            let mut counts = vec![0_u32; seats as usize];
            clients(8000).for_each(|client| counts[seat_of(client, 0..seats) as usize] += 1);
            let even = 8000 / seats;
            assert!(counts.iter().all(|count| count.abs_diff(even) < even / 10), "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn only_the_clients_of_a_seat_that_goes_move(seats in prop::collection::btree_set(0..50_u32, 2..12)) {
            let gone = *seats.iter().next().unwrap();
            for client in clients(200) {
                let before = seat_of(client, seats.iter().copied());
                let after = seat_of(client, seats.iter().copied().filter(|seat| *seat != gone));
                prop_assert!(before == after || before == gone);
            }
        }
    }

    #[test]
    fn paths_have_one_listener_and_nameless_clients() {
        let path = Address::Unix { path: "/run/x".into(), readable_all: false, writable_all: false };
        for sched in [Sched::RoundRobin, Sched::Kernel, Sched::IpHash] {
            assert_eq!(Way::of(sched, &path), Way::Turns);
        }
        let port = Address::AnyTcp { port: 0 };
        let ways = [Sched::RoundRobin, Sched::Kernel, Sched::IpHash].map(|sched| Way::of(sched, &port));
        assert_eq!(ways, [Way::Turns, Way::PerSeat, Way::ByClient]);
        assert_eq!(ways.map(Way::word), ["round-robin", "kernel", "ip-hash"]);
    }
}
