//! Carrying out a migration: app by app, stopped there and started here, and back again when one doesn't stay up.

use super::migrate::{Action, Step, failure};
use super::resurrect;
use crate::api::{Process, Request};
use crate::cli::failure::Failure;
use crate::cli::render::migration;
use crate::cli::session::Session;
use crate::clock;
use crate::domain::{Selector, Status};
use crate::dump::{Migration, Pm2, Pm2Error, Running};
use crate::paths::Home;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::interval;

/// How often it is looked whether PM2's processes have gone: what is between is time without the app.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// A process that has been up for so long has not failed at its start.
const UP: i64 = 1000;
const SEE_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn carry_out(
    session: &mut Session<'_>,
    home: &Home,
    pm2: &Pm2,
    running: &Running,
    plan: &mut [Step],
    keep: bool,
) -> Result<Vec<Process>, Failure> {
    let runs = pm2.pid().filter(|_| pm2.can_be_asked());
    if let Some(pid) = runs {
        let ran = plan.iter().flat_map(|step| step.running.iter().copied()).collect();
        let begun = Migration { pm2: pm2.home().to_owned(), pid, ran };
        begun.begin(home).map_err(|error| {
            Failure::new(format!("{} cannot be written: {error}; nothing was done", home.migration().display()))
        })?;
    }
    match take_all(session, pm2, running, plan, runs.is_some()).await {
        Ok(processes) => {
            if runs.is_some() {
                leave(session, pm2, plan, keep);
            }
            Migration::end(home);
            Ok(processes)
        }
        Err((done, why)) => {
            let left = take_back(session, pm2, &plan[..done], runs.is_some()).await;
            if left.is_empty() {
                Migration::end(home);
            }
            Err(told(why, &left))
        }
    }
}

/// All in turn, then whether they stay. With a failure comes how many steps have been begun.
async fn take_all(
    session: &mut Session<'_>,
    pm2: &Pm2,
    running: &Running,
    plan: &mut [Step],
    to_stop: bool,
) -> Result<Vec<Process>, (usize, Failure)> {
    let mut processes = Vec::new();
    for (index, step) in plan.iter_mut().enumerate().filter(|(_, step)| step.action == Action::Take) {
        let pm2 = to_stop.then_some(pm2);
        processes.extend(take(session, pm2, running, step).await.map_err(|why| (index + 1, why))?);
    }
    let taken = plan.iter().filter(|step| step.action == Action::Take && step.runs);
    let names: Vec<String> = taken.map(|step| step.app.clone()).collect();
    stay(session, &names).await.map_err(|why| (plan.len(), why))?;
    Ok(processes)
}

async fn take(
    session: &mut Session<'_>,
    pm2: Option<&Pm2>,
    running: &Running,
    step: &mut Step,
) -> Result<Vec<Process>, Failure> {
    let apps = std::mem::take(&mut step.apps);
    let Some(pm2) = pm2.filter(|_| !step.running.is_empty()) else { return resurrect::bring(session, apps).await };
    let Ended { at, said } = stopped(pm2, running, &step.running).await?;
    let started = resurrect::bring(session, apps).await;
    step.gap = Some(clock::unix_ms() - at);
    if let Some(said) = said {
        answered(said).await?;
    }
    if let Some(line) = migration::gap(step) {
        session.screen.say(&line)?;
    }
    started
}

/// PM2's processes of an app have gone.
struct Ended {
    at: i64,
    /// What PM2 will say to that: its command takes a while to end, in which nobody would serve.
    said: Option<Telling>,
}

type Telling = JoinHandle<Result<(), Pm2Error>>;

async fn answered(said: Telling) -> Result<(), Failure> {
    said.await.map_err(|error| Failure::new(error.to_string()))?.map_err(|error| failure(&error))
}

