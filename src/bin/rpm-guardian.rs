//! The guardian: parent of all apps, keeper of their descriptors, restarter of the daemon.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rpm_native::guardian::run(env::args_os().skip(1)))
}
