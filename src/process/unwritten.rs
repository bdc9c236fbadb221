//! The output of processes that have ended, until all of it is in its files.

use super::context::Context;
use super::wires::forget_output;
use crate::domain::{ProcessId, SpawnId};
use crate::sys::fault::{self, Point};
use std::rc::Rc;
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
    /// The run has ended: its output is read to where it is now, and kept until it is in its files.
    pub(super) fn finish(&self, context: &Context, id: ProcessId, run: SpawnId) {
        let (written, keep) = (context.logs.finish(run), Rc::clone(&context.keep));
        let count = self.count.clone();
        count.send_modify(|count| *count += 1);
        tokio::task::spawn_local(async move {
            // Without a log thread there is nothing to wait for, and another generation may do better.
            if written.await.is_ok() {
                fault::point(Point::LogForgotten);
                forget_output(keep.as_ref(), id, run);
            }
            count.send_modify(|count| *count -= 1);
        });
    }

    /// Waits until everything is written.
    pub async fn none(&self) {
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}
