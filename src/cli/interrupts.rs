//! Ctrl-C while a command waits for processes to end: they go on ending whatever becomes of the command, so that the
//! first one only says so, and the second one has them killed.

use super::render::outcome::Verb;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those of the terminal, counted. Where nothing is being ended they do what they always do.
pub(super) struct Interrupts {
    signals: Option<Signal>,
    presses: u32,
}

impl Interrupts {
    pub(super) const SIGINT: i32 = 2;

    pub(super) fn watch(verb: Verb) -> Self {
        let ends = matches!(verb, Verb::Stop | Verb::Delete | Verb::Restart);
        Self { signals: ends.then(|| signal(SignalKind::interrupt()).ok()).flatten(), presses: 0 }
    }

    /// Waits for the next one; gives its number, from 1.
    pub(super) async fn next(&mut self) -> u32 {
        match &mut self.signals {
            Some(signals) => signals.recv().await,
            None => std::future::pending().await,
        };
        self.presses += 1;
        self.presses
    }
}
