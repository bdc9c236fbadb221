//! One program, two roles: the command line, and the daemon that it launches.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let daemon = env::args_os().nth(1).is_some_and(|verb| verb == "daemon");
    ExitCode::from(if daemon { rpm_native::daemon::run() } else { rpm_native::cli::run(env::args_os()) })
}
