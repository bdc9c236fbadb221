//! From the first start to the end of everything.

use super::plan::{self, Plan};
use super::show::Show;
use super::signals::{Signals, Told};
use super::stage::Stage;
use super::verdict::verdict;
use crate::api::request::{Existing, Start};
use crate::api::{Backend, Event, EventKind, LogItem, LogQuery, OutputStream, Process, Request, Response, Stream};
use crate::cli::args::Global;
use crate::cli::failure::Failure;
use crate::cli::render::Screen;
use crate::cli::session::{Session, processes_of};
use crate::cli::web;
use crate::clock;
use crate::config::{self, AppOptions};
use crate::domain::{AppSpec, Selector};
use crate::server::Beside;
use crate::sys::proc::catches;
use crate::sys::signal;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::runtime;

/// Between two looks whether it is over, where no event has told of it.
const LOOK: Duration = Duration::from_secs(2);
/// Within this time of the first signal a second one is the same, in milliseconds.
const TWICE: u64 = 1000;
/// The app that runs what a restart asks for.
const AFTER_RESTART: &str = "post-exec";

/// Carries a plan out, and gives the exit code.
pub(super) fn play(global: &Global, make: impl FnOnce() -> Result<Plan, Failure>) -> u8 {
    // What the engine has to say; there is no log of a daemon.
    let warnings =
        tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_target(false).with_writer(io::stderr);
    // Only who runs two in one program has one already.
    _ = warnings.try_init();
    let mut screen = screen_of(global);
    let played = make().and_then(|plan| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Failure::new(format!("the system is out of resources: {source}")))?;
        let stage = Stage::open()?;
        runtime.block_on(async {
            let mut session = Session::new(&stage, screen_of(global), false);
            let (apps, follows) = plan.apps(&mut session)?;
            let listener = match plan.web {
                Some(address) => Some(web::bind(address).await?),
                None => None,
            };
            if let Some(address) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) {
                session.screen.note(&format!("rpm: the list is at http://{address}/"));
            }
            let played = Play::begin(&plan, &stage, session.screen, follows).await?.run(apps);
            match &listener {
                None => played.await,
                Some(listener) => tokio::select! {
                    biased;
                    code = played => code,
                    never = web::serve(listener, &stage) => match never {},
                },
            }
        })
    });
    match played {
        Ok(code) => code,
        Err(Failure::ReaderGone) => 0,
        Err(Failure::Told { message, hint }) => {
            screen.error(&message, hint.as_deref());
            1
        }
    }
}

fn screen_of(global: &Global) -> Screen {
    Screen::standard(global.is_silent(), global.json, !global.no_color)
}

struct Play<'a> {
    plan: &'a Plan,
    stage: &'a Stage,
    screen: Screen,
    show: Show,
    signals: Signals,
    events: Stream<Event>,
    lines: Option<Stream<Vec<LogItem>>>,
    others: Option<Beside>,
    /// A command beside this program has had everything stopped.
    is_ended: bool,
}

/// Somebody wants the end.
struct Asked;

/// What comes next.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Next<T> {
    Done(T),
    Told(Told),
    Event(Event),
    Lines(Vec<LogItem>),
    Look,
    Ended,
}

impl<'a> Play<'a> {
    async fn begin(plan: &'a Plan, stage: &'a Stage, screen: Screen, follows: bool) -> Result<Self, Failure> {
        let signals =
            Signals::watch().map_err(|error| Failure::new(format!("signals cannot be waited for: {error}")))?;
        let events = stage.events().await?;
        let query = LogQuery { selector: Selector::all(), lines: 0, follow: true, stream: None };
        let lines = if follows { Some(stage.logs(query).await?) } else { None };
        Ok(Self {
            plan,
            stage,
            screen,
            show: Show::new(plan.manner),
            signals,
            events,
            lines,
            others: Some(stage.open_to_others()),
            is_ended: false,
        })
    }

    async fn run(mut self, apps: Vec<AppSpec>) -> Result<u8, Failure> {
        self.leave(&apps);
        let delay = tokio::time::sleep(self.plan.delay);
        if self.until(delay).await?.is_err() {
            return self.end().await;
        }
        let stage = self.stage;
        let start = Start { apps, existing: Existing::Duplicate, force: false, parallel: None };
        match self.until(stage.request(Request::Start(start))).await? {
            Err(Asked) => return self.end().await,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => self.screen.error(&error.message, error.hint.as_deref()),
        }
        let code = loop {
            if let Some(code) = self.is_over().await? {
                break code;
            }
            match self.next(std::future::pending::<()>()).await? {
                Next::Told(Told::End(_)) => return self.end().await,
                // The same to whoever looks at the exit code: nothing runs any more.
                Next::Ended => break self.is_over().await?.unwrap_or(0),
                next => self.take(next).await?,
            }
        };
        self.end().await?;
        Ok(code)
    }

    /// What the log thread brings to our own output itself.
    fn leave(&mut self, apps: &[AppSpec]) {
        let own = [plan::OUT, plan::ERR];
        for app in apps {
            for (stream, file) in [(OutputStream::Out, &app.logs.out), (OutputStream::Err, &app.logs.error)] {
                if file.as_deref().is_some_and(|file| own.iter().any(|own| file == Path::new(own))) {
                    self.show.leave(&app.name, stream);
                }
            }
        }
    }

    /// Waits for it, and does what has to be done meanwhile; a signal that ends everything is the error.
    async fn until<T>(&mut self, work: impl Future<Output = T>) -> Result<Result<T, Asked>, Failure> {
        let mut work = std::pin::pin!(work);
        loop {
            match self.next(work.as_mut()).await? {
                Next::Done(done) => return Ok(Ok(done)),
                Next::Told(Told::End(_)) | Next::Ended => return Ok(Err(Asked)),
                next => self.take(next).await?,
            }
        }
    }

