//! The guardian: parent of all apps, keeper of their descriptors, restarter of the daemon.

use rpm_native::guardian::leash;
use std::process::ExitCode;

/// What a program that was called wrongly ends with.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [leash::ARGUMENT, mark] => leash::run(mark).into(),
        _ => USAGE.into(),
    }
}
