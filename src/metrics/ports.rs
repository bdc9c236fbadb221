//! Who holds what an app wants to listen on. A look goes through all processes, so that it is remembered for a moment.

use crate::domain::port::Taken;
use crate::sys::ports::{self, Held};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// A look is good for so long.
const FRESH: Duration = Duration::from_secs(2);
/// Looks in that time: 200 apps that want 200 ports don't make 200.
const MOST: usize = 4;

#[derive(Debug, Default)]
pub struct Ports {
    seen: BTreeMap<Taken, (Duration, Held)>,
}

impl Ports {
    /// `None` where it was not looked.
    pub fn holder(&mut self, of: &Taken, now: Duration) -> Option<Held> {
        self.seen.retain(|_, (at, _)| now.saturating_sub(*at) < FRESH);
        if let Some((_, held)) = self.seen.get(of) {
            return Some(held.clone());
        }
        if self.seen.len() >= MOST {
            return None;
        }
        let held = match of {
            Taken::Port(port) => ports::of_port(*port),
            Taken::Path(path) => ports::of_path(Path::new(path)),
            Taken::Something => return None,
        };
        self.seen.insert(of.clone(), (now, held.clone()));
        Some(held)
    }
}
