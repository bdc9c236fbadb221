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
    /// For those of which it is known.
    pub fn holders(&mut self, of: &BTreeSet<Taken>, now: Duration) -> BTreeMap<Taken, Held> {
        self.seen.retain(|_, (at, _)| now.saturating_sub(*at) < FRESH);
        let unknown = of.iter().filter(|taken| !self.seen.contains_key(taken)).cloned().collect();
        self.seen.extend(holders_now(&unknown).into_iter().map(|(taken, held)| (taken, (now, held))));
        of.iter().filter_map(|taken| Some((taken.clone(), self.seen.get(taken)?.1.clone()))).collect()
    }
}

/// The same without remembering it, for what is about to change.
pub fn holders_now(of: &BTreeSet<Taken>) -> BTreeMap<Taken, Held> {
    let (taken, addresses): (Vec<_>, Vec<Address>) =
        of.iter().filter_map(|taken| Some((taken.clone(), address(taken)?))).take(MOST).unzip();
    if taken.is_empty() {
        return BTreeMap::new();
    }
    taken.into_iter().zip(ports::look(&addresses)).collect()
}

fn address(of: &Taken) -> Option<Address> {
    match of {
        Taken::Port(port) => Some(Address::Port(*port)),
        Taken::Path(path) => Some(Address::Path(path.into())),
        Taken::Something => None,
    }
}
