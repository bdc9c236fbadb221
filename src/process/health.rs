//! Whether the run is ready and well: what it has shown, and what follows from that.

use super::link::Link;
use super::task::Task;
use super::unwell::Unwell;
use super::vitals::Sign;
use super::wires::{NOTIFY, name_of};
use super::{account::account, environment::compose, notify::Notify, vitals::Vitals};
use crate::clock;
use crate::domain::health::{Health, Kind, Known, Verdict, startup_budget};
use crate::domain::lifecycle::{Event, LISTEN_TIMEOUT, Phase, Report};
use crate::domain::readiness::{Awaited, Signs, awaited};
use crate::domain::spec::Mode;
use crate::probe::{Board, Door, Prober, Surroundings};
use crate::sys::proc;
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::oneshot;

/// How a run is, beside what it is doing.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// What it has not shown of what its settings ask for.
    pub missing: Option<Awaited>,
    /// Its last `STATUS=`; empty where there was none.
    pub status: String,
    /// It says that it is stopping.
    pub leaving: bool,
    pub board: Board,
}

impl Task {
    fn is_worker(&self) -> bool {
        self.spec.mode == Mode::Cluster && self.spec.program.is_node()
    }

    /// Whether anything has to come after its execution before it is ready.
    pub(super) fn waits_for_ready(&self) -> bool {
        self.spec.ready.asks() || self.is_worker()
    }

    /// How long it may be launching.
    pub(super) fn launch_time(&self) -> u64 {
        let listen = self.spec.ready.listen_timeout;
        match &self.spec.ready.probes.startup {
            Some(probe) => startup_budget(probe).max(listen.unwrap_or(0)),
            None => listen.unwrap_or(LISTEN_TIMEOUT),
        }
    }

    /// Late, its start has failed.
    pub(super) fn must_start_up(&self) -> bool {
        self.spec.ready.probes.startup.is_some() && !self.desk.standing.has_started_up()
    }

    pub(super) fn missing(&self) -> Option<Awaited> {
        let signs = Signs {
            word: self.desk.standing.is_ready(),
            node: self.desk.standing.is_online(),
            notified: self.desk.standing.is_notified(),
            line: self.desk.standing.has_line(self.state().run),
            started_up: self.desk.standing.has_started_up(),
            serves: self.desk.standing.serves(),
        };
        awaited(&self.spec.ready, self.is_worker(), signs)
    }

    /// Something may have changed: whoever looks sees it, and it is ready when nothing is missing.
    pub(super) fn consider(&mut self) {
        let Some(run) = self.run.as_ref().map(|run| run.id) else { return };
        let missing = self.missing();
        let mut was_missing = None;
        self.desk.update(|seen| {
            was_missing = std::mem::replace(&mut seen.condition.missing, missing);
            seen.condition.leaving = self.desk.standing.is_leaving();
        });
        if missing.is_none() {
            self.apply(Event::Ready(run));
        } else {
            self.publish();
        }
        self.rotate();
        let lives = matches!(self.state().phase, Phase::Launching { .. } | Phase::Online);
        if lives && self.spec.ready.asks() {
            match (was_missing, missing) {
                (Some(_), None) => self.report(Report::Ready),
                (None, Some(_)) => self.report(Report::Unhealthy),
                (None, None) | (Some(_), Some(_)) => {}
            }
        }
    }

    pub(super) fn signed(&mut self, sign: Sign) {
        match sign {
            Sign::Line => {}
            Sign::Notified(heard) => self.desk.update(|seen| seen.condition.status = heard.status),
            Sign::Probe(verdict, answer) => match verdict {
                Verdict::StartedUp => self.desk.standing.set_started_up(),
                Verdict::Ready => self.desk.standing.set_serving(true),
                Verdict::NotReady => {
                    tracing::warn!("{} is not ready any more: {}", self.label(), answer.text);
                    self.desk.standing.set_serving(false);
                }
                Verdict::Well => {}
                Verdict::Unwell(kind) => return self.unwell(kind, &answer.text),
            },
        }
        self.consider();
    }

    /// Who is on its way out need not answer.
    pub(super) fn ask_no_more(&mut self) {
        if let Some(vitals) = self.run.as_mut().and_then(|run| run.vitals.as_mut()) {
            vitals.prober = None;
        }
    }