/// Has PM2 stop them, and waits until the last of them has gone.
async fn stopped(pm2: &Pm2, running: &Running, ids: &[u32]) -> Result<Ended, Failure> {
    let (told, own) = (pm2.clone(), ids.to_owned());
    let mut stopping = tokio::task::spawn_blocking(move || told.tell("stop", &own));
    let mut ticks = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            said = &mut stopping => {
                said.map_err(|error| Failure::new(error.to_string()))?.map_err(|error| failure(&error))?;
                if !running.have_ended(ids) {
                    return Err(Failure::new("PM2 says that it has stopped what still lives"));
                }
                return Ok(Ended { at: clock::unix_ms(), said: None });
            }
            _ = ticks.tick() => if running.have_ended(ids) {
                return Ok(Ended { at: clock::unix_ms(), said: Some(stopping) });
            }
        }
    }
}

/// Waits until each of them has been up for a while.
async fn stay(session: &Session<'_>, names: &[String]) -> Result<(), Failure> {
    let mut ticks = interval(SEE_EVERY);
    loop {
        ticks.tick().await;
        let now = clock::unix_ms();
        let all = session.list(Selector::all()).await?;
        let mut ours = all.iter().filter(|process| names.contains(&process.name));
        let fails = |process: &&Process| {
            process.unstable_restarts > 0 || matches!(process.status, Status::Errored | Status::WaitingRestart)
        };
        if let Some(process) = ours.clone().find(fails) {
            let why = process.reason.clone().unwrap_or_else(|| process.status.to_string());
            return Err(Failure::new(format!("{} did not stay up here: {why}", process.name)));
        }
        let settled = |process: &Process| match process.status {
            Status::Online => process.started_at.is_some_and(|at| at + UP <= now),
            status => !status.is_alive(),
        };
        if ours.all(settled) {
            return Ok(());
        }
    }
}

/// PM2 forgets them, or keeps them stopped. Its saved list is as it was.
fn leave(session: &mut Session<'_>, pm2: &Pm2, plan: &[Step], keep: bool) {
    let taken = plan.iter().filter(|step| step.action == Action::Take);
    let ids: Vec<u32> = taken.flat_map(|step| step.ids.iter().copied()).collect();
    if keep {
        session.screen.hint("PM2 has them on its list still, stopped");
    } else if let Err(error) = pm2.tell("delete", &ids) {
        session.screen.warn(&format!("{error}; PM2 has them on its list still, stopped"));
    }
    let saved = pm2.home().join("dump.pm2");
    if saved.exists() {
        session.screen.hint(&format!(
            "PM2's saved list {} is as it was: should PM2 start with the machine, take that away: pm2 unstartup",
            saved.display()
        ));
    }
    session.screen.hint("to have the apps start with the machine here: rpm startup");
}

/// What was begun goes back, the last first; the names of those for which that failed too.
async fn take_back(session: &mut Session<'_>, pm2: &Pm2, begun: &[Step], to_start: bool) -> Vec<String> {
    let mut left = Vec::new();
    for step in begun.iter().rev().filter(|step| step.action == Action::Take) {
        let selector = Selector::new(&step.app);
        let here = session.list(selector.clone()).await.map_or(true, |processes| !processes.is_empty());
        let gone = !here || session.link.request(Request::Delete { selector, force: false }).await.is_ok();
        let (told, ids) = (pm2.clone(), step.running.clone());
        let back = !to_start || {
            let started = tokio::task::spawn_blocking(move || told.tell("restart", &ids)).await;
            matches!(started, Ok(Ok(())))
        };
        if !gone || !back {
            left.push(step.app.clone());
        }
    }
    left
}

fn told(why: Failure, left: &[String]) -> Failure {
    match why {
        Failure::Told { message, hint } if left.is_empty() => {
            let failure = Failure::new(format!("{message}\nall apps are back where they were"));
            hint.into_iter().fold(failure, Failure::hint)
        }
        Failure::Told { message, .. } => Failure::new(format!("{message}\nnot brought back: {}", left.join(", ")))
            .hint("look at both: rpm ls, pm2 ls; then run rpm migrate again, or pm2 restart what is stopped"),
        gone @ Failure::ReaderGone => gone,
    }
}
