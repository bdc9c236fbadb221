//! What the commands share: asking, waiting visibly, telling what was done.

use super::exit::Exit;
use super::failure::Failure;
use super::interrupts::Interrupts;
use super::link::Link;
use super::order::Order;
use super::render::outcome::{self, Verb};
use super::render::progress::{Goal, Scope};
use super::render::{Screen, process};
use super::steps::{self, Steps};
use super::together::together;
use super::words;
use crate::api::{Code, Process, ProcessDetail, Request, Response};
use crate::clock;
use crate::config::Caller;
use crate::domain::{ProcessId, Selector, Status};
use crate::paths::Home;
use crate::settings::{Settings, Store};
use crate::sys::signal;
use std::fs;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use tokio::time;

/// A command that takes longer shows what it waits for.
const PATIENCE: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(250);

pub(crate) struct Session<'a> {
    pub(crate) link: &'a dyn Link,
    pub(crate) screen: Screen,
    /// `--mini-list`.
    pub(crate) mini: bool,
    /// The daemon's own log, where a home has one.
    pub(crate) daemon_log: Option<PathBuf>,
    /// The daemon that runs in the home, as far as its file tells.
    daemon_pid: Option<i32>,
    /// The settings of the home; in tests there are none.
    pub(super) store: Option<Store>,
    pub(super) settings: Option<Settings>,
    has_hinted: bool,
    order: Order,
    exit: Exit,
}

/// Whom a changing request is about.
pub(crate) enum About {
    Selected(Selector),
    /// Apps by name, which come to so many processes.
    Apps {
        names: Vec<String>,
        processes: usize,
    },
}

impl<'a> Session<'a> {
    pub(crate) const fn new(link: &'a dyn Link, screen: Screen, mini: bool) -> Self {
        Self {
            link,
            screen,
            mini,
            daemon_log: None,
            daemon_pid: None,
            store: None,
            settings: None,
            has_hinted: false,
            order: Order::BY_NAME,
            exit: Exit::Success,
        }
    }

    /// With what a home has beside its daemon: the settings, the daemon's log and pid.
    pub(crate) fn in_home(self, home: &Home) -> Self {
        let pid = fs::read_to_string(home.pid_file()).ok().and_then(|text| text.trim().parse().ok());
        Self { store: Some(Store::new(home)), daemon_log: Some(home.daemon_log()), daemon_pid: pid, ..self }
    }

