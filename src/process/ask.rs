//! How the main process of a run is asked to end: by message, by signal; and how it is made to.

use super::command::is_shell;
use super::link::Membership;
use super::task::Task;
use crate::sys::fault::{self, Point};
use crate::sys::group;
use serde_json::Value;

const SIGKILL: i32 = 9;

impl Task {
    pub(super) fn ask_main(&self) {
        self.ask();
        fault::point(Point::StopAsked);
        self.desk.standing.set_asked(true);
    }

    fn ask(&self) {
        let link = self.run.as_ref().and_then(|run| run.link.as_ref());
        if let Some(Membership { group, worker, .. }) = link.and_then(|link| link.membership()) {
            group.retire(*worker);
        }
        match link {
            Some(link) if self.spec.stop.shutdown_with_message => {
                if !link.send(&Value::from("shutdown")) {
                    self.ask_by_signal();
                }
            }
            _ => self.ask_by_signal(),
        }
    }

    /// A shell would wait for what it runs before it minds a SIGINT of its own.
    fn ask_by_signal(&self) {
        match &self.run {
            Some(run) if is_shell(run.pid).unwrap_or_else(|| self.spec.runs_in_shell()) => {
                group::signal(run.pid, self.spec.stop.kill_signal);
            }
            _ => self.signal_main(self.spec.stop.kill_signal),
        }
    }

    pub(super) fn kill_main(&self) {
        self.signal_main(SIGKILL);
    }

    fn signal_main(&self, signal: i32) {
        if let Some(run) = &self.run
            && let Err(error) = run.exits.signal(signal)
        {
            tracing::error!("{} ({}) cannot be signalled: {error}", self.spec.name, self.identity.id);
        }
    }
}
