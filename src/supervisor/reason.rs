//! Why a process is where it is, in words: one sentence that begins with its status.
//!
//! All of it comes from what outlives the daemon (settings, the lifecycle's state, the error log), so that the next one
//! says the same.

use super::condition::{missing, why_ended};
use super::memory::replaced;
use crate::api::response::{NOT_STARTED, RAN_BEFORE_BOOT, STOPPED_BY_COMMAND};
use crate::domain::lifecycle::{Cause, Phase, StopStep, Then};
use crate::domain::{AppSpec, BootMs, Outcome};
use crate::process::Observed;
use crate::sys::signal;
use std::io;

/// What there is to tell it from.
pub(super) struct Reason<'a> {
    pub(super) spec: &'a AppSpec,
    pub(super) seen: &'a Observed,
    /// It ran until the machine was started anew, and nobody has said anything of it since.
    pub(super) waits_since_boot: bool,
    /// What it depends on that isn't as it should be.
    pub(super) held: Option<String>,
    /// Where its cluster could not listen.
    pub(super) refused: Option<String>,
    /// Why it runs on above its limit of memory.
    pub(super) memory: Option<String>,
    /// What it wrote last of its end.
    pub(super) last_words: Option<&'a str>,
    pub(super) now: BootMs,
}

impl Reason<'_> {
    pub(super) fn sentence(&self) -> Option<String> {
        let status = self.seen.state.status();
        let detail = self.detail()?;
        Some(match (self.seen.state.phase, self.seen.state.cause) {
            (Phase::WaitingRestart { .. }, Cause::Budget(_)) => format!("{status} {detail}"),
            _ if [STOPPED_BY_COMMAND, NOT_STARTED, RAN_BEFORE_BOOT].contains(&detail.as_str()) => detail,
            _ => format!("{status}: {detail}"),
        })
    }

    /// The same without the status.
    pub(super) fn detail(&self) -> Option<String> {
        match self.seen.state.phase {
            Phase::Stopped => self.stopped(),
            Phase::Errored => Some(self.errored()),
            Phase::WaitingRestart { until } => Some(self.waiting(until)),
            Phase::Held => Some(format!("waits for {}", self.held.as_deref().unwrap_or("its turn"))),
            Phase::Launching { deadline } => self.launching(deadline),
            Phase::Stopping { step, deadline, then } => Some(self.stopping(step, deadline, then)),
            Phase::Online => self.online().or_else(|| self.memory.clone()),
            Phase::Deleted => None,
        }
    }

    fn stopped(&self) -> Option<String> {
        let ended = self.seen.state.last_exit.map(|exit| match exit {
            Outcome::Code(code) => format!("it exited with code {code}"),
            Outcome::Signal(_) | Outcome::OomKilled => format!("it was {}", self.exit()),
            Outcome::Unknown | Outcome::NotStarted(_) => format!("it {}", self.exit()),
        });
        let ended = ended.unwrap_or_else(|| "it ended".to_owned());
        let why = why_ended(self.seen).map(|why| format!(" ({why})")).unwrap_or_default();
        let ended = format!("{ended}{why}{}", self.quote());
        Some(match self.seen.state.cause {
            Cause::NoAutorestart => format!("{ended}, and autorestart is off"),
            Cause::FinalCode => format!("{ended}, one of its stop_exit_codes"),
            Cause::Succeeded => format!("{ended}, which is its end"),
            Cause::Command => STOPPED_BY_COMMAND.to_owned(),
            _ if self.waits_since_boot => RAN_BEFORE_BOOT.to_owned(),
            _ if self.seen.state.run.0 == 0 => NOT_STARTED.to_owned(),
            _ => return None,
        })
    }

    fn errored(&self) -> String {
        let policy = &self.spec.restart;
        let exits = |count: u32| if count == 1 { "1 exit".to_owned() } else { format!("{count} exits") };
        match self.seen.state.cause {
            Cause::Unstable(count) => {
                let each = if count == 1 { "" } else { " each" };
                format!("{} within {}{each}; {}", exits(count), span(policy.min_uptime), self.last())
            }
            Cause::Window(count) => {
                let window = policy.restart_window.map_or_else(|| "its restart_window".to_owned(), span);
                format!("{} within {window}; {}", exits(count), self.last())
            }
            _ => self.exit() + &self.and_refusal(),
        }
    }

    fn waiting(&self, until: BootMs) -> String {
        let left = left(until, self.now);
        let what = match self.seen.state.cause {
            Cause::Delay(delay) => format!("restart_delay {}, in {left}", span(delay)),
            Cause::Backoff(delay) => format!("back-off {}, in {left}", span(delay)),
            Cause::Budget(_) => format!("(machine budget), in {left}"),
            _ => format!("in {left}"),
        };
        format!("{what}; {}", self.last())
    }

    fn launching(&self, deadline: BootMs) -> Option<String> {
        if self.seen.reading_secrets {
            return Some("waits for its secrets".to_owned());
        }
        missing(self.seen).map(|what| format!("waits for {what}, {} left", left(deadline, self.now)))
    }

    fn online(&self) -> Option<String> {
        let not_ready = || missing(self.seen).map(|what| format!("not ready, it waits for {what}"));
        let refusal = self.refusal().filter(|_| !self.seen.listening);
        refusal.or_else(|| not_ready().filter(|_| self.spec.ready.asks()))
    }

    fn stopping(&self, step: StopStep, deadline: BootMs, then: Then) -> String {
        let left = left(deadline, self.now);
        let policy = &self.spec.stop;
        let what = match step {
            StopStep::Drain => match self.seen.open {
                Some(open) => format!("finishes its connections ({open} open), {left} left"),
                None => format!("finishes its connections, {left} left"),
            },
            StopStep::Main if policy.shutdown_with_message => format!("was sent 'shutdown', SIGKILL in {left}"),
            StopStep::Main => format!("was sent {}, SIGKILL in {left}", signal_name(policy.kill_signal)),
            StopStep::MainKilled => "was sent SIGKILL".to_owned(),
            StopStep::Rest => format!("waits for what it left behind, SIGKILL in {left}"),
            StopStep::RestKilled => "what it left behind was sent SIGKILL".to_owned(),
            StopStep::All => format!("has had its time, waits for what it has started, SIGKILL in {left}"),
            StopStep::AllKilled => "was sent SIGKILL, as was all that it has started".to_owned(),
        };
        let next = match then {
            Then::Unwell => return format!("{what}; {}", self.unwell()),
            Then::Restart => "; then it is started again",
            Then::Delete => "; then it is deleted",
            Then::Stay | Then::Judge => "",
        };
        let over = replaced(self.spec, &self.seen.state).filter(|_| then == Then::Restart);
        let over = over.map(|figure| format!("uses {figure}, ")).unwrap_or_default();
        format!("{over}{what}{next}")
    }

    /// Why it is ended.
    fn unwell(&self) -> &str {
        self.seen.unwell.as_deref().map_or("it was not well", |(_, why)| why)
    }

    fn last(&self) -> String {
        let why = why_ended(self.seen).map(|why| format!(" ({why})")).unwrap_or_default();
        format!("last: {}{why}{}{}", self.exit(), self.quote(), self.and_refusal())
    }

    /// How the last run ended.
    fn exit(&self) -> String {
        let exit = self.seen.state.last_exit.unwrap_or(Outcome::Unknown);
        describe_exit(exit, self.seen.launch_error.as_deref())
    }

    fn quote(&self) -> String {
        match self.last_words {
            Some(words) if words.contains('\'') => format!(", \"{words}\""),
            Some(words) => format!(", '{words}'"),
            None => String::new(),
        }
    }

    fn refusal(&self) -> Option<String> {
        self.refused.as_ref().map(|what| format!("it cannot listen on {what}"))
    }

    fn and_refusal(&self) -> String {
        self.refusal().map(|what| format!("; {what}")).unwrap_or_default()
    }
}

