//! The task of one process: waits for commands, facts and deadlines, and tells what has become of it.

use super::containment::Containment;
use super::context::Context;
use super::desk::Desk;
use super::environment::Identity;
use super::exit::ExitFact;
use super::launch::{LaunchError, Run};
use super::link::Said;
use super::order::{Command, Settled};
use super::prepare::Preparing;
use super::secrets::Values;
use super::vitals::Sign;
use crate::clock;
use crate::cluster::Group;
use crate::domain::lifecycle::{Event, Phase, State, Then};
use crate::domain::{AppSpec, BootMs, SpawnId};
use crate::slots::{Record, Slot};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// While a process is being stopped, what it starts is taken note of so often: when it has gone the tree tells less.
const TAKE_NOTE: Duration = Duration::from_millis(200);

pub(super) struct Task {
    pub(super) context: Rc<Context>,
    pub(super) spec: Arc<AppSpec>,
    pub(super) identity: Rc<Identity>,
    pub(super) group: Option<Group>,
    pub(super) run: Option<Run>,
    /// What has to be there before a run is executed.
    pub(super) preparing: Option<Preparing>,
    /// What the run has started, or the last one.
    pub(super) containment: Option<Containment>,
    /// All of that which was to end has ended, as far as the step goes that the stop is at.
    pub(super) is_swept: bool,
    pub(super) slot: Option<Slot>,
    /// Shared with the handles. What the run has said of itself and announced is there.
    pub(super) desk: Rc<Desk>,
    /// Nobody holds a handle any more: a replaced process, on its way out.
    pub(super) abandoned: bool,
    /// Why a run of it was ended though nobody asked for that, by its number.
    pub(super) unwell: Option<(SpawnId, u32)>,
    pub(super) tickets: Vec<oneshot::Sender<Settled>>,
    /// A replacement of it is on trial.
    pub(super) stands_by: bool,
}

enum Happened {
    Command(Command),
    Exit(ExitFact),
    Said(Said),
    Signed(Sign),
    Prepared(Result<Values, LaunchError>),
    Deadline,
    Gone,
    Look,
    Abandoned,
}

impl Task {
    pub(super) async fn live(mut self: Box<Self>) {
        while self.state().phase != Phase::Deleted {
            let happened = self.next().await;
            self.handle(happened);
            self.settle();
        }
        if let Some(slot) = self.slot.take() {
            self.context.buried.borrow_mut().push((self.identity.id, self.desk.holder, slot));
        }
        self.settle();
    }

