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
            Said::Open(open) => self.open(*open),
            Said::Cluster(Notice::Listening) => self.seen.send_modify(|seen| seen.listening = true),
            Said::Broken(breach) | Said::Cluster(Notice::Broken(breach)) => {
                let worker = run.link.as_ref().and_then(|link| link.membership()).map(|member| member.worker.0);
                let why = match worker {
                    Some(worker) => format!("cluster worker {worker} was ended: {breach}"),
                    None => format!("it was ended: {breach}"),
                };
                tracing::error!("{}: {why}", self.label());
                self.note_unwell(why);
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