/// How a run ended, in words.
pub(super) fn describe_exit(exit: Outcome, launch_error: Option<&str>) -> String {
    match exit {
        Outcome::Code(code) => format!("exit code {code}"),
        Outcome::Signal(number) => format!("ended by {}", signal_name(number)),
        Outcome::OomKilled => "killed by SIGKILL, from the kernel: it was out of memory".to_owned(),
        Outcome::Unknown => "ended, nobody knows how".to_owned(),
        Outcome::NotStarted(errno) => launch_error.map_or_else(
            || format!("it could not be executed: {}", io::Error::from_raw_os_error(errno)),
            str::to_owned,
        ),
    }
}

fn signal_name(number: i32) -> String {
    signal::name(number).map_or_else(|| format!("signal {number}"), str::to_owned)
}

/// A length of time, as somebody has set it.
fn span(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..120_000 if ms.is_multiple_of(1000) => format!("{} s", ms / 1000),
        1000..120_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{} min", ms / 60_000),
    }
}

/// What is left until then.
fn left(until: BootMs, now: BootMs) -> String {
    match until.saturating_sub(now) {
        left @ 0..10_000 => format!("{:.1} s", left as f64 / 1000.0),
        left => span(left / 1000 * 1000),
    }
}

#[cfg(test)]
#[path = "reason_tests.rs"]
mod tests;
