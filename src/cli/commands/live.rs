//! `list --watch`: the list on a screen of its own, drawn anew until somebody leaves.

use crate::api::{Process, Request, Response};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::full_screen::{FullScreen, Size};
use crate::cli::render::{host, process};
use crate::cli::session::Session;
use crate::clock;
use crate::domain::Selector;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time;

/// As often as samples of processes change.
const PERIOD: Duration = Duration::from_secs(1);

/// Whether there is a screen to draw on. What is asked for as JSON is asked once.
pub(super) fn is_possible(session: &Session<'_>) -> bool {
    session.screen.is_terminal() && session.screen.is_decorated()
}

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    // A daemon is launched before the screen is taken: what there is to say of that stays readable.
    session.list(Selector::all()).await?;
    let listen = |kind| signal(kind).map_err(|source| Failure::new(format!("signals cannot be received: {source}")));
    let (mut resized, mut ends) = (listen(SignalKind::window_change())?, Ends::listen()?);
    let mut screen = FullScreen::take(session.screen.is_colored()).map_err(Failure::output)?;
    let mut ticks = time::interval(PERIOD);
    // One that came late is not made up for.
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = resized.recv() => {}
            () = ends.next() => break,
            left = screen.somebody_leaves() => match left {
                Ok(()) => break,
                Err(source) => return Err(Failure::output(source)),
            },
        }
        let text = frame(session, screen.size()).await;
        screen.draw(&text).map_err(Failure::output)?;
    }
    Ok(Exit::Success)
}

/// Whoever is lost meanwhile is told in the place of the list: the next one may be there in a moment.
async fn frame(session: &Session<'_>, size: Size) -> String {
    let link = session.link;
    let selector = Selector::all();
    let wanted = if session.mini { Request::Describe { selector } } else { Request::List { selector } };
    let (list, machine) = tokio::join!(link.request_running(wanted), link.request_running(Request::Host));
    let mut text = match list {
        Ok(Some(response)) => listed(session, response, size),
        Ok(None) => "no daemon is running\n".to_owned(),
        Err(error) => format!("{}\n", error.message),
    };
    if let Ok(Some(Response::Host(host))) = machine {
        text.push_str(&host::line(&host, size.columns));
    }
    text
}

fn listed(session: &Session<'_>, response: Response, size: Size) -> String {
    let now = clock::unix_ms();
    match response {
        Response::Processes(mut processes) => {
            session.sort(&mut processes);
            process::table(&processes, Some(size.columns), now)
        }
        Response::Details(details) => {
            let mut processes: Vec<_> = details.iter().map(|detail| detail.process.clone()).collect();
            session.sort(&mut processes);
            let detail = |process: &Process| details.iter().find(|detail| detail.process.id == process.id);
            process::mini(processes.iter().filter_map(detail), now)
        }
        _ => "the daemon answers with something this version does not understand: rpm update\n".to_owned(),
    }
}

/// Signals by which a program is asked to leave: the terminal has to be given back first.
pub(super) struct Ends([Signal; 3]);

impl Ends {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|source| Failure::new(format!("signals cannot be received: {source}")));
        Ok(Self([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?]))
    }

    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