    fn unwell(&mut self, kind: Kind, answer: &str) {
        let probes = &self.spec.ready.probes;
        let probe = match kind {
            Kind::Startup => probes.startup.as_ref(),
            Kind::Ready => probes.ready.as_ref(),
            Kind::Live => probes.live.as_ref(),
        };
        let times = probe.map_or(0, |probe| probe.failure_threshold);
        let what = match kind {
            Kind::Startup => "it did not start up",
            Kind::Ready | Kind::Live => "it was not well",
        };
        let why = format!("{what}: its {kind} probe failed {times} times, the last time with: {answer}");
        tracing::warn!("{} is ended: {why}", self.label());
        self.note_unwell(Unwell::Probe(kind), Some(why));
        self.apply(Event::Unwell(self.state().run));
    }

    /// The time for its startup is over, which is the same as too many failures.
    pub(super) fn note_late_startup(&mut self) {
        let is_late = self.must_start_up() && self.state().deadline().is_some_and(|at| at <= clock::boot_ms());
        if !is_late || !matches!(self.state().phase, Phase::Launching { .. }) {
            return;
        }
        let last = self.desk.seen().condition.board.row(Kind::Startup).and_then(|row| row.last);
        let answer = last.map_or_else(|| "no answer".to_owned(), |answer| answer.text);
        let why = format!("it did not start up in time: its startup probe failed, the last time with: {answer}");
        tracing::warn!("{} is ended: {why}", self.label());
        self.note_unwell(Unwell::Late, Some(why));
    }

    fn report(&self, report: Report) {
        // Nobody listens any more when the supervisor is leaving.
        let _ = self.context.reports.send((self.identity.id, self.desk.holder, report));
    }

    pub(super) fn label(&self) -> String {
        format!("{} ({})", self.spec.name, self.identity.id)
    }

    /// What was made for a run begins to tell.
    pub(super) fn begin_vitals(&mut self) {
        let Some(run) = &self.run else { return };
        let vitals = run.vitals.as_deref();
        let board = vitals.and_then(|vitals| vitals.prober.as_ref()).map(Prober::board).unwrap_or_default();
        let status = vitals.and_then(|vitals| vitals.notify.as_ref()).map(Notify::status).unwrap_or_default();
        let condition = Condition { missing: self.missing(), status, leaving: self.desk.standing.is_leaving(), board };
        self.desk.update(|seen| seen.condition = condition);
    }

    /// Of a run that another generation has begun.
    pub(super) fn adopted_vitals(&self, pid: i32, line: Option<oneshot::Receiver<()>>, link: Option<&Link>) -> Vitals {
        let known = Known { started_up: self.desk.standing.has_started_up(), ready: self.desk.standing.serves() };
        let probes = &self.spec.ready.probes;
        let lives = matches!(self.state().phase, Phase::Launching { .. } | Phase::Online);
        let prober = (lives && probes.any()).then(|| {
            let health = Health::resume(probes, known, clock::boot_ms(), self.state().run.0);
            let door = link.and_then(Link::membership).cloned().map(|membership| Rc::new(membership) as Rc<dyn Door>);
            Prober::begin(probes.clone(), health, Surroundings { door, ..self.adopted_surroundings(pid) })
        });
        Vitals { prober, notify: self.adopted_notify(pid), line }
    }

    /// As at its start, as far as nothing has changed since. Secrets are kept nowhere but where they are used.
    fn adopted_surroundings(&self, pid: i32) -> Surroundings {
        let ids = account(&self.spec).unwrap_or_default();
        let names = &self.spec.env.secrets;
        let of_run = if names.is_empty() { BTreeMap::new() } else { proc::variables(pid) };
        let secrets = of_run.into_iter().filter(|(name, _)| names.contains_key(name)).collect();
        let env = compose(&self.spec, &self.identity, &secrets);
        Surroundings { env, cwd: self.spec.cwd.clone(), ids, open_files: self.context.open_files, door: None }
    }

    fn adopted_notify(&self, pid: i32) -> Option<Notify> {
        let name = name_of(NOTIFY, self.identity.id, self.state().run);
        let kept = self.context.inherited.borrow_mut().kept.take(&name)?;
        let keep = Rc::clone(&self.context.keep);
        let notify = Notify::listen(kept.fd, pid, self.desk.standing.clone(), keep, name, &kept.tag);
        notify.inspect_err(|error| tracing::error!("{} is not heard any more: {error}", self.label())).ok()
    }
}
