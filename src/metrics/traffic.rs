//! How much goes over the network and to disks: differences between two looks at what the system counts.

use crate::sys::counters::{self, Direction, Disks, Interface};
use std::time::Duration;

/// Seconds. What is counted in less time tells nothing.
const SHORTEST: f64 = 0.1;

/// Of one interface, by the second.
#[derive(Debug, Clone, PartialEq)]
pub struct InterfaceRates {
    pub name: String,
    pub received: Rates,
    pub sent: Rates,
}

/// Bytes a second; errors and what was dropped a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    pub bytes: f64,
    pub errors: f64,
    pub dropped: f64,
}

/// Bytes a second, of all disks together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DiskRates {
    pub read: f64,
    pub written: f64,
}

/// What was counted at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    at: Duration,
    interfaces: Vec<Interface>,
    disks: Option<Disks>,
}

impl Counted {
    pub(super) fn now(at: Duration) -> Self {
        Self { at, interfaces: counters::interfaces(), disks: counters::disks() }
    }

    /// Whether so little time has passed since the look before that this one says nothing.
    pub(super) fn is_too_soon_after(&self, before: &Self) -> bool {
        self.seconds_since(before) < SHORTEST
    }

    fn seconds_since(&self, before: &Self) -> f64 {
        self.at.saturating_sub(before.at).as_secs_f64()
    }

    pub(super) fn network_since(&self, before: &Self) -> Vec<InterfaceRates> {
        let seconds = self.seconds_since(before);
        let rates = |now: Direction, then: Direction| Rates {
            bytes: rate(now.bytes, then.bytes, seconds),
            errors: rate(now.errors, then.errors, seconds) * 60.0,
            dropped: rate(now.dropped, then.dropped, seconds) * 60.0,
        };
        let of = |now: &Interface| {
            // One that has come since has carried nothing that we know of.
            let known = before.interfaces.iter().find(|known| known.name == now.name).unwrap_or(now);
            let (received, sent) = (rates(now.received, known.received), rates(now.sent, known.sent));
            InterfaceRates { name: now.name.clone(), received, sent }
        };
        self.interfaces.iter().map(of).collect()
    }

    pub(super) fn disks_since(&self, before: &Self) -> Option<DiskRates> {
        let (now, then) = (self.disks?, before.disks?);
        let seconds = self.seconds_since(before);
        Some(DiskRates { read: rate(now.read, then.read, seconds), written: rate(now.written, then.written, seconds) })
    }
}

/// A counter that has become smaller has begun anew.
fn rate(now: u64, then: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { now.saturating_sub(then) as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(seconds: u64, bytes: u64, disk: u64) -> Counted {
        let received = Direction { bytes, errors: bytes / 100, dropped: 0 };
        let eth0 = Interface { name: "eth0".into(), received, sent: Direction::default() };
        let disks = Some(Disks { read: disk, written: 0 });
        Counted { at: Duration::from_secs(seconds), interfaces: vec![eth0], disks }
    }

    #[test]
    fn rates_are_differences() {
        let (before, now) = (counted(10, 1000, 500), counted(12, 3000, 4500));
        let network = now.network_since(&before);
        assert_eq!(network[0].name, "eth0");
        assert!((network[0].received.bytes - 1000.0).abs() < 1e-9);
        assert!((network[0].received.errors - 600.0).abs() < 1e-9);
        assert_eq!(now.disks_since(&before), Some(DiskRates { read: 2000.0, written: 0.0 }));
    }

    #[test]
    fn what_is_new_or_has_begun_anew_has_no_rate() {
        let nothing = Counted { disks: None, interfaces: Vec::new(), ..counted(10, 0, 0) };
        let now = counted(12, 3000, 100);
        assert!(now.network_since(&nothing)[0].received.bytes.abs() < 1e-9);
        assert_eq!(now.disks_since(&nothing), None);
        assert!(counted(13, 0, 0).network_since(&now)[0].received.bytes.abs() < 1e-9);
        assert!(now.is_too_soon_after(&now) && !now.is_too_soon_after(&nothing));
    }
}