    async fn next<T>(&mut self, work: impl Future<Output = T>) -> Result<Next<T>, Failure> {
        let lines = async {
            match &mut self.lines {
                Some(lines) => lines.recv().await,
                None => std::future::pending().await,
            }
        };
        let (stage, is_ended) = (self.stage, self.is_ended);
        Ok(tokio::select! {
            biased;
            () = stage.ended(), if !is_ended => {
                self.is_ended = true;
                Next::Ended
            },
            told = self.signals.next() => Next::Told(told),
            lines = lines => if let Some(lines) = lines {
                Next::Lines(lines?)
            } else {
                self.lines = None;
                Next::Look
            },
            event = self.events.recv() => if let Some(event) = event {
                Next::Event(event?)
            } else {
                // We were too slow, and begin again.
                self.events = self.stage.events().await?;
                Next::Look
            },
            done = work => Next::Done(done),
            () = tokio::time::sleep(LOOK) => Next::Look,
        })
    }

    async fn take<T>(&mut self, next: Next<T>) -> Result<(), Failure> {
        match next {
            Next::Lines(lines) => self.show.lines(&mut self.screen, &lines),
            Next::Event(event) => {
                if event.process.name == AFTER_RESTART {
                    return Ok(());
                }
                self.show.event(&mut self.screen, &event)?;
                if event.event == EventKind::Restart {
                    self.restarted().await?;
                }
                Ok(())
            }
            Next::Told(Told::Pass(number)) => self.pass(number).await,
            Next::Told(Told::End(_)) | Next::Done(_) | Next::Look | Next::Ended => Ok(()),
        }
    }

    async fn processes(&self) -> Result<Vec<Process>, Failure> {
        let list = self.stage.request(Request::List { selector: Selector::all() }).await?;
        let mut processes = processes_of(list)?;
        processes.retain(|process| process.name != AFTER_RESTART);
        Ok(processes)
    }

    async fn is_over(&self) -> Result<Option<u8>, Failure> {
        Ok(if self.plan.auto_exit { verdict(&self.processes().await?) } else { None })
    }

    /// Only to those that have a use for it: others would be ended by it.
    async fn pass(&mut self, number: i32) -> Result<(), Failure> {
        let mut is_caught = false;
        for process in self.processes().await? {
            if process.pid.is_some_and(|pid| catches(pid, number)) {
                is_caught = true;
                let selector = Selector::new(process.id.to_string());
                // It may have gone meanwhile.
                let _ = self.stage.request(Request::Signal { selector, signal: number }).await;
            }
        }
        if !is_caught {
            let name = signal::name(number).unwrap_or("it");
            self.screen.note(&format!("rpm: {name} is passed on to nobody: no app handles it"));
        }
        Ok(())
    }

    /// Runs what is to be run after a restart, as an app of its own.
    async fn restarted(&mut self) -> Result<(), Failure> {
        let Some(line) = &self.plan.after_restart else { return Ok(()) };
        let mut options = AppOptions { name: Some(AFTER_RESTART.to_owned()), ..AppOptions::default() };
        options.set("autorestart", false)?;
        let caller = config::Caller::current().map_err(|error| Failure::new(error.to_string()))?;
        // A line of one word would be a script.
        let mut apps = config::from_target(&format!("{line} "), options, &caller)?.apps;
        for app in &mut apps {
            app.logs.out = Some("/dev/null".into());
            app.logs.error = Some("/dev/null".into());
        }
        let start = Start { apps, existing: Existing::Restart, force: false, parallel: None };
        if let Err(error) = self.stage.request(Request::Start(start)).await {
            self.screen.warn(&error.message);
        }
        Ok(())
    }

    /// Stops what runs, shows the last of its output, and gives the exit code.
    async fn end(mut self) -> Result<u8, Failure> {
        let (stage, begun) = (self.stage, clock::boot_ms());
        let mut code = 0;
        let mut work = std::pin::pin!(stage.request(Request::Kill { force: false }));
        loop {
            match self.next(work.as_mut()).await? {
                Next::Done(done) => {
                    done?;
                    break;
                }
                // Who sends a signal to a group and to its first process sends it twice.
                Next::Told(Told::End(_)) if clock::boot_ms().saturating_sub(begun) < TWICE => {}
                Next::Told(Told::End(number)) => {
                    // What is still there ends with this program.
                    if code != 0 {
                        return Ok(code);
                    }
                    code = signal::exit_code(number);
                    self.screen.note("rpm: killing what is left");
                    let _ = stage.request(Request::Hurry { selector: Selector::all() }).await;
                }
                Next::Lines(lines) => self.show.lines(&mut self.screen, &lines)?,
                Next::Event(event) => self.show.end(&mut self.screen, &event)?,
                Next::Look | Next::Ended | Next::Told(Told::Pass(_)) => {}
            }
        }
        self.rest().await?;
        // Who has asked for this end is answered before nobody can.
        if let Some(others) = self.others.take() {
            others.close().await;
        }
        stage.close().await?;
        Ok(code)
    }

    /// All that was written is on its way; an answer of the engine that comes after it tells that nothing more is.
    async fn rest(&mut self) -> Result<(), Failure> {
        let Some(mut lines) = self.lines.take() else { return Ok(()) };
        loop {
            let is_there = matches!(self.stage.request(Request::Ping).await, Ok(Response::Daemon(_)));
            let mut is_more = false;
            while let Ok(batch) = lines.try_recv() {
                is_more = true;
                self.show.lines(&mut self.screen, &batch?)?;
            }
            if !is_more || !is_there {
                return Ok(());
            }
        }
    }
}
