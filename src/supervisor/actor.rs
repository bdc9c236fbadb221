//! The actor: reads what comes in, one after the other, and never waits for slow work.

use super::automatic::{Adoption, Automatic};
use super::handle::{Call, Door, Ending, Handle};
use super::persist::Persistence;
use super::world::{Facts, World};
use crate::api::{ApiError, Request, Response};
use crate::cluster::Holder;
use crate::domain::ProcessId;
use crate::domain::lifecycle::Report;
use crate::paths::Home;
use crate::process::Context;
use crate::watch::Notice;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// The actor itself. Runs on a `LocalSet`.
pub struct Supervisor {
    pub(super) world: Rc<World>,
    door: Door,
    reports: mpsc::UnboundedReceiver<(ProcessId, Holder, Report)>,
    notices: mpsc::UnboundedReceiver<Notice>,
}

type Answer = Result<Response, ApiError>;

impl Supervisor {
    /// `context` must send its reports to `reports`.
    pub fn new(
        home: Home,
        context: Rc<Context>,
        reports: mpsc::UnboundedReceiver<(ProcessId, Holder, Report)>,
        persistence: Option<Persistence>,
        facts: Facts,
    ) -> (Handle, Self) {
        let (handle, door) = Handle::new();
        let (automatic, notices) = Automatic::new();
        let world = Rc::new(World::new(home, context, persistence, facts, automatic));
        (handle, Self { world, door, reports, notices })
    }

    /// Takes over what another generation has left.
    pub fn adopt(&self) {
        self.world.restore();
    }

    /// Serves until it was asked to leave and nothing runs any more.
    pub async fn run(mut self) {
        let releasing = tokio::task::spawn_local(Rc::clone(&self.world).release_held());
        let mut samples = tokio::time::interval(SAMPLE_EVERY);
        samples.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let clockwork = tokio::task::spawn_local(Rc::clone(&self.world).keep_time());
        loop {
            let sampling = self.world.context.running.get() > 0;
            tokio::select! {
                biased;
                Some((id, holder, report)) = self.reports.recv() => self.world.reported(id, holder, report),
                Some(notice) = self.notices.recv() => self.world.noticed(notice),
                call = self.door.calls.recv() => match call {
                    Some(call) => self.serve(call),
                    None => break,
                },
                _ = samples.tick(), if sampling => self.world.sample(),
            }
        }
        releasing.abort();
        clockwork.abort();
        self.world.stop_everything(false).await;
        self.door.closed.send_replace(Some(Ending::Closed));
    }

    fn serve(&self, call: Call) {
        let world = Rc::clone(&self.world);
        match call {
            Call::Request { request, key, reply } => self.request(request, key, reply),
            Call::Logs { query, reply } => {
                tokio::task::spawn_local(async move {
                    let _ = reply.send(world.logs(query).await);
                });
            }
            Call::Bus { query, reply } => {
                tokio::task::spawn_local(async move {
                    let _ = reply.send(world.listen_to_bus(query).await);
                });
            }
            Call::Events { reply } => {
                let _ = reply.send(world.listen());
            }
        }
    }

    fn request(&self, request: Request, key: Option<String>, reply: oneshot::Sender<Answer>) {
        let Some((mut ticket, reply)) = self.world.requests.borrow_mut().recall(key, reply) else { return };
        ticket.stand_in_line(self.world.turn_of(&request));
        let world = Rc::clone(&self.world);
        // One that a daemon before this one has carried out ends nothing more.
        let ends = matches!(request, Request::Kill { .. } | Request::Shutdown);
        let closed = self.door.closed.clone();
        tokio::task::spawn_local(async move {
            let changes = request.changes_something();
            if changes {
                world.count_commands(|count| count + 1);
            }
            let answer = Rc::clone(&world).carry_out(request, &ticket).await;
            ticket.acts();
            let waiting = world.requests.borrow_mut().finish(&ticket, &answer);
            if changes {
                world.count_commands(|count| count - 1);
                world.follow_list(Adoption::No);
                world.persist();
                world.persisted().await;
            }
            let ending = match &answer {
                Ok(_) if ends => Some(Ending::Closed),
                // One that a daemon before this one has made room for ends nothing more.
                Ok(Response::Updating { generation }) if *generation == world.facts.generation => {
                    Some(Ending::Replaced)
                }
                _ => None,
            };
            // Answered before the end: else the answer would never leave.
            for reply in waiting.into_iter().chain([reply]) {
                let _ = reply.send(answer.clone());
            }
            world.requests.borrow_mut().answered(&ticket);
            if ending.is_some() {
                closed.send_replace(ending);
            }
        });
    }
}
