//! One program, two roles: the command line, and the daemon that it launches.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Alone: with anything behind it the command line says what it thinks of that.
    let daemon = env::args_os().skip(1).eq(["daemon"]);
    ExitCode::from(if daemon { rpm_native::daemon::run() } else { rpm_native::cli::run(env::args_os()) })
}