    /// Lists are shown in this order.
    pub(crate) fn sorted(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// Who types: working directory, environment, user.
    pub(crate) fn caller(&self) -> Result<Caller, Failure> {
        let caller = Caller::current().map_err(|source| {
            Failure::new(format!("the working directory cannot be told: {source}"))
                .hint("it may have been removed; change to another one")
        })?;
        Ok(match self.daemon_pid {
            Some(pid) => caller.of_daemon(pid),
            None => caller,
        })
    }

    /// The processes meant; nothing meant is an empty list.
    pub(crate) async fn list(&self, selector: Selector) -> Result<Vec<Process>, Failure> {
        processes_of(self.link.request(Request::List { selector }).await?)
    }

    /// Carries out a request and tells what it did to whom.
    pub(crate) async fn act(&mut self, verb: Verb, request: Request, about: About) -> Result<Vec<Process>, Failure> {
        let (before, scope, expected) = self.before(about).await?;
        let goal = Goal { verb, scope, total: expected.max(before.len()), since: clock::unix_ms() };
        let after = processes_of(self.watched(&goal, self.link.request(request)).await?)?;
        self.tell_done(verb, &before, &after)?;
        Ok(after)
    }

    /// Carries out requests at the same time, each about one of these processes.
    pub(crate) async fn act_together(
        &mut self,
        verb: Verb,
        requests: Vec<Request>,
        ids: Vec<ProcessId>,
    ) -> Result<Vec<Process>, Failure> {
        let mut before = self.list(Selector::all()).await?;
        before.retain(|process| ids.contains(&process.id));
        let goal = Goal { verb, scope: Scope::Ids(ids), total: before.len(), since: clock::unix_ms() };
        let link = self.link;
        let answers = self.watched(&goal, together(requests.into_iter().map(|request| link.request(request)))).await;
        let mut after = Vec::new();
        for answer in answers {
            after.extend(processes_of(answer?)?);
        }
        self.tell_done(verb, &before, &after)?;
        Ok(after)
    }

    fn tell_done(&mut self, verb: Verb, before: &[Process], after: &[Process]) -> Result<(), Failure> {
        self.screen.say(&outcome::lines(verb, before, after))?;
        if verb != Verb::Delete {
            self.tell_state(verb, after);
        }
        Ok(())
    }

    /// What was carried out and still isn't as it should be.
    pub(crate) fn tell_state(&mut self, verb: Verb, after: &[Process]) {
        self.tell_unhealthy(verb, after);
        self.tell_warnings(verb, after);
    }

    /// A hint that one command needs once, whomever it is about.
    pub(crate) fn hint_once(&mut self, text: &str) {
        if self.screen.is_decorated() && !std::mem::replace(&mut self.has_hinted, true) {
            self.screen.hint(text);
        }
    }

    async fn before(&self, about: About) -> Result<(Vec<Process>, Scope, usize), Failure> {
        match about {
            About::Selected(selector) => {
                let before = self.list(selector).await?;
                let ids = before.iter().map(|process| process.id).collect();
                Ok((before, Scope::Ids(ids), 0))
            }
            About::Apps { names, processes } => {
                let mut before = self.list(Selector::all()).await?;
                before.retain(|process| names.contains(&process.name));
                Ok((before, Scope::Names(names), processes))
            }
        }
    }

    /// Waits for `work`, and on a terminal shows how far it is.
    pub(crate) async fn watched<T>(&mut self, goal: &Goal, work: impl Future<Output = T>) -> T {
        let mut steps = Steps::follow(self.link, goal, &self.screen).await;
        let mut work = pin!(work);
        if !self.screen.is_live() {
            loop {
                tokio::select! {
                    biased;
                    result = &mut work => {
                        steps.finish(&mut self.screen).await;
                        return result;
                    }
                    line = steps.next() => steps::tell(&mut self.screen, &line),
                }
            }
        }
        let mut interrupts = Interrupts::watch(goal.verb);
        let mut is_shown = false;
        let mut ticks = time::interval_at(time::Instant::now() + PATIENCE, POLL);
        loop {
            let link = self.link;
            let look = async {
                ticks.tick().await;
                link.request_running(Request::List { selector: Selector::all() }).await
            };
            tokio::select! {
                biased;
                result = &mut work => {
                    if is_shown {
                        self.screen.redraw("");
                    }
                    steps.finish(&mut self.screen).await;
                    return result;
                }
                line = steps.next() => steps::tell(&mut self.screen, &line),
                presses = interrupts.next() => self.interrupted(goal, presses).await,
                seen = look => if let Ok(Some(Response::Processes(processes))) = seen {
                    is_shown = true;
                    self.screen.redraw(&goal.line(&processes));
                },
            }
        }
    }

    /// Somebody has lost patience with it, so many times.
    async fn interrupted(&mut self, goal: &Goal, presses: u32) {
        self.screen.redraw("");
        match presses {
            1 => self.screen.hint("what is asked to end goes on ending; Ctrl-C again kills it (SIGKILL)"),
            2 => {
                self.screen.hint("killing what is left; Ctrl-C again leaves it to the daemon");
                for selector in goal.selectors() {
                    // What has gone meanwhile needs no hurry.
                    let _ = self.link.request_running(Request::Hurry { selector }).await;
                }
            }
            _ => signal::die_by(Interrupts::SIGINT),
        }
    }

    /// What was carried out and still isn't well.
    fn tell_unhealthy(&mut self, verb: Verb, after: &[Process]) {
        for process in after {
            let who = outcome::app(&process.name, &[process.id]);
            let why = || process.reason.clone().or_else(|| words::ended(process)).unwrap_or_default();
            let logs = format!("what it said last: rpm logs {} --nostream", process.name);
            match process.status {
                Status::Errored => {
                    self.screen.error(&format!("{who} is errored: {}", why()), Some(&logs));
                    self.exit = Exit::Failure;
                }
                Status::WaitingRestart if verb != Verb::Stop => {
                    self.screen.warn(&format!("{who} has ended already and waits to be restarted: {}", why()));
                    self.screen.hint(&logs);
                }
                _ => {}
            }
        }
    }

    /// What the command says by its exit code so far.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// What they were started without.
    fn tell_warnings(&mut self, verb: Verb, after: &[Process]) {
        let mut told = Vec::new();
        let started = after.iter().filter(|process| verb != Verb::Stop && process.status.is_alive());
        for (name, warning) in
            started.flat_map(|process| process.warnings.iter().map(|warning| (&process.name, warning)))
        {
            // The same for each process of an app.
            if !told.contains(&(name, warning)) {
                told.push((name, warning));
                self.screen.warn(&format!("{name}: {warning}"));
            }
        }
    }

    /// Ends a command that changed something: the list as it is now, or what was acted on as JSON.
    pub(crate) async fn finish(&mut self, acted: &[Process]) -> Result<Exit, Failure> {
        if self.screen.wants_json() {
            self.screen.data_json(acted)?;
        } else if self.screen.is_decorated() {
            let mut all = self.list(Selector::all()).await?;
            self.sort(&mut all);
            self.show(&all).await?;
        }
        Ok(self.exit)
    }

    pub(crate) fn sort(&self, processes: &mut [Process]) {
        self.order.sort(processes);
    }

    /// The processes as a table or in the compact form, in the order they are in.
    pub(crate) async fn show(&mut self, processes: &[Process]) -> Result<(), Failure> {
        let now = clock::unix_ms();
        let text = if self.mini {
            let details = self.details().await?;
            let detail = |process: &Process| details.iter().find(|detail| detail.process.id == process.id);
            process::mini(processes.iter().filter_map(detail), now)
        } else {
            process::table(processes, self.screen.width(), now)
        };
        self.screen.say(&text)
    }

    /// All that is known of all processes; of an empty list nothing.
    pub(crate) async fn details(&self) -> Result<Vec<ProcessDetail>, Failure> {
        match self.link.request(Request::Describe { selector: Selector::all() }).await {
            Ok(Response::Details(details)) => Ok(details),
            Ok(_) => Err(Failure::unexpected_answer()),
            Err(error) if error.code == Code::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The processes of an answer; an answer without any names none.
pub(crate) fn processes_of(response: Response) -> Result<Vec<Process>, Failure> {
    match response {
        Response::Processes(processes) => Ok(processes),
        Response::Details(details) => Ok(details.into_iter().map(|detail| detail.process).collect()),
        Response::Done => Ok(Vec::new()),
        Response::Specs(_)
        | Response::Pm2(_)
        | Response::Daemon(_)
        | Response::Host(_)
        | Response::Jobs(_)
        | Response::Replies(_)
        | Response::Saved(_)
        | Response::Updating { .. } => Err(Failure::unexpected_answer()),
    }
}
