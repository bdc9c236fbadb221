//! The verbs on what is there: each sends commands to processes, awaits their answers, and tells how they are.

use super::requests::Ticket;
use super::resume::Share;
use super::world::World;
use crate::api::{ApiError, Code, EventKind, Response};
use crate::domain::lifecycle::{NO_SECRET, State};
use crate::domain::{Outcome, ProcessId, Selector};
use crate::process::{Command, Identity, Settled};
use crate::sys::signal;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a disk may take for the last output of everything before the end.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

type Answer = Result<Response, ApiError>;

/// A command that awaits that its process comes to rest.
pub(super) type Verb = fn(oneshot::Sender<Settled>) -> Command;

impl World {
    pub(super) async fn stop(self: &Rc<Self>, selector: &Selector, force: bool, ticket: &Ticket) -> Answer {
        ticket.acts();
        let ids = self.registry.borrow().select(selector)?;
        self.stop_watching(&ids);
        self.forget_queued(&ids);
        self.stay_down(&ids);
        let settled = self.hurried(force, &ids, self.end(&ids, Command::Stop)).await;
        self.overtaken(&settled, "stop", |rest| {
            matches!(rest, Settled::Stopped | Settled::Ended | Settled::Errored | Settled::Deleted)
        })?;
        Ok(Response::Processes(self.views(&ids)))
    }

    pub(super) async fn restart(self: &Rc<Self>, selector: &Selector, force: bool, ticket: &Ticket) -> Answer {
        let share = self.share(selector, ticket).await?;
        Self::refuse_none(&share, "restart")?;
        self.hurried(force, &share.due, self.restart_all(&share)).await?;
        Ok(Response::Processes(self.views_of_started(&share.ids()).await))
    }

    pub(super) async fn restart_all(&self, share: &Share) -> Result<(), ApiError> {
        let share = &share.only(self.without_idle_jobs(&share.due));
        self.asked_for(&share.due);
        let settled = self.start_share(share, |id, reply| Command::Restart(share.run_of(id), reply)).await;
        self.not_started(&settled).await?;
        self.overtaken_start(&settled, "restart")
    }

    pub(super) async fn delete(self: &Rc<Self>, selector: &Selector, force: bool, ticket: &Ticket) -> Answer {
        // Those that a daemon before this one has deleted already are no error.
        let ids = self.share(selector, ticket).await?.ids();
        let before = self.views(&ids);
        self.hurried(force, &ids, self.forget(&ids, Command::Delete)).await;
        self.forget_last();
        Ok(Response::Processes(before))
    }

    /// Ends processes and takes them off the list.
    pub(super) async fn forget(&self, ids: &[ProcessId], how: Verb) {
        let holder = |id: &ProcessId| Some((*id, self.registry.borrow().get(*id)?.handle.holder()));
        let meant: Vec<_> = ids.iter().filter_map(holder).collect();
        self.end(ids, how).await;
        for (id, holder) in meant {
            // An empty list counts anew: another process may have the number by now.
            if self.registry.borrow().get(id).is_none_or(|entry| entry.handle.holder() != holder) {
                continue;
            }
            // Announced and removed when the report is read; whoever asks next must not see them before that.
            self.announce(id, EventKind::Delete, true);
            self.registry.borrow_mut().remove(id);
        }
        self.note_removal();
    }

    pub(super) fn reset(&self, selector: &Selector) -> Answer {
        let ids = self.registry.borrow().select(selector)?;
        for id in &ids {
            if let Some(entry) = self.registry.borrow().get(*id) {
                entry.handle.send(Command::Reset);
                if let Some(passing) = &entry.passing {
                    passing.send(Command::Reset);
                }
            }
        }
        let mut views = self.views(&ids);
        for view in &mut views {
            view.restarts = 0;
            view.unstable_restarts = 0;
        }
        Ok(Response::Processes(views))
    }

