//! What this machine is, in the words of its system.

use std::fs;

/// `Debian GNU/Linux 12 (bookworm)`.
pub fn system() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release")).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches(['"', '\'']).to_owned())
}

/// `6.1.0-18-amd64`.
pub fn kernel() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/osrelease").ok()?.trim().to_owned())
}

/// The program of our init, as it calls itself: in a container that is often an app.
pub fn init() -> Option<String> {
    Some(fs::read_to_string("/proc/1/comm").ok()?.trim().to_owned())
}

/// What the machine, or the container, calls itself.
pub fn hostname() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned())
}
