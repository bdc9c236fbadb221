//! The first process of a container buries who is left to it.

use crate::sys::init;
use std::io::Write;

/// As the first process of a container: goes on as its child. In the first one this gives the exit code, at the end.
pub(in crate::cli) fn divide_first() -> Option<u8> {
    if init::is_first() { divide() } else { None }
}

/// The same, whoever we are.
pub(super) fn divide() -> Option<u8> {
    init::divide().unwrap_or_else(|error| {
        _ = writeln!(anstream::stderr(), "warning: orphans are not buried: {error}");
        None
    })
}
