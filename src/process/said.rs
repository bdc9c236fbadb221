//! What a run says over its channel, and what follows.

use super::link::Said;
use super::task::Task;
use super::unwell::Unwell;
use crate::cluster::Notice;
use crate::domain::lifecycle::Event;

impl Task {
    pub(super) fn said(&mut self, said: &Said) {
        let Some(run) = &self.run else { return };
        let id = run.id;
        match said {
            Said::Ready => {
                self.desk.update(|seen| seen.said_ready = true);
                self.consider();
            }
            Said::Cluster(Notice::Online) => self.consider(),
            Said::Cluster(Notice::Leaving) => {}
            Said::Open(open) => self.open(*open),
            Said::Cluster(Notice::Listening) => self.desk.update(|seen| seen.listening = true),
            Said::Broken(breach) | Said::Cluster(Notice::Broken(breach)) => {
                let why = self.note_unwell(Unwell::Breach(*breach), None);
                tracing::error!("{}: {why}", self.label());
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
