//! Processes as the kernel sees them.

use std::fs;
use std::path::Path;

pub(crate) use nix::sys::signal::Signal;

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether it exists and is no zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
}

/// To one process that the test knows to be its own.
#[track_caller]
pub(crate) fn signal(pid: i32, signal: Signal) {
    assert!(pid > 1, "{pid} is no process of a test");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

/// To one that may have gone meanwhile.
pub(crate) fn try_signal(pid: i32, signal: Signal) -> bool {
    assert!(pid > 1, "{pid} is no process of a test");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).is_ok()
}

pub(crate) fn session(pid: i32) -> Option<i32> {
    stat(pid)?[3].parse().ok()
}

/// The number of its controlling terminal; 0 is none.
pub(crate) fn terminal(pid: i32) -> Option<i32> {
    stat(pid)?[4].parse().ok()
}

/// Processor time used, in ticks.
pub(crate) fn cpu_ticks(pid: i32) -> u64 {
    let fields = stat(pid).unwrap();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

pub(crate) fn parent(pid: i32) -> Option<i32> {
    stat(pid)?[1].parse().ok()
}

/// For a message: what it is and how it is.
pub(crate) fn told(pid: i32) -> String {
    let state = stat(pid).map_or_else(|| "gone".to_owned(), |fields| fields[0].clone());
    format!("{pid} {state} {}", command_line(pid))
}

/// When it was started: with the pid, an identity.
pub(super) fn start_ticks(pid: i32) -> Option<u64> {
    stat(pid)?[19].parse().ok()
}

/// The fields of `/proc/<pid>/stat` after the name, which may hold blanks.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect())
}

/// A line of `/proc/<pid>/status`, as `VmRSS`.
pub(crate) fn status_field(pid: i32, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

pub(crate) fn children(pid: i32) -> Vec<i32> {
    pids().filter(|child| stat(*child).is_some_and(|fields| fields[1] == pid.to_string())).collect()
}

/// Live processes that were given this home, but ourselves.
pub(super) fn of_home(home: &Path) -> Vec<(i32, String)> {
    let wanted = format!("RPM_HOME={}", home.display()).into_bytes();
    let own = std::process::id() as i32;
    pids()
        .filter(|pid| *pid != own && is_alive(*pid))
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|pair| pair == wanted)
        })
        .map(|pid| (pid, command_line(pid)))
        .collect()
}

pub(super) fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
