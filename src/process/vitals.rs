//! What tells how a run is, beside its channel: probes, its notifications, a line of its output.

use super::context::Context;
use super::notify::{Heard, Notify};
use crate::domain::health::Verdict;
use crate::domain::{AppSpec, SpawnId};
use crate::probe::{Answer, Prober};
use crate::slots::Standing;
use regex_lite::Regex;
use tokio::sync::oneshot;

/// Of one run.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    pub(super) prober: Option<Prober>,
    pub(super) notify: Option<Notify>,
    pub(super) line: Option<oneshot::Receiver<()>>,
}

/// A change.
#[derive(Debug)]
pub(super) enum Sign {
    Probe(Verdict, Answer),
    Notified(Heard),
    /// The line of output has come.
    Line,
}

impl Vitals {
    pub(super) fn any(&self) -> bool {
        self.prober.is_some() || self.notify.is_some() || self.line.is_some()
    }

    /// `None` where nothing is asked, which is the rule.
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        self.any().then(|| Box::new(self))
    }

    /// The next change. Safe to cancel; never ends.
    pub(super) async fn next(&mut self) -> Sign {
        let probe = async {
            match &mut self.prober {
                Some(prober) => prober.next().await,
                None => std::future::pending().await,
            }
        };
        let notified = async {
            match &mut self.notify {
                Some(notify) => notify.next().await,
                None => std::future::pending().await,
            }
        };
        let line = async {
            match &mut self.line {
                Some(line) => line.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            (verdict, answer) = probe => Sign::Probe(verdict, answer),
            heard = notified => Sign::Notified(heard),
            found = line => {
                self.line = None;
                match found {
                    Ok(()) => Sign::Line,
                    // Its output has ended without it.
                    Err(_) => std::future::pending().await,
                }
            }
        }
    }
}

/// Has the output of a run looked through for the line that it waits for, unless it was seen. Before its pipes are read.
/// The error is why the pattern is none.
pub(super) fn await_line(
    spec: &AppSpec,
    run: SpawnId,
    context: &Context,
    standing: &Standing,
) -> Result<Option<oneshot::Receiver<()>>, String> {
    let Some(pattern) = spec.ready.log_line.as_ref().filter(|_| !standing.has_line(run)) else { return Ok(None) };
    let pattern = Regex::new(pattern).map_err(|error| format!("its ready_log is no regular expression: {error}"))?;
    Ok(Some(context.logs.await_line(run, pattern, standing.line_mark(run))))
}