    /// What there is only now and then is boxed: every process has room for the rest of this.
    async fn next(&mut self) -> Happened {
        let deadline = if self.waits_for_secrets() { None } else { self.state().deadline() };
        let (sweeping, noting, abandoned) = (self.is_sweeping(), self.is_noting(), self.abandoned);
        let desk = &self.desk;
        let mut gone = self
            .containment
            .as_mut()
            .filter(|_| sweeping)
            .map(|containment| Box::pin(containment.gone(&desk.standing)));
        let mut prepared = self.preparing.as_mut().map(|preparing| Box::pin(preparing.wait()));
        let (mut exits, mut link, vitals) = match &mut self.run {
            Some(run) => {
                (Some(&mut run.exits), run.link.as_mut(), run.vitals.as_deref_mut().filter(|vitals| vitals.any()))
            }
            None => (None, None, None),
        };
        let mut signed = vitals.map(|vitals| Box::pin(vitals.next()));
        let mut due = deadline.map(|deadline| Box::pin(until(deadline)));
        let mut note = noting.then(|| Box::pin(tokio::time::sleep(TAKE_NOTE)));
        // By value: what it only points to has room of its own beside it.
        poll_fn(move |cx| {
            if let Some(Poll::Ready(fact)) = exits.as_mut().map(|exits| exits.poll(cx)) {
                return Poll::Ready(Happened::Exit(fact));
            }
            if !abandoned && let Poll::Ready(command) = desk.poll_next(cx) {
                return Poll::Ready(command.map_or(Happened::Abandoned, Happened::Command));
            }
            if let Some(Poll::Ready(read)) = poll(&mut prepared, cx) {
                return Poll::Ready(Happened::Prepared(read));
            }
            if let Some(Poll::Ready(())) = poll(&mut due, cx) {
                return Poll::Ready(Happened::Deadline);
            }
            if let Some(Poll::Ready(())) = poll(&mut gone, cx) {
                return Poll::Ready(Happened::Gone);
            }
            if let Some(Poll::Ready(())) = poll(&mut note, cx) {
                return Poll::Ready(Happened::Look);
            }
            if let Some(Poll::Ready(sign)) = poll(&mut signed, cx) {
                return Poll::Ready(Happened::Signed(sign));
            }
            // Last, so that an app that talks without end cannot keep anybody from stopping it.
            link.as_mut().map_or(Poll::Pending, |link| link.poll_next(cx).map(Happened::Said))
        })
        .await
    }

    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Command(command) => self.command(command),
            Happened::Exit(fact) => self.exited(fact),
            Happened::Said(said) => self.said(&said),
            Happened::Signed(sign) => self.signed(sign),
            Happened::Prepared(read) => self.prepared(read),
            Happened::Deadline => {
                self.note_late_startup();
                self.apply(Event::Timer);
            }
            Happened::Gone => {
                self.is_swept = true;
                self.tell_doubt();
                self.apply(if self.has_found_some() { Event::GroupGone } else { Event::Alone }(self.state().run));
            }
            Happened::Look => self.take_note(),
            Happened::Abandoned => {
                self.abandoned = true;
                self.apply(Event::Delete);
            }
        }
    }

    fn command(&mut self, command: Command) {
        let (event, ticket) = match command {
            Command::Start(ticket) => (Event::Start, ticket),
            Command::Hold(ticket) => (Event::Hold, ticket),
            Command::Stop(ticket) => (Event::Stop, ticket),
            Command::Restart(Some(run), ticket) if run != self.state().run => return self.tickets.push(ticket),
            Command::Restart(_, ticket) => (Event::Restart, ticket),
            Command::Recycle(run, bytes, ticket) => (Event::Recycle(run, bytes), ticket),
            Command::Succeed(bytes) => return self.apply(Event::Succeed(bytes)),
            Command::Delete(ticket) => (Event::Delete, ticket),
            Command::Retire(ticket) => (Event::Retire, ticket),
            Command::Hurry => return self.apply(Event::Hurry),
            Command::StandBy(on) => return self.stand_by(on),
            Command::Signal(signal, answer) => return self.signal(signal, answer),
            Command::Tell(line, answer) => return self.tell(line, answer),
            Command::Input(answer) => return self.open_input(answer),
            Command::Respec(spec, identity) => {
                self.spec = spec;
                self.identity = identity;
                return;
            }
            Command::CountFrom(restarts) => {
                self.desk.set_state(State { restarts: self.state().restarts.max(restarts), ..self.state() });
                return self.publish();
            }
            Command::Reset => {
                self.desk.set_state(State { restarts: 0, unstable: 0, window_exits: 0, ..self.state() });
                return self.publish();
            }
        };
        self.tickets.push(ticket);
        self.apply(event);
    }

    fn signal(&self, signal: i32, answer: oneshot::Sender<io::Result<()>>) {
        let sent = match &self.run {
            Some(run) => {
                // First: whoever finds it counted does not send it again.
                self.desk.standing.count_signal();
                run.exits.signal(signal)
            }
            None => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        };
        // Whoever asked may have gone.
        let _ = answer.send(sent);
    }

    pub(super) fn state(&self) -> State {
        self.desk.seen().state
    }

    pub(super) fn publish(&self) {
        self.desk.tell();
        self.context.changes.send_replace(());
        if let Some(slot) = &self.slot {
            // What is waited for is told by the process that has started it.
            let left = || self.containment.as_ref().filter(|_| self.state().has_lost_main()).map(Containment::main);
            let run = self.run.as_ref().map(|run| (run.pid, run.began)).or_else(left);
            let started_at = self.desk.seen().started_at.unwrap_or(0);
            let (id, unwell) = (self.identity.id, self.noted_unwell());
            slot.write(&Record { id, state: self.state(), run, started_at, unwell });
        }
    }

    /// Answers whoever waits, once nothing is under way.
    fn settle(&mut self) {
        let settled = match self.state().phase {
            Phase::Online => Settled::Online,
            Phase::Stopped if self.state().has_ended() => Settled::Ended,
            Phase::Stopped => Settled::Stopped,
            Phase::Errored => Settled::Errored,
            Phase::WaitingRestart { .. } => Settled::WaitingRestart,
            Phase::Deleted => Settled::Deleted,
            Phase::Stopping { then: Then::Unwell, .. } => Settled::Unwell,
            Phase::Held | Phase::Launching { .. } | Phase::Stopping { .. } => return,
        };
        for ticket in self.tickets.drain(..) {
            // Whoever asked may have gone.
            let _ = ticket.send(settled);
        }
    }
}

async fn until(deadline: BootMs) {
    tokio::time::sleep(Duration::from_millis(deadline.saturating_sub(clock::boot_ms()))).await;
}

/// What isn't there never happens.
fn poll<F: Future>(future: &mut Option<Pin<Box<F>>>, context: &mut task::Context<'_>) -> Option<Poll<F::Output>> {
    future.as_mut().map(|future| future.as_mut().poll(context))
}

impl Drop for Task {
    fn drop(&mut self) {
        self.desk.close();
    }
}
