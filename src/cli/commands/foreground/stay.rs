//! `--no-daemon`: a command that stays, shows what apps write, and takes them and the daemon with it when it ends.
//!
//! The daemon is a child of this program, and ends in order when this program has gone, however it went. Where a daemon
//! runs already it is nobody's here: this only follows what is written.

use super::show::{Manner, Show};
use super::signals::{Signals, Told};
use crate::api::{ApiError, Event, LogItem, LogQuery, Request, Stream};
use crate::cli::args::Command;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::client::Presence;
use crate::clock;
use crate::domain::Selector;
use std::time::Duration;
use tokio::time::timeout;

/// Within this time of the first signal a second one is the same, in milliseconds.
const TWICE: u64 = 1000;
/// What was written is on its way when the daemon has gone; one that hangs is no reason to.
const LAST_LINES: Duration = Duration::from_secs(2);
const USR2: i32 = 12;

struct Attended {
    show: Show,
    signals: Signals,
    lines: Option<Stream<Vec<LogItem>>>,
    events: Option<Stream<Event>>,
}

#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Next {
    Told(Told),
    Lines(Option<Result<Vec<LogItem>, ApiError>>),
    Event(Option<Result<Event, ApiError>>),
}

/// Somebody wants the end, or the daemon has ended.
enum Over {
    Asked,
    DaemonGone,
}

/// Carries out the command, and stays until a signal or the end of the daemon.
pub(in crate::cli) async fn stay(
    session: &mut Session<'_>,
    presence: Presence,
    command: Command,
) -> Result<Exit, Failure> {
    let mut attended = Attended::begin(session).await?;
    let is_ours = presence == Presence::Launched;
    let done = tokio::select! {
        biased;
        () = attended.asked_to_end() => None,
        done = Box::pin(super::super::run(session, command)) => Some(done),
    };
    if let Some(Err(failure)) = done {
        if is_ours {
            attended.end(session).await?;
        }
        return Err(failure);
    }
    if done.is_some() {
        session.screen.note(if is_ours {
            "rpm: Ctrl-C ends these apps and the daemon"
        } else {
            "rpm: the daemon was there before: its apps stay when this ends"
        });
        if let Over::DaemonGone = attended.follow(session).await? {
            session.screen.note("rpm: the daemon has ended");
            return Ok(Exit::Success);
        }
    }
    if is_ours {
        attended.end(session).await?;
    }
    Ok(Exit::Success)
}

impl Attended {
    /// Before the command, so that nothing of what it starts is missed.
    async fn begin(session: &Session<'_>) -> Result<Self, Failure> {
        let signals =
            Signals::watch().map_err(|error| Failure::new(format!("signals cannot be waited for: {error}")))?;
        let events = Some(session.link.events().await?);
        let query = LogQuery { selector: Selector::all(), lines: 0, follow: true, stream: None };
        let lines = Some(session.link.logs(query).await?);
        let json = session.screen.wants_json();
        let manner = if json { Manner::Json } else { Manner::Prefixed { timestamp: false } };
        Ok(Self { show: Show::new(Some(manner)), signals, lines, events })
    }

    async fn asked_to_end(&mut self) {
        while let Told::Pass(_) = self.signals.next().await {}
    }

    async fn follow(&mut self, session: &mut Session<'_>) -> Result<Over, Failure> {
        loop {
            match self.next().await {
                Next::Told(Told::End(_)) => return Ok(Over::Asked),
                Next::Lines(None) => return Ok(Over::DaemonGone),
                // What it means to the daemon, which this program stands for.
                Next::Told(Told::Pass(USR2)) => {
                    session.link.request(Request::ReopenLogs).await?;
                }
                Next::Event(None) => self.events = session.link.events().await.ok(),
                Next::Event(Some(event)) => self.show.event(&mut session.screen, &event?)?,
                Next::Lines(Some(lines)) => self.show.lines(&mut session.screen, &lines?)?,
                Next::Told(Told::Pass(_)) => {}
            }
        }
    }

    async fn next(&mut self) -> Next {
        let (lines, events) = (self.lines.as_mut(), self.events.as_mut());
        tokio::select! {
            biased;
            told = self.signals.next() => Next::Told(told),
            lines = of(lines) => Next::Lines(lines),
            event = of(events) => Next::Event(event),
        }
    }

    /// Everything stops, the daemon last; a second signal kills what is left.
    async fn end(&mut self, session: &mut Session<'_>) -> Result<(), Failure> {
        let (link, begun) = (session.link, clock::boot_ms());
        let mut work = std::pin::pin!(link.request_running(Request::Kill { force: false }));
        loop {
            let next = tokio::select! {
                biased;
                next = self.next() => next,
                done = work.as_mut() => {
                    done?;
                    break;
                }
            };
            match next {
                Next::Lines(None) => self.lines = None,
                Next::Event(None) => self.events = None,
                Next::Lines(Some(lines)) => self.show.lines(&mut session.screen, &lines?)?,
                Next::Event(Some(event)) => self.show.end(&mut session.screen, &event?)?,
                Next::Told(Told::End(_)) if clock::boot_ms().saturating_sub(begun) >= TWICE => {
                    session.screen.note("rpm: killing what is left");
                    let _ = link.request_running(Request::Hurry { selector: Selector::all() }).await;
                }
                Next::Told(_) => {}
            }
        }
        let Some(mut lines) = self.lines.take() else { return Ok(()) };
        while let Ok(Some(Ok(batch))) = timeout(LAST_LINES, lines.recv()).await {
            self.show.lines(&mut session.screen, &batch)?;
        }
        Ok(())
    }
}

/// A stream that has ended says nothing any more.
async fn of<T>(stream: Option<&mut Stream<T>>) -> Option<Result<T, ApiError>> {
    match stream {
        Some(stream) => stream.recv().await,
        None => std::future::pending().await,
    }
}
