//! Who holds what apps want to listen on. A look goes through all processes, so that it is remembered for a moment.

use crate::domain::port::Taken;
use crate::sys::ports::{self, Address, Held};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A look is good for so long.
const FRESH: Duration = Duration::from_secs(2);
/// Addresses of one look.
const MOST: usize = 64;

#[derive(Debug, Default)]
pub struct Ports {
    seen: BTreeMap<Taken, (Duration, Held)>,
}

impl Ports {
    /// They are looked at again: somebody has just started what may hold them.
    pub fn forget(&mut self, of: &BTreeSet<Taken>) {
        self.seen.retain(|taken, _| !of.contains(taken));
    }

    /// For those of which it is known.
    pub fn holders(&mut self, of: &BTreeSet<Taken>, now: Duration) -> BTreeMap<Taken, Held> {
        self.seen.retain(|_, (at, _)| now.saturating_sub(*at) < FRESH);
        let unknown = of.iter().filter(|taken| !self.seen.contains_key(taken));
        let unknown: Vec<_> = unknown.filter_map(|taken| Some((taken, address(taken)?))).take(MOST).collect();
        if !unknown.is_empty() {
            let addresses: Vec<Address> = unknown.iter().map(|(_, address)| address.clone()).collect();
            for ((taken, _), held) in unknown.into_iter().zip(ports::look(&addresses)) {
                self.seen.insert(taken.clone(), (now, held));
            }
        }
        of.iter().filter_map(|taken| Some((taken.clone(), self.seen.get(taken)?.1.clone()))).collect()
    }
}

fn address(of: &Taken) -> Option<Address> {
    match of {
        Taken::Port(port) => Some(Address::Port(*port)),
        Taken::Path(path) => Some(Address::Path(path.into())),
        Taken::Something => None,
    }
}
