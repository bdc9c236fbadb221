//! Facts in words.

use crate::api::Process;
use crate::domain::Outcome;
use std::io;

const OOM: &str = "SIGKILL, from the kernel: it was out of memory";

/// How its last run ended.
pub(crate) fn ended(process: &Process) -> Option<String> {
    if process.oom_killed { Some(OOM.to_owned()) } else { process.exit.map(outcome) }
}

/// How a run ended.
pub(crate) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Code(code) => format!("exit code {code}"),
        Outcome::Signal(number) => signal(number),
        Outcome::OomKilled => OOM.to_owned(),
        Outcome::Unknown => "unknown: nobody was there to see it".to_owned(),
        Outcome::NotStarted(errno) => format!("could not be executed: {}", io::Error::from_raw_os_error(errno)),
    }
}

/// `SIGINT`.
pub(crate) fn signal(number: i32) -> String {
    crate::sys::signal::name(number).map_or_else(|| format!("signal {number}"), Into::into)
}
