//! The output of processes that have ended, until all of it is in its files.

use crate::domain::SpawnId;
use crate::logs::Logs;
use tokio::sync::watch;

/// How many ended processes the log thread still copies for. Whoever ends the program waits for none.
#[derive(Debug, Clone)]
pub struct Unwritten {
    count: watch::Sender<usize>,
}

impl Default for Unwritten {
    fn default() -> Self {
        Self { count: watch::Sender::new(0) }
    }
}

impl Unwritten {
    /// The run has ended: its output is read to where it is now.
    pub(super) fn finish(&self, logs: &Logs, run: SpawnId) {
        let written = logs.finish(run);
        let count = self.count.clone();
        count.send_modify(|count| *count += 1);
        tokio::task::spawn_local(async move {
            // Without a log thread there is nothing to wait for.
            let _ = written.await;
            count.send_modify(|count| *count -= 1);
        });
    }

    /// Waits until everything is written.
    pub async fn none(&self) {
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}
