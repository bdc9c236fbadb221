//! Asks, listens and draws until somebody leaves.

use super::super::live::{self, Ends};
use super::board::Board;
use super::panes;
use crate::api::{ApiError, LogItem, LogQuery, Request, Response, Stream};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::full_screen::FullScreen;
use crate::cli::session::Session;
use crate::clock;
use crate::domain::Selector;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{self, MissedTickBehavior};

/// As often as samples of processes change.
const PERIOD: Duration = Duration::from_secs(1);
/// However much is written, nobody sees more pictures than that.
const FRAME: Duration = Duration::from_millis(50);
/// Lines of each process to begin with.
const LINES: u32 = 50;

type Lines = Stream<Vec<LogItem>>;

pub(in crate::cli::commands) async fn run(session: &mut Session<'_>) -> Result<Exit, Failure> {
    if !live::is_possible(session) {
        return Err(Failure::new("monit needs a terminal").hint("for a program: rpm jlist, rpm logs --json"));
    }
    // A daemon is launched before the screen is taken: what there is to say of that stays readable.
    session.list(Selector::all()).await?;
    let resize = signal(SignalKind::window_change());
    let mut resized = resize.map_err(|source| Failure::new(format!("signals cannot be received: {source}")))?;
    let mut ends = Ends::listen()?;
    let mut screen = FullScreen::take(session.screen.is_colored()).map_err(Failure::output)?;
    let (mut ticks, mut frames) = (time::interval(PERIOD), time::interval(FRAME));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut board, mut lines, mut is_new) = (Board::default(), None, true);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                look(session, &mut board).await;
                if lines.is_none() {
                    lines = listen(session).await;
                    // What there was stays to be read until it comes anew.
                    if lines.is_some() {
                        board.forget_lines();
                    }
                }
                is_new = true;
            }
            _ = frames.tick(), if is_new => {
                let text = panes::frame(&board, screen.size(), clock::unix_ms());
                screen.draw(&text).map_err(Failure::output)?;
                is_new = false;
            }
            heard = next(&mut lines) => {
                match heard {
                    Some(Ok(items)) => board.hear(items),
                    // With the next look there may be another daemon.
                    Some(Err(_)) | None => lines = None,
                }
                is_new = true;
            }
            pressed = screen.pressed() => {
                let pressed = pressed.map_err(Failure::output)?;
                if pressed.leave {
                    break;
                }
                if board.go(pressed.down) {
                    describe(session, &mut board).await;
                }
                is_new = true;
            }
            _ = resized.recv() => is_new = true,
            () = ends.next() => break,
        }
    }
    Ok(Exit::Success)
}

async fn next(lines: &mut Option<Lines>) -> Option<Result<Vec<LogItem>, ApiError>> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

async fn listen(session: &Session<'_>) -> Option<Lines> {
    let query = LogQuery { selector: Selector::all(), lines: LINES, follow: true, stream: None };
    session.link.logs(query).await.ok()
}

/// What there is now. Whoever is lost meanwhile is told in the place of the list: the next one may be there in a moment.
async fn look(session: &Session<'_>, board: &mut Board) {
    let link = session.link;
    let list = Request::List { selector: Selector::all() };
    let (list, machine) = tokio::join!(link.request_running(list), link.request_running(Request::Host));
    board.trouble = match list {
        Ok(Some(Response::Processes(mut processes))) => {
            session.sort(&mut processes);
            board.update(processes);
            None
        }
        Ok(Some(_)) => Some("the daemon answers with something this version does not understand: rpm update".into()),
        Ok(None) => Some("no daemon is running".into()),
        Err(error) => Some(error.message),
    };
    if let Ok(Some(Response::Host(host))) = machine {
        board.host = Some(host);
    }
    describe(session, board).await;
}

async fn describe(session: &Session<'_>, board: &mut Board) {
    let Some(id) = board.chosen else { return };
    let selector = Selector::new(id.to_string());
    if let Ok(Some(Response::Details(details))) = session.link.request_running(Request::Describe { selector }).await {
        board.detail = details.into_iter().find(|detail| detail.process.id == id);
    }
}
