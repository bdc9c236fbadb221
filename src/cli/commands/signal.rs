//! `sendSignal`: any signal to the processes meant.

use crate::api::Request;
use crate::cli::args::SignalArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome;
use crate::cli::session::{Session, processes_of};
use crate::cli::words;
use crate::domain::Selector;
use crate::sys::signal;

pub(super) async fn run(session: &mut Session<'_>, args: SignalArgs) -> Result<Exit, Failure> {
    let signal = signal::number(&args.signal).ok_or_else(|| {
        Failure::new(format!("{:?} is no signal", args.signal)).hint("by name or number: SIGUSR2, usr2, 12")
    })?;
    let mut acted = Vec::new();
    for target in args.targets {
        let request = Request::Signal { selector: Selector::new(target), signal };
        let signalled = processes_of(session.link.request(request).await?)?;
        session.screen.say(&outcome::uniform(&format!("sent {} to", words::signal(signal)), &signalled))?;
        acted.extend(signalled);
    }
    session.finish(&acted).await
}
