//! What the replacement of a process has to show before the old one goes.

use super::health;
use super::readiness::Awaited;
use super::spec::ReadyPolicy;

/// How long a replacement has to become ready when the app doesn't say (`listen_timeout`).
const READY_TIMEOUT: u64 = 30_000;

/// What a replacement has to show before the old process goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// It listens, as its predecessor did.
    pub listening: bool,
    /// Its predecessor never listened, and nothing tells: it stays up this long.
    pub uptime: Option<u64>,
    /// For all of it.
    pub timeout: u64,
}

impl Requirement {
    /// Of an app whose old process has `listened`, or not. The word of an app itself is enough; probes are not, where
    /// the workers share a port: the old one answers too.
    pub fn new(policy: &ReadyPolicy, listened: bool, min_uptime: u64) -> Self {
        let listening = listened && !policy.says_so();
        let uptime = (!listening && !policy.asks()).then_some(min_uptime);
        let startup = policy.probes.startup.as_ref().map_or(0, |probe| health::startup_budget(probe));
        let timeout = policy.listen_timeout.unwrap_or_else(|| startup.max(READY_TIMEOUT));
        // Staying up takes that long in any case.
        Self { listening, uptime, timeout: timeout.saturating_add(uptime.unwrap_or(0)) }
    }

    /// What is missing, in words; `missing` is what its settings ask for and it has not shown.
    pub fn missing(self, missing: Option<Awaited>, listens: bool, uptime: u64) -> Option<String> {
        if let Some(what) = missing {
            return Some(format!("it waits for {what}"));
        }
        match self.uptime {
            _ if self.listening && !listens => Some("it has to listen, as the old one does".to_owned()),
            Some(least) if uptime < least => Some(format!("it has to stay up for {least} ms")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Check, Probe, Probes};

    #[test]
    fn what_a_replacement_has_to_show() {
        let plain = ReadyPolicy::default();
        let probe = || Some(Box::new(Probe::of(Check::Tcp { host: "h".into(), port: 1 })));
        let word = ReadyPolicy { wait_ready: true, listen_timeout: Some(50), ..ReadyPolicy::default() };
        let probes = Probes { ready: probe(), startup: None, live: None };
        let probed = ReadyPolicy { probes, ..ReadyPolicy::default() };
        for (policy, listened, expected) in [
            (&plain, false, Requirement { listening: false, uptime: Some(7), timeout: 30_007 }),
            (&plain, true, Requirement { listening: true, uptime: None, timeout: 30_000 }),
            (&word, true, Requirement { listening: false, uptime: None, timeout: 50 }),
            (&probed, true, Requirement { listening: true, uptime: None, timeout: 30_000 }),
            (&probed, false, Requirement { listening: false, uptime: None, timeout: 30_000 }),
        ] {
            assert_eq!(Requirement::new(policy, listened, 7), expected, "{policy:?}");
        }
        let slow = Probe { failure_threshold: 12, ..Probe::of(Check::Tcp { host: "h".into(), port: 1 }) };
        let probes = Probes { startup: Some(Box::new(slow)), ready: None, live: None };
        assert!(Requirement::new(&ReadyPolicy { probes, ..plain }, false, 7).timeout > 120_000);
    }

    #[test]
    fn all_of_it_has_to_be_shown() {
        let both = Requirement { listening: true, uptime: None, timeout: 1 };
        assert!(both.missing(Some(Awaited::Word), true, 0).unwrap().contains("ready"));
        assert!(both.missing(None, false, 0).unwrap().contains("listen"));
        assert_eq!(both.missing(None, true, 0), None);
        let up = Requirement { listening: false, uptime: Some(10), timeout: 1 };
        assert!(up.missing(None, true, 9).unwrap().contains("10 ms"));
        assert_eq!(up.missing(None, false, 10), None);
    }
}
