//! A run begins: its number, what it needs first, its execution.

use super::launch::{LaunchError, Launched, NotLaunched, Surroundings, launch, package_version};
use super::secrets::Values;
use super::task::Task;
use crate::clock;
use crate::cluster::WorkerId;
use crate::domain::SpawnId;
use crate::domain::lifecycle::Event;
use crate::slots::Table;
use crate::sys::fault::{self, Point};

impl Task {
    /// No other run, of whatever generation, gets the number; and what the last run said is not true of this one.
    pub(super) fn begin_run(&self, id: SpawnId) {
        self.context.ids.used(id);
        if let Some(slots) = &self.context.slots {
            Table::note_next_run(slots, id.0 + 1);
        }
        self.desk.standing.reset();
        self.desk.announced.clear();
    }

    pub(super) fn spawn(&mut self, id: SpawnId) {
        fault::point(Point::SpawnRecorded);
        if let Some(group) = &self.group {
            group.hold(self.desk.holder);
            group.arrange(self.spec.cluster.sched);
        }
        if self.spec.env.secrets.is_empty() {
            self.execute(id, &Values::new());
        } else {
            self.prepare(id);
        }
    }

    /// All that the run needs is there.
    pub(super) fn execute(&mut self, id: SpawnId, secrets: &Values) {
        let surroundings = Surroundings {
            identity: &self.identity,
            context: &self.context,
            group: self.group.as_ref(),
            worker: WorkerId(worker_number(id.0)),
            holder: self.desk.holder,
            standing: &self.desk.standing,
            announced: &self.desk.announced,
            is_replacement: self.state().ended_at > 0,
        };
        match launch(&self.spec, id, secrets, &surroundings) {
            Ok(Launched { run, cgroup, warnings }) => {
                for warning in &warnings {
                    tracing::warn!("{} ({}): {warning}", self.spec.name, self.identity.id);
                }
                let version = self.spec.program.is_node().then(|| package_version(&self.spec.program.path)).flatten();
                self.desk.update(|seen| {
                    seen.pid = Some(run.pid);
                    seen.started_at = Some(clock::unix_ms());
                    seen.listening = false;
                    seen.said_ready = false;
                    seen.open = None;
                    seen.launch_error = None;
                    seen.version = version;
                    seen.warnings = warnings;
                    seen.cgroup = cgroup;
                });
                self.contain((run.pid, run.began), run.place);
                run.introduce();
                self.run = Some(run);
                self.context.running.set(self.context.running.get() + 1);
                self.begin_vitals();
                self.apply(Event::Spawned(id));
                fault::point(Point::SpawnPublished);
            }
            Err(NotLaunched::Failed(error)) => self.not_started(id, error),
            Err(NotLaunched::Unasked(program)) => self.ask_version(id, program, secrets.clone()),
        }
    }

    pub(super) fn not_started(&mut self, id: SpawnId, LaunchError { message, errno }: LaunchError) {
        if self.context.guardian.as_ref().is_some_and(|guardian| guardian.is_gone()) {
            // This program is about to become the guardian; the daemon after it starts this very run.
            return;
        }
        tracing::warn!("{} ({}) did not start: {message}", self.spec.name, self.identity.id);
        self.desk.update(|seen| seen.launch_error = Some(message));
        self.apply(Event::NotStarted(id, errno));
    }
}

/// Node reads its worker number as a 32-bit integer and takes 0 for "none".
pub(super) fn worker_number(run: u64) -> u32 {
    (run % u64::from(i32::MAX as u32)) as u32 + 1
}
