//! Places where a test has this program killed. Without the feature `faults` they are nothing.
//!
//! A test writes the name of a place into the file that `RPM_FAULT_FILE` names. Whoever comes to that place removes
//! the file, so that it happens once, and is gone without running another instruction.

macro_rules! points {
    ($($name:ident => $text:literal),* $(,)?) => {
        /// The places, in the order of what they interrupt.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point { $($name),* }

        impl Point {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

points! {
    SpawnRecorded => "spawn.recorded",
    SpawnPut => "spawn.put",
    SpawnSettled => "spawn.settled",
    SpawnBorn => "spawn.born",
    SpawnCaptured => "spawn.captured",
    SpawnPublished => "spawn.published",
    ExitReceived => "exit.received",
    ExitApplied => "exit.applied",
    ExitForgotten => "exit.forgotten",
    ExitAcknowledged => "exit.acknowledged",
    StopRecorded => "stop.recorded",
    StopAsked => "stop.asked",
    LogPeeked => "log.peeked",
    LogRecorded => "log.recorded",
    LogHalfWritten => "log.half-written",
    LogWritten => "log.written",
    LogCommitted => "log.committed",
    LogConsumed => "log.consumed",
    LogCleared => "log.cleared",
    LogForgotten => "log.forgotten",
    AcceptMarked => "accept.marked",
    AcceptDone => "accept.done",
    HandedOver => "accept.handed-over",
    ListenBound => "listen.bound",
    ListenKept => "listen.kept",
    ListenAnswered => "listen.answered",
    ChannelHandled => "channel.handled",
    PanelWritten => "panel.written",
    AdoptBegun => "adopt.begun",
    AdoptListed => "adopt.listed",
    AdoptReady => "adopt.ready",
    TrialSwapped => "trial.swapped",
    TrialNoted => "trial.noted",
    TrialReturned => "trial.returned",
    RenameStopped => "rename.stopped",
    RenameExchanged => "rename.exchanged",
    ListWritten => "list.written",
    DumpWritten => "dump.written",
    DumpBackedUp => "dump.backed-up",
    DumpReplaced => "dump.replaced",
    Resurrected => "resurrect.listed",
    UpdateTried => "update.tried",
}

/// Whether a test has us behave as on another system: its name is in the list `RPM_FAULT_SIMULATE`.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn simulated(_system: &str) -> bool {
    false
}

/// Whether a test has us behave as on another system: its name is in the list `RPM_FAULT_SIMULATE`.
#[cfg(feature = "faults")]
pub fn simulated(system: &str) -> bool {
    std::env::var("RPM_FAULT_SIMULATE").is_ok_and(|list| list.split(',').any(|name| name == system))
}

/// Here a test may have us killed.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_point: Point) {}

/// Here a test may have us killed.
#[cfg(feature = "faults")]
pub fn point(point: Point) {
    use std::sync::OnceLock;
    static FILE: OnceLock<Option<std::path::PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| std::env::var_os("RPM_FAULT_FILE").map(Into::into)) else { return };
    // Removing decides: of several threads that are here at once one dies.
    if std::fs::read_to_string(file).is_ok_and(|name| name.trim() == point.name()) && std::fs::remove_file(file).is_ok()
    {
        // SAFETY: a signal to ourselves that cannot be caught; nothing after it runs.
        unsafe {
            libc::kill(libc::getpid(), libc::SIGKILL);
            libc::pause();
        }
    }
}
