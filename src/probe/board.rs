//! The last answers, for whoever looks.

use crate::domain::UnixMs;
use crate::domain::health::Kind;
use crate::domain::spec::{Check, Probe, Probes};
use std::cell::RefCell;
use std::rc::Rc;

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub success: bool,
    /// In words.
    pub text: String,
}

impl Answer {
    pub(super) fn yes(text: impl Into<String>) -> Self {
        Self { success: true, text: text.into() }
    }

    pub(super) fn no(text: impl Into<String>) -> Self {
        Self { success: false, text: text.into() }
    }
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub kind: Kind,
    /// What is asked, in words.
    pub question: String,
    /// What its answers amount to; `None` before there are enough.
    pub passes: Option<bool>,
    /// Since when they do.
    pub since: UnixMs,
    pub last: Option<Answer>,
    /// In a row, as far as they count.
    pub failures: u32,
    pub failure_threshold: u32,
}

/// All probes of a run. Cheap to clone; all copies are the same board.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Most runs are asked nothing.
    rows: Option<Rc<RefCell<Vec<Row>>>>,
}

impl Board {
    pub(super) fn new(probes: &Probes, now: UnixMs) -> Self {
        let row = |kind, probe: &Option<Box<Probe>>| {
            let probe = probe.as_ref()?;
            Some(Row {
                kind,
                question: question(&probe.check),
                passes: None,
                since: now,
                last: None,
                failures: 0,
                failure_threshold: probe.failure_threshold,
            })
        };
        let rows = [(Kind::Startup, &probes.startup), (Kind::Ready, &probes.ready), (Kind::Live, &probes.live)];
        Self {
            rows: Some(Rc::new(RefCell::new(rows.into_iter().filter_map(|(kind, probe)| row(kind, probe)).collect()))),
        }
    }

    /// A copy of what is on it.
    pub fn rows(&self) -> Vec<Row> {
        self.rows.as_ref().map(|rows| rows.borrow().clone()).unwrap_or_default()
    }

    pub fn row(&self, kind: Kind) -> Option<Row> {
        self.rows.as_ref()?.borrow().iter().find(|row| row.kind == kind).cloned()
    }

    pub(super) fn note(&self, kind: Kind, change: impl FnOnce(&mut Row)) {
        let Some(rows) = &self.rows else { return };
        if let Some(row) = rows.borrow_mut().iter_mut().find(|row| row.kind == kind) {
            change(row);
        }
    }
}

fn question(check: &Check) -> String {
    match check {
        Check::Http { host, port, path, .. } => format!("GET http://{}:{port}{path}", bracketed(host)),
        Check::Tcp { host, port } => format!("connect to {}:{port}", bracketed(host)),
        Check::Exec { command } => format!("run {}", command.join(" ")),
    }
}

/// An address that holds colons stands in brackets before a port.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
