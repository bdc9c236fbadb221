//! Signals by name and by number.

use nix::sys::signal::{SigHandler, Signal};

/// The number of a signal named as people write it: `SIGTERM`, `term`, `Int`, or a number in digits.
pub fn number(name: &str) -> Option<i32> {
    let name = name.trim();
    if let Ok(number) = name.parse::<i32>() {
        return (1..=libc::SIGRTMAX()).contains(&number).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    let full = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    full.parse::<Signal>().ok().map(|signal| signal as i32)
}

/// The name of a signal, `SIGTERM`; real-time signals have none.
pub fn name(number: i32) -> Option<&'static str> {
    Signal::try_from(number).ok().map(Signal::as_str)
}

/// The exit code that shells give to who was ended by a signal.
pub fn exit_code(number: i32) -> u8 {
    (128 + number) as u8
}

/// Ignores every signal that can be ignored, but those that tell of our own mistakes.
pub fn ignore_all() {
    let deadly = [Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE];
    for signal in Signal::iterator().filter(|signal| !deadly.contains(signal) && *signal != Signal::SIGABRT) {
        // SAFETY: no handler is installed, so nothing of ours runs at a signal.
        let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) };
    }
}

/// Ends this program as the signal does by default, whatever it has been set to. Does nothing for one that doesn't.
pub fn die_by(number: i32) {
    let Ok(signal) = Signal::try_from(number) else { return };
    // SAFETY: no handler is installed, so nothing of ours runs at a signal.
    if unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }.is_ok() {
        let _ = nix::sys::signal::raise(signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_spelling() {
        for spelling in ["SIGTERM", "TERM", "term", "SigTerm", " 15 ", "15"] {
            assert_eq!(number(spelling), Some(15), "{spelling}");
        }
        for wrong in ["", "SIG", "SIGNOTHING", "0", "-9", "65", "9.5"] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn names_and_numbers_are_each_others_inverse() {
        for signal in Signal::iterator() {
            assert_eq!(name(number(signal.as_str()).unwrap()), Some(signal.as_str()));
        }
        assert_eq!(name(0), None);
        assert_eq!(number("40"), Some(40));
        assert_eq!(name(40), None);
    }
}