    /// At most once to each process, however often it is asked after a death.
    pub(super) async fn signal(self: &Rc<Self>, selector: &Selector, number: i32, ticket: &Ticket) -> Answer {
        if signal::name(number).is_none() {
            return Err(ApiError::new(Code::Invalid, format!("{number} is no signal")).hint("kill -l lists them"));
        }
        let share = self.signal_share(selector, ticket).await?;
        for id in &share.due {
            let (reply, answer) = oneshot::channel();
            let Some(name) = self.registry.borrow().get(*id).map(|entry| {
                entry.handle.send(Command::Signal(number, reply));
                entry.spec.name.clone()
            }) else {
                continue;
            };
            if let Ok(Err(error)) = answer.await {
                let message = format!("{name} ({id}) cannot be signalled: {}", in_words(&error));
                return Err(ApiError::new(Code::Invalid, message).hint(format!("start it: rpm start {id}")));
            }
        }
        Ok(Response::Processes(self.views(&share.ids())))
    }

    pub(super) async fn flush(&self, selector: Option<&Selector>) -> Answer {
        let all = Selector::all();
        let ids = self.registry.borrow().find(selector.unwrap_or(&all))?;
        let mut files: Vec<PathBuf> = Vec::new();
        for id in &ids {
            if let Some(entry) = self.registry.borrow().get(*id) {
                let Identity { out_log, error_log, combined_log, .. } = &*entry.identity;
                files.extend([out_log, error_log, combined_log].into_iter().flatten().map(|path| path.to_path_buf()));
            }
        }
        if selector.is_none_or(Selector::is_all) {
            files.push(self.home.daemon_log());
        }
        match self.context.logs.flush(files).await {
            Ok(Ok(())) => Ok(Response::Processes(self.views(&ids))),
            Ok(Err(error)) => Err(ApiError::new(Code::Internal, format!("a log file cannot be emptied: {error}"))),
            Err(_) => Err(ApiError::new(Code::Closing, "the log writer is leaving")),
        }
    }

    pub(super) async fn reopen_logs(&self) -> Answer {
        match self.context.logs.reopen().await {
            Ok(Ok(())) => {
                self.tell_workers_of_new_logs().await;
                Ok(Response::Done)
            }
            Ok(Err(error)) => Err(ApiError::new(Code::Internal, format!("a log file cannot be opened anew: {error}"))),
            Err(_) => Err(ApiError::new(Code::Closing, "the log writer is leaving")),
        }
    }

    /// Everything stops, at the same time; nothing lives afterwards, and what it said last is in its files.
    pub(super) async fn stop_everything(&self, force: bool) {
        // What was begun just before the end was asked for comes to the list while we wait.
        loop {
            let running: Vec<ProcessId> = {
                let registry = self.registry.borrow();
                let lives = |state: &State| state.is_wanted() || state.status().is_alive();
                let running =
                    registry.iter().filter(|entry| lives(&entry.handle.observed().state) || entry.passing.is_some());
                running.map(|entry| entry.identity.id).collect()
            };
            if running.is_empty() {
                break;
            }
            self.hurried(force, &running, self.end(&running, Command::Stop)).await;
            tokio::task::yield_now().await;
        }
        self.context.confinement.close();
        if tokio::time::timeout(LAST_OUTPUT, self.context.unwritten.none()).await.is_err() {
            tracing::warn!("the last output of some apps is not written within {LAST_OUTPUT:?}: it is given up");
        }
    }

    /// The same for a command after which nothing of them lives: the other process of a reload ends too. Who depends on
    /// others ends before them.
    pub(super) async fn end(&self, ids: &[ProcessId], verb: Verb) -> Vec<(ProcessId, Settled)> {
        let mut passing = Vec::new();
        for id in ids {
            let other = self.registry.borrow().get(*id).and_then(|entry| entry.passing.clone());
            if let Some(other) = other {
                let (reply, answer) = oneshot::channel();
                other.send(Command::Delete(reply));
                passing.push(answer);
            }
        }
        let mut settled = Vec::with_capacity(ids.len());
        for group in self.stop_order(ids) {
            settled.extend(self.command(&group, verb).await);
        }
        for answer in passing {
            // One that has ended without an answer has ended.
            let _ = answer.await;
        }
        settled
    }

