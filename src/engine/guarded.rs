//! The engine's side of the guardian: ends of runs on their way in, beats on their way out, and what is known of those
//! who went before.

use crate::api::{Death, Guardian, UpdateReport};
use crate::clock;
use crate::guardian::message::{Cause, DeathRecord, End, UpdateRecord, Verdict};
use crate::guardian::{Legacy, Link, places};
use crate::process::{Exits, fact};
use crate::supervisor::{Facts, Successor};
use crate::sys::signal;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// The guardian, and what it had for us.
pub struct Guarded {
    pub link: Rc<Link>,
    pub legacy: Legacy,
    /// How another program becomes the daemon.
    pub successor: Successor,
}

/// What people are told of the guardian and of the daemons before this one.
pub(super) fn facts(legacy: &Legacy) -> Facts {
    let about = &legacy.about;
    Facts {
        generation: about.generation,
        guardian: Some(Guardian {
            pid: about.pid,
            version: String::from_utf8_lossy(&about.version).into_owned(),
            started_at: about.started_at,
            orphans: about.orphans,
        }),
        last_death: legacy.last_death.map(|death| Death {
            generation: death.generation,
            at: death.at,
            cause: cause(death.cause),
        }),
        last_update: legacy.last_update.as_ref().map(report),
        successor: None,
    }
}

fn report(update: &UpdateRecord) -> UpdateReport {
    let failed = match update.outcome {
        Verdict::Taken => None,
        Verdict::NotExecuted(errno) => {
            Some(format!("it cannot be executed: {}", std::io::Error::from_raw_os_error(errno)))
        }
        Verdict::Ended(how) => Some(format!("it {} before it was ready", end(how))),
        Verdict::Late(time) => Some(format!("it was not ready after {}", seconds(time))),
        Verdict::Crashed(how) => Some(format!("it was ready, and then ended again and again (last: it {})", end(how))),
    };
    UpdateReport { at: update.at, program: OsStr::from_bytes(&update.program).into(), failed }
}

fn cause(cause: Cause) -> String {
    match cause {
        Cause::Ended(how) => end(how),
        Cause::Hung(time) => format!("did not answer for {}, and was killed", seconds(time)),
        Cause::MadeRoom => "made room for an update".to_owned(),
        Cause::GuardianKilled => "its guardian was killed, and it took its place".to_owned(),
    }
}

fn end(end: End) -> String {
    match end {
        End::Code(code) => format!("ended with code {code}"),
        End::Signal(number) => match signal::name(number) {
            Some(name) => format!("was killed by {name}"),
            None => format!("was killed by signal {number}"),
        },
        End::Unknown => "ended".to_owned(),
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{} s", milliseconds as f64 / 1000.0)
}

/// Beats, so that a daemon that hangs is found out.
pub(super) async fn beat(link: Rc<Link>) {
    let mut beats = tokio::time::interval(Duration::from_millis(places::beat()));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        link.beat();
    }
}

/// Brings ends of runs to who waits for them. When the guardian is gone this program becomes one.
pub(super) async fn listen(link: Rc<Link>, exits: Rc<Exits>, generation: u64) {
    let ended = link
        .listen(|exit| {
            if !exits.deliver(fact(&exit)) {
                tracing::debug!("run {} has ended, which nobody waited for", exit.run);
                link.acknowledge(exit.run);
            }
        })
        .await;
    match ended {
        Ok(()) => tracing::warn!("the guardian is gone: this daemon becomes one, and starts another"),
        Err(error) => tracing::error!("the guardian cannot be heard any more ({error}): this daemon becomes one"),
    }
    let death = DeathRecord { generation, at: clock::unix_ms(), cause: Cause::GuardianKilled };
    let error = link.become_guardian(death);
    // Without one nobody would take over from us. The next command starts both, and finds the apps.
    tracing::error!("no guardian can be started: {error}; apps run on, any rpm command takes them over");
    std::process::abort();
}
