//! `attach`: what is typed goes to a process, what it prints is shown.

use crate::api::{LogItem, LogQuery, Request};
use crate::cli::args::AttachArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::log::{self, Look, Style};
use crate::cli::session::Session;
use crate::domain::{ProcessId, Selector};
use jiff::tz::TimeZone;
use std::io::{self, BufRead};
use tokio::sync::mpsc;

/// Lines that were typed, or piped in, and are not sent yet; behind them our input is not read.
const TYPED: usize = 64;

pub(super) async fn run(session: &mut Session<'_>, args: AttachArgs) -> Result<Exit, Failure> {
    let id = the_one(session, &args.target).await?;
    let selector = Selector::new(id.to_string());
    let query = LogQuery { selector: selector.clone(), lines: 0, follow: true, stream: None };
    let mut output = session.link.logs(query).await?;
    let mut typed = read_input()?;
    let separator = args.separator.unwrap_or_else(|| "\n".to_owned());
    session.screen.note(&format!("attached to {} ({id}); Ctrl-C ends this, and not the app", args.target));
    let mut ended = false;
    loop {
        tokio::select! {
            items = output.recv() => {
                let Some(items) = items else {
                    session.screen.note("the daemon has ended, and with it this stream");
                    return Ok(Exit::Success);
                };
                show(session, &items?)?;
            }
            line = typed.recv(), if !ended => match line {
                Some(line) => {
                    let text = line + &separator;
                    session.link.request(Request::Send { selector: selector.clone(), text }).await?;
                }
                None => ended = true,
            },
        }
    }
}

fn show(session: &mut Session<'_>, items: &[LogItem]) -> Result<(), Failure> {
    let mut text = String::new();
    let look = Look { style: Style::Raw, timestamp: None, highlight: None, zone: TimeZone::UTC };
    for item in items {
        log::push(&mut text, item, &look);
    }
    if text.is_empty() { Ok(()) } else { session.screen.data(&text) }
}

/// Whom it is about: one process.
async fn the_one(session: &Session<'_>, target: &str) -> Result<ProcessId, Failure> {
    let found = session.list(Selector::new(target)).await?;
    match found.as_slice() {
        [process] if process.pid.is_some() => Ok(process.id),
        [process] => Err(Failure::new(format!("{} ({}) does not run", process.name, process.id))
            .hint(format!("start it: rpm start {}", process.id))),
        [] => Err(Failure::new(format!("no process is called {target}")).hint("rpm ls shows them")),
        several => {
            let ids: Vec<String> = several.iter().map(|process| process.id.to_string()).collect();
            Err(Failure::new(format!("{target} names {} processes", several.len()))
                .hint(format!("choose one by its id: {}", ids.join(", "))))
        }
    }
}

/// Lines of our input, read on a thread of its own, which nobody waits for.
fn read_input() -> Result<mpsc::Receiver<String>, Failure> {
    let (sender, receiver) = mpsc::channel(TYPED);
    let read = move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("rpm-input".into())
        .spawn(read)
        .map_err(|source| Failure::new(format!("the input cannot be read: {source}")))?;
    Ok(receiver)
}