    pub(super) async fn command(&self, ids: &[ProcessId], verb: Verb) -> Vec<(ProcessId, Settled)> {
        self.command_each(ids, |_, reply| verb(reply)).await
    }

    /// Sends a command to all of them at once, then awaits each.
    pub(super) async fn command_each(
        &self,
        ids: &[ProcessId],
        verb: impl Fn(ProcessId, oneshot::Sender<Settled>) -> Command,
    ) -> Vec<(ProcessId, Settled)> {
        let mut waiting = Vec::with_capacity(ids.len());
        for id in ids {
            let (reply, answer) = oneshot::channel();
            if let Some(entry) = self.registry.borrow().get(*id) {
                entry.handle.send(verb(*id, reply));
            }
            waiting.push((*id, answer));
        }
        let mut settled = Vec::with_capacity(ids.len());
        for (id, answer) in waiting {
            // A task that ended without an answer had nothing left to do: it is deleted.
            settled.push((id, answer.await.unwrap_or(Settled::Deleted)));
        }
        settled
    }

    /// Those that could not even be executed.
    pub(super) async fn not_started(&self, settled: &[(ProcessId, Settled)]) -> Result<(), ApiError> {
        let is_failure = |rest| matches!(rest, Settled::Errored | Settled::Unwell | Settled::Held);
        let failed = settled.iter().find(|(id, rest)| is_failure(*rest) || self.finds_no_room(*id, *rest));
        let Some((id, rest)) = failed else { return Ok(()) };
        let reason = match (self.registry.borrow().get(*id), rest) {
            (Some(entry), Settled::WaitingRestart) => entry.handle.observed().launch_error.clone(),
            (Some(entry), Settled::Unwell) => entry.handle.observed().unwell.as_deref().map(|(_, why)| why.clone()),
            (Some(entry), _) => self.cause(entry),
            (None, _) => None,
        };
        let port = self.port_words(&[*id]).await.remove(id).map(|words| format!("; {words}")).unwrap_or_default();
        let reason = reason.unwrap_or_default() + &port;
        let hint = match rest {
            Settled::WaitingRestart if self.lacks_a_secret(*id) => {
                format!("correct it; it is tried again every few seconds; see: rpm describe {id}")
            }
            Settled::WaitingRestart => {
                format!("make room: stop something, or raise the limits; see: rpm describe {id}")
            }
            Settled::Held => format!("it is started as soon as that is so; to give up: rpm stop {id}"),
            _ => format!("see: rpm describe {id}, rpm logs {id}"),
        };
        Err(ApiError::new(Code::StartFailed, format!("{} did not start: {reason}", self.label(*id))).hint(hint))
    }

    /// The system had no room for it: it is tried again, but whoever asked learns that it does not run.
    fn finds_no_room(&self, id: ProcessId, rest: Settled) -> bool {
        let registry = self.registry.borrow();
        let last = registry.get(id).and_then(|entry| entry.handle.observed().state.last_exit);
        rest == Settled::WaitingRestart && matches!(last, Some(Outcome::NotStarted(_)))
    }

    fn lacks_a_secret(&self, id: ProcessId) -> bool {
        let registry = self.registry.borrow();
        let last = registry.get(id).and_then(|entry| entry.handle.observed().state.last_exit);
        last == Some(Outcome::NotStarted(NO_SECRET))
    }

    pub(super) fn label(&self, id: ProcessId) -> String {
        let registry = self.registry.borrow();
        registry.get(id).map_or_else(|| format!("process {id}"), |entry| format!("{} ({id})", entry.spec.name))
    }

    /// Somebody starts or restarts them: their age counts from now.
    pub(super) fn asked_for(&self, ids: &[ProcessId]) {
        let now = crate::clock::unix_ms();
        for id in ids {
            if let Some(entry) = self.registry.borrow_mut().get_mut(*id) {
                entry.created_at = now;
            }
        }
    }
}

fn in_words(error: &std::io::Error) -> String {
    if error.raw_os_error() == Some(libc::ESRCH) { "it doesn't run".to_owned() } else { error.to_string() }
}
