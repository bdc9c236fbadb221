//! What a run has to show before it counts as ready.

use super::spec::{Probes, ReadyPolicy};
use std::fmt;

/// What a run has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sign of its own")]
pub struct Signs {
    /// `process.send('ready')`.
    pub word: bool,
    /// Node is up in it, as a worker of a cluster.
    pub node: bool,
    /// `READY=1`.
    pub notified: bool,
    /// The line of output that is waited for.
    pub line: bool,
    pub started_up: bool,
    /// Its ready probe succeeds now.
    pub serves: bool,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    Word,
    Node,
    Notification,
    Line,
    Startup,
    Serving,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Word => "'ready'",
            Self::Node => "Node to come up",
            Self::Notification => "READY=1 on its NOTIFY_SOCKET",
            Self::Line => "a line of output that matches its ready_log",
            Self::Startup => "its startup probe",
            Self::Serving => "its ready probe",
        })
    }
}

/// The first thing that is missing. A `worker` of a cluster comes up in any case; one that says a word has.
pub fn awaited(policy: &ReadyPolicy, worker: bool, signs: Signs) -> Option<Awaited> {
    let wanted = [
        (policy.probes.startup.is_some(), signs.started_up, Awaited::Startup),
        (policy.wait_ready, signs.word, Awaited::Word),
        (worker && !policy.wait_ready, signs.node, Awaited::Node),
        (policy.notify, signs.notified, Awaited::Notification),
        (policy.log_line.is_some(), signs.line, Awaited::Line),
        (policy.probes.ready.is_some(), signs.serves, Awaited::Serving),
    ];
    wanted.into_iter().find_map(|(wanted, shown, what)| (wanted && !shown).then_some(what))
}

impl ReadyPolicy {
    /// Whether anything has to be shown at all.
    pub fn asks(&self) -> bool {
        self.says_so() || self.probes.startup.is_some() || self.probes.ready.is_some()
    }

    /// Whether the app itself says when it is ready.
    pub fn says_so(&self) -> bool {
        self.wait_ready || self.notify || self.log_line.is_some()
    }
}

impl Probes {
    /// Whether anything is asked.
    pub fn any(&self) -> bool {
        self.startup.is_some() || self.ready.is_some() || self.live.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Check, Probe};

    #[test]
    fn everything_that_is_asked_for_has_to_be_shown() {
        let probe = Some(Box::new(Probe::of(Check::Tcp { host: "h".into(), port: 1 })));
        let policy = ReadyPolicy {
            wait_ready: true,
            notify: true,
            log_line: Some("x".into()),
            probes: Probes { startup: probe.clone(), ready: probe, live: None },
            ..ReadyPolicy::default()
        };
        let mut signs = Signs::default();
        let mut seen = Vec::new();
        while let Some(what) = awaited(&policy, true, signs) {
            seen.push(what);
            match what {
                Awaited::Word => signs.word = true,
                Awaited::Node => signs.node = true,
                Awaited::Notification => signs.notified = true,
                Awaited::Line => signs.line = true,
                Awaited::Startup => signs.started_up = true,
                Awaited::Serving => signs.serves = true,
            }
        }
        let all = [Awaited::Startup, Awaited::Word, Awaited::Notification, Awaited::Line, Awaited::Serving];
        assert_eq!(seen, all);
    }

    #[test]
    fn nothing_is_asked_of_a_plain_app_and_node_of_a_worker() {
        let plain = ReadyPolicy::default();
        assert!(!plain.asks());
        assert_eq!(awaited(&plain, false, Signs::default()), None);
        assert_eq!(awaited(&plain, true, Signs::default()), Some(Awaited::Node));
        assert_eq!(awaited(&plain, true, Signs { node: true, ..Signs::default() }), None);
    }
}
