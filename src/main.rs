//! One program, two roles: the command line, and the daemon that it launches.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    // With anything else behind it the command line says what it thinks of that.
    let is = |words: &[&str]| env::args_os().skip(1).eq(words.iter().copied());
    ExitCode::from(if is(&["daemon"]) {
        rpm_native::daemon::run()
    } else if is(&["daemon", "--preflight"]) {
        rpm_native::daemon::preflight()
    } else {
        rpm_native::cli::run(env::args_os())
    })
}
