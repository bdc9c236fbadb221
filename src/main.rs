//! One program, two roles: the command line, and the daemon that it launches.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = env::args_os();
    let code = if env::args_os().nth(1).is_some_and(|verb| verb == "daemon") {
        rpm_native::daemon::run(args.by_ref().skip(2))
    } else {
        rpm_native::cli::run(args)
    };
    ExitCode::from(code)
}
