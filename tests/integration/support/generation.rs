//! The daemon's generations: killing one, and waiting for the one after it.

use super::home::Home;
use super::http::get_unix;
use super::proc::{self, Signal, children, signal};
use super::wait::{PATIENCE, eventually_within, poll};
use rpm_native::api::{DaemonInfo, route};
use std::fs;
use std::time::Duration;

/// With the guardian's longest back-off in it.
const REPLACED: Duration = Duration::from_secs(30);

impl Home {
    /// Who answers on the socket. Unlike a command this starts nothing.
    pub(crate) fn answering(&self) -> Option<DaemonInfo> {
        let socket = self.root().join("rpm.sock");
        let socket = fs::read_link(&socket).unwrap_or(socket);
        let reply = get_unix(&socket, route::DAEMON).ok().filter(|reply| reply.status == 200)?;
        Some(serde_json::from_str(&reply.body).unwrap())
    }

    #[track_caller]
    pub(crate) fn guardian(&self) -> i32 {
        let info = self.daemon();
        info.guardian.as_ref().unwrap_or_else(|| panic!("there is no guardian: {info:?}")).pid
    }

    /// The daemon's pid as the home's file tells it, if such a child of the guardian runs. A process between its
    /// beginning and its program bears the daemon's name too, so that no name would do.
    pub(crate) fn daemon_of(&self, guardian: i32) -> Option<i32> {
        let pid = fs::read_to_string(self.root().join("rpm.pid")).ok()?.trim().parse().ok()?;
        (proc::parent(pid) == Some(guardian) && proc::is_alive(pid)).then_some(pid)
    }

    /// Waits until a later daemon than this one answers.
    #[track_caller]
    pub(crate) fn successor(&self, before: &DaemonInfo) -> DaemonInfo {
        eventually_within(REPLACED, &format!("a daemon after {before:?}"), || {
            self.answering().filter(|now| now.pid != before.pid)
        })
    }

    /// Kills the daemon, and waits until the next one answers.
    #[track_caller]
    pub(crate) fn kill_daemon(&self) -> DaemonInfo {
        self.end_daemon(Signal::SIGKILL)
    }

    #[track_caller]
    pub(crate) fn end_daemon(&self, number: Signal) -> DaemonInfo {
        let before = self.daemon();
        signal(before.pid, number);
        let now = self.successor(&before);
        assert!(now.generation > before.generation, "{before:?}\n{now:?}");
        let pids = [&now, &before].map(|info| info.guardian.as_ref().map(|guardian| guardian.pid));
        assert_eq!(pids[0], pids[1]);
        now
    }

    /// What the guardian has for children but its daemon and the processes on the list, once nothing else is there.
    #[track_caller]
    pub(crate) fn check_children(&self) {
        let info = self.daemon();
        let guardian = info.guardian.as_ref().unwrap().pid;
        let mut strangers = Vec::new();
        let alone = poll(PATIENCE, || {
            let known: Vec<i32> = self.list().iter().filter_map(|process| process.pid).collect();
            strangers = children(guardian);
            strangers.retain(|pid| *pid != info.pid && !known.contains(pid));
            strangers.is_empty().then_some(())
        });
        let told: Vec<String> = strangers.iter().map(|pid| proc::told(*pid)).collect();
        assert!(alone.is_some(), "the guardian has more children than it should: {told:?}");
    }
}
