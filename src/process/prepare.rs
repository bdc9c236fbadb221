//! What a start waits for before anything is executed: the secrets of the app, and the version of its interpreter.
//!
//! Nothing of it is recorded. A daemon after this one finds a run that is launching and was never born, and begins it
//! again, with its secrets.

use super::account::account;
use super::environment::compose;
use super::launch::LaunchError;
use super::secrets::{self, Around, Values};
use super::task::Task;
use crate::domain::SpawnId;
use crate::domain::lifecycle::{Event, Phase};
use crate::interpreter;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A run whose secrets are being read, or whose interpreter is being asked. Dropped, nobody waits for that any more.
pub(super) struct Preparing {
    run: SpawnId,
    reading: JoinHandle<Result<Values, LaunchError>>,
}

impl Preparing {
    /// Waits until they are there, or known to be out of reach.
    pub(super) async fn wait(&mut self) -> Result<Values, LaunchError> {
        match (&mut self.reading).await {
            Ok(read) => read,
            Err(error) => {
                Err(LaunchError { message: format!("its secrets cannot be read: {error}"), errno: libc::EIO })
            }
        }
    }
}

impl Drop for Preparing {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Task {
    /// Begins to read the secrets of a run.
    pub(super) fn prepare(&mut self, run: SpawnId) {
        let ids = match account(&self.spec) {
            Ok(ids) => ids,
            Err(error) => return self.not_started(run, error),
        };
        let around = Around {
            cwd: self.spec.cwd.clone(),
            env: compose(&self.spec, &self.identity, &BTreeMap::new()),
            ids,
            open_files: self.context.open_files,
        };
        let reading = tokio::task::spawn_local(secrets::read(Arc::clone(&self.spec), around));
        self.preparing = Some(Preparing { run, reading });
        self.desk.update(|seen| seen.reading_secrets = true);
    }

    /// Asks a program for its version, which is remembered; then the run is executed.
    pub(super) fn ask_version(&mut self, run: SpawnId, program: PathBuf, secrets: Values) {
        let ids = match account(&self.spec) {
            Ok(ids) => ids,
            Err(error) => return self.not_started(run, error),
        };
        let reading = tokio::task::spawn_local(async move {
            // What cannot be asked has no version, and that is known then.
            let _ = tokio::task::spawn_blocking(move || interpreter::version_of(&program, ids.as_ref())).await;
            Ok(secrets)
        });
        self.preparing = Some(Preparing { run, reading });
    }

    /// The secrets are there, or not.
    pub(super) fn prepared(&mut self, read: Result<Values, LaunchError>) {
        let Some(run) = self.end_preparing() else { return };
        match read {
            Ok(values) => {
                self.apply(Event::Prepared(run));
                self.execute(run, &values);
            }
            Err(error) => self.not_started(run, error),
        }
    }

    /// Whether the lifecycle's timer has to wait: the time of a run begins when it is executed.
    pub(super) fn waits_for_secrets(&self) -> bool {
        self.preparing.is_some() && matches!(self.state().phase, Phase::Launching { .. })
    }

    /// A run that is to end before it was executed. `false` when there is none such.
    pub(super) fn end_before_birth(&mut self) -> bool {
        let Some(run) = self.end_preparing() else { return false };
        self.apply(Event::NotStarted(run, libc::ECANCELED));
        true
    }

    fn end_preparing(&mut self) -> Option<SpawnId> {
        let run = self.preparing.take().map(|preparing| preparing.run)?;
        self.desk.update(|seen| seen.reading_secrets = false);
        Some(run)
    }
}
