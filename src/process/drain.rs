//! A process that leaves finishes its connections first: no new ones, then our agent in it closes what it has as it
//! becomes free, then it is asked to go. Without the agent Node closes what it has as it likes.

use super::link::Membership;
use super::task::Task;
use crate::clock;
use crate::domain::BootMs;
use crate::domain::lifecycle::{Event, Phase, StopStep};
use crate::domain::spec::Mode;
use crate::ipc::Channel;
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

/// Without the agent, between the last connection handed to a worker and the request to close: it may not have read it.
const GRACE: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_millis(10);
/// What is still open then is told to go so long before the end, or half of the time: whoever is at the other end answers.
const FAREWELL: u64 = 1_000;

/// What the agent is asked for.
struct Wish {
    until: BootMs,
    /// How many of the descriptors from 3 on are listeners that others have too.
    listeners: usize,
}

impl Wish {
    fn send(&self, channel: &Channel) -> bool {
        let timeout = self.until.saturating_sub(clock::boot_ms());
        let message = json!({"cmd": "NODE_RPM_DRAIN", "timeout": timeout, "listeners": self.listeners});
        channel.send(format!("{message}\n").into_bytes()).is_ok()
    }
}

impl Task {
    /// Whether it can finish what it has before it is signalled.
    pub(super) fn drains(&self) -> bool {
        self.spec.mode == Mode::Cluster || !self.spec.listen.is_empty() && self.desk.standing.has_agent()
    }

    /// No new connections; when those handed over are taken, it is asked to finish.
    pub(super) fn drain(&mut self) {
        let Some((until, run)) = self.draining_until().zip(self.run.as_ref()) else { return };
        let Some(link) = &run.link else {
            // Nobody can be asked.
            return self.apply(Event::Drained(run.id));
        };
        let (channel, membership) = (Rc::clone(link.channel()), link.membership().cloned());
        if let Some(Membership { group, worker, .. }) = &membership {
            group.retire(*worker);
        }
        let left = until.saturating_sub(clock::boot_ms());
        let wish = Wish { until: until - FAREWELL.min(left / 2), listeners: self.spec.listen.len() };
        let wish = self.desk.standing.has_agent().then_some(wish);
        tokio::task::spawn_local(async move {
            if wish.is_none() {
                tokio::time::sleep(GRACE).await;
            }
            if let Some(Membership { group, worker, .. }) = &membership {
                while !group.has_taken_all(*worker) {
                    tokio::time::sleep(POLL).await;
                }
            }
            let is_asked = wish.is_some_and(|wish| wish.send(&channel));
            if let Some(Membership { group, worker, .. }) = membership.filter(|_| !is_asked) {
                group.disconnect(worker);
            }
        });
    }

    /// The agent says how many connections there are. It is the last one's word that counts, whichever daemon has asked.
    pub(super) fn open(&mut self, open: u32) {
        let Some(run) = self.draining_until().and(self.run.as_ref()) else { return };
        let (id, membership) = (run.id, run.link.as_ref().and_then(|link| link.membership()).cloned());
        self.desk.update(|seen| seen.open = Some(open));
        self.context.changes.send_replace(());
        match membership {
            _ if open > 0 => {}
            // A daemon before this one may have died between noting that and doing it.
            Some(_) if self.desk.standing.is_going() => self.apply(Event::Drained(id)),
            Some(Membership { group, worker, .. }) => group.disconnect(worker),
            None => self.apply(Event::Drained(id)),
        }
    }

    fn draining_until(&self) -> Option<BootMs> {
        match self.state().phase {
            Phase::Stopping { step: StopStep::Drain, deadline, .. } => Some(deadline),
            _ => None,
        }
    }
}
