//! One program, three roles: the command line, the daemon that it launches, and the static file server that the daemon runs.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    // With anything else behind it the command line says what it thinks of that.
    let is = |words: &[&str]| env::args_os().skip(1).eq(words.iter().copied());
    ExitCode::from(if is(&["daemon"]) {
        rpm_native::daemon::run()
    } else if is(&["daemon", "--preflight"]) {
        rpm_native::daemon::preflight()
    } else if is(&["static-server"]) {
        rpm_native::static_server::run()
    } else {
        rpm_native::cli::run(env::args_os())
    })
}
