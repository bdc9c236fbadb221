//! One program, two roles: the command line, and the daemon that it launches.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rpm_native::cli::run(env::args_os()))
}
