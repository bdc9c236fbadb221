//! What the guardian says to the service manager whose service it is (`sd_notify`): that it serves, that it ends, and
//! that it is well, which it is only as long as a daemon is.

use super::places;
use super::voice::say;
use crate::sys::notify;
use crate::sys::time::awake_ms;
use std::env;
use std::fmt::Write;

/// What a service manager gives its services. Nobody we start is to take them for its own.
const ADDRESS: &str = "NOTIFY_SOCKET";
const WATCHDOG: &str = "WATCHDOG_USEC";
const WATCHDOG_OF: &str = "WATCHDOG_PID";
/// The same, for a daemon that has to take our place.
const HANDED_ADDRESS: &str = "RPM_NOTIFY_SOCKET";
const HANDED_WATCHDOG: &str = "RPM_WATCHDOG_USEC";

/// Said so often between two times that the watchdog is due.
const PINGS: u64 = 3;
/// Beats of a daemon that may be missing before we are not well either: three that are missing, the end of a daemon that
/// hangs, and another one that takes over.
const PATIENCE: u64 = 6;
/// Between two tries to say what matters, and between two times that more time is asked for while we end.
const AGAIN: u64 = 100;
const EXTEND_EVERY: u64 = 5_000;
/// As much more each time, in microseconds.
const EXTENSION: u64 = 30_000_000;

/// Whether a variable is a service manager's word to us alone.
pub(super) fn is_ours(name: &std::ffi::OsStr) -> bool {
    [ADDRESS, WATCHDOG, WATCHDOG_OF, HANDED_ADDRESS, HANDED_WATCHDOG].iter().any(|ours| name == *ours)
}

/// The service manager; one without an address is none, and nothing is said.
#[derive(Debug, Default)]
pub(super) struct Manager {
    address: Option<String>,
    /// Microseconds after which it takes us for hung.
    watchdog: Option<u64>,
    /// What matters and could not be said yet.
    unsaid: String,
    next_ping: u64,
    next_extension: Option<u64>,
    /// When a daemon was last well.
    well: u64,
}

impl Manager {
    /// Of a program that was started as the main process of a service, or in the place of one that was.
    pub(super) fn of_service() -> Self {
        let is_for_us = env::var(WATCHDOG_OF).map_or(true, |pid| pid == std::process::id().to_string());
        let watchdog = env::var(WATCHDOG).ok().filter(|_| is_for_us);
        match env::var(ADDRESS) {
            Ok(address) => Self::new(Some(address), watchdog),
            Err(_) => Self::new(env::var(HANDED_ADDRESS).ok(), env::var(HANDED_WATCHDOG).ok()),
        }
    }

    fn new(address: Option<String>, watchdog: Option<String>) -> Self {
        let address = address.filter(|address| !address.is_empty());
        let watchdog =
            watchdog.filter(|_| address.is_some()).and_then(|text| text.parse().ok()).filter(|time| *time > 0);
        Self { address, watchdog, well: awake_ms(), ..Self::default() }
    }

    pub(super) fn is_there(&self) -> bool {
        self.address.is_some()
    }

    /// What a daemon gets, should it have to take our place.
    pub(super) fn handed(&self) -> Vec<String> {
        let pair = |name, value: String| format!("{name}={value}");
        let address = self.address.as_ref().map(|address| pair(HANDED_ADDRESS, address.clone()));
        let watchdog = self.watchdog.map(|time| pair(HANDED_WATCHDOG, time.to_string()));
        address.into_iter().chain(watchdog).collect()
    }

    /// A daemon serves, and this process is the one to watch and to signal.
    pub(super) fn serves(&mut self, main: i32, status: &str) {
        self.tell(&format!("READY=1\nMAINPID={main}\nSTATUS={status}"));
    }

    pub(super) fn status(&mut self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// We were asked to end; that takes as long as apps take.
    pub(super) fn ends(&mut self) {
        if self.next_extension.is_none() {
            self.tell("STOPPING=1\nSTATUS=stopping everything");
            self.next_extension = Some(awake_ms());
        }
    }

    /// A daemon that serves has said something.
    pub(super) fn daemon_is_well(&mut self) {
        self.well = awake_ms();
    }

    fn tell(&mut self, text: &str) {
        if self.is_there() {
            // A newline apart, in the order in which they happened.
            let _ = writeln!(self.unsaid, "{text}");
            self.send_unsaid();
        }
    }

    fn send_unsaid(&mut self) {
        let Some(address) = self.address.as_ref().filter(|_| !self.unsaid.is_empty()) else { return };
        match notify::say(address, &self.unsaid) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            Err(error) => say(&format!("the service manager at {address} cannot be told anything: {error}")),
            Ok(()) => {}
        }
        self.unsaid.clear();
    }

