//! What a run says over its channel, and what follows.

use super::link::Said;
use super::task::Task;
use crate::cluster::Notice;
use crate::domain::lifecycle::Event;

impl Task {
    pub(super) fn said(&mut self, said: &Said) {
        let Some(run) = &self.run else { return };
        let id = run.id;
        match said {
            Said::Ready => {
                self.seen.send_modify(|seen| seen.said_ready = true);
                self.consider();
            }
            Said::Cluster(Notice::Online) => self.consider(),
            Said::Cluster(Notice::Leaving) => {}
            Said::Cluster(Notice::Listening) => self.seen.send_modify(|seen| seen.listening = true),
            Said::Cluster(Notice::Broken) => {
                tracing::error!(
                    "{} ({}): its channel is out of step, it is replaced",
                    self.spec.name,
                    self.identity.id
                );
                self.kill_main();
            }
            Said::Closed => {
                // Said once and for all: a closed channel would say it for ever.
                if let Some(run) = &mut self.run
                    && let Some(link) = run.link.take()
                {
                    link.finish();
                }
                self.apply(Event::Drained(id));
            }
        }
    }
}