    /// When something has to be said again.
    pub(super) fn next(&self) -> u64 {
        let again = (!self.unsaid.is_empty()).then(|| awake_ms() + AGAIN);
        let ping = self.watchdog.map(|_| self.next_ping);
        let extension = self.next_extension.filter(|_| self.is_there());
        [again, ping, extension].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Says what is due. `is_at_work`: a daemon is there, which alone can end everything in order.
    pub(super) fn keep_time(&mut self, is_at_work: bool) {
        self.send_unsaid();
        let Some(address) = &self.address else { return };
        let now = awake_ms();
        if let Some(time) = self.watchdog.filter(|_| now >= self.next_ping) {
            self.next_ping = now + (time / 1000 / PINGS).max(1);
            if now.saturating_sub(self.well) <= PATIENCE * places::beat() {
                // One that is lost is followed by others in time.
                let _ = notify::say(address, "WATCHDOG=1");
            }
        }
        if self.next_extension.is_some_and(|at| now >= at) {
            self.next_extension = Some(now + EXTEND_EVERY);
            if is_at_work {
                let _ = notify::say(address, &format!("EXTEND_TIMEOUT_USEC={EXTENSION}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::notify::{drop_next, open, peek};
    use std::os::fd::{AsFd, OwnedFd};

    fn heard(socket: &OwnedFd) -> Option<String> {
        let mut buffer = [0; 512];
        let datagram = peek(socket.as_fd(), &mut buffer).ok()?;
        drop_next(socket.as_fd()).unwrap();
        Some(String::from_utf8_lossy(&buffer[..datagram.length]).into_owned())
    }

    #[test]
    fn it_is_told_when_we_serve_and_end() {
        let (socket, address) = open().unwrap();
        let mut manager = Manager::new(Some(address), None);
        manager.serves(7, "daemon 8");
        assert_eq!(heard(&socket).unwrap(), "READY=1\nMAINPID=7\nSTATUS=daemon 8\n");
        manager.ends();
        manager.ends();
        assert_eq!(heard(&socket).unwrap(), "STOPPING=1\nSTATUS=stopping everything\n");
        manager.keep_time(false);
        assert_eq!(heard(&socket), None, "nobody is there who could end anything");
        manager.next_extension = Some(0);
        manager.keep_time(true);
        assert_eq!(heard(&socket).unwrap(), "EXTEND_TIMEOUT_USEC=30000000");
        manager.keep_time(true);
        assert_eq!((heard(&socket), manager.next() > awake_ms()), (None, true));
    }

    #[test]
    fn the_watchdog_hears_of_a_daemon_that_is_well() {
        let (socket, address) = open().unwrap();
        let mut manager = Manager::new(Some(address), Some("30000000".into()));
        manager.keep_time(true);
        assert_eq!(heard(&socket).unwrap(), "WATCHDOG=1");
        manager.keep_time(true);
        assert_eq!(heard(&socket), None, "it is not due");
        assert!((9_000..=10_000).contains(&(manager.next() - awake_ms())));
        manager.next_ping = 0;
        manager.well = awake_ms().saturating_sub(PATIENCE * places::beat() + 1);
        manager.keep_time(true);
        // A machine that has just been started may not be awake for so long yet.
        if manager.well > 0 {
            assert_eq!(heard(&socket), None, "no daemon has been well for too long");
        }
    }

    #[test]
    fn what_matters_waits_for_room() {
        let (socket, address) = open().unwrap();
        while notify::say(&address, "x").is_ok() {}
        let mut manager = Manager::new(Some(address), None);
        manager.serves(7, "daemon 8");
        manager.status("daemon 9");
        assert!(manager.next() <= awake_ms() + AGAIN);
        while heard(&socket).is_some() {}
        manager.keep_time(true);
        assert_eq!(heard(&socket).unwrap(), "READY=1\nMAINPID=7\nSTATUS=daemon 8\nSTATUS=daemon 9\n");
        assert_eq!(manager.next(), u64::MAX);
    }

    #[test]
    fn without_one_nothing_is_said() {
        for mut manager in [Manager::default(), Manager::new(Some(String::new()), Some("1".into()))] {
            manager.serves(7, "daemon 8");
            manager.ends();
            manager.keep_time(true);
            assert_eq!((manager.next(), manager.handed()), (u64::MAX, Vec::new()));
        }
    }

    #[test]
    fn a_daemon_is_handed_what_it_may_need() {
        let manager = Manager::new(Some("/run/notify".into()), Some("5".into()));
        assert_eq!(manager.handed(), ["RPM_NOTIFY_SOCKET=/run/notify", "RPM_WATCHDOG_USEC=5"]);
        assert!(is_ours("NOTIFY_SOCKET".as_ref()) && is_ours("WATCHDOG_PID".as_ref()) && !is_ours("PATH".as_ref()));
    }
}
