//! How long starting a process takes in a program with much memory: ours beside the standard library's.
//!
//! `spawn <MB of memory> <times>` prints the median microseconds of each way as JSON; the ways take turns.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures")]

use nix::unistd::getuid;
use rpm_native::sys::pidfd::{self, Ended};
use rpm_native::sys::spawn::{Program, SpawnPlan, c_string, spawn};
use rpm_native::sys::user::Ids;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

const PROGRAM: &str = "/bin/true";

fn main() {
    // Without arguments, as `cargo bench` runs it: the figures of a daemon that has grown.
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let (megabytes, times) = (numbers.next().unwrap_or(500), numbers.next().unwrap_or(200));
    let memory = vec![1_u8; megabytes << 20];
    let mut taken: [Vec<f64>; 4] = Default::default();
    for _ in 0..times {
        for (way, taken) in [ours, ours_as_user, standard, standard_as_user].iter().zip(&mut taken) {
            let began = Instant::now();
            way();
            taken.push(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    // Still there, and so all the time.
    assert_eq!(memory.get(memory.len() / 2).copied().unwrap_or(1), 1);
    let [ours, ours_as_user, standard, standard_as_user] = taken.map(median);
    println!(
        r#"{{"ours": {ours:.1}, "oursAsUser": {ours_as_user:.1}, "standard": {standard:.1}, "standardAsUser": {standard_as_user:.1}}}"#
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// From the wish to the end of the process: what is left to the kernel is the same for each way.
fn run(ids: Option<Ids>) {
    let [program, argument, cwd] = [PROGRAM, PROGRAM, "/"].map(|text| c_string(text).unwrap());
    let mut plan = SpawnPlan::new(Program::Path(program), vec![argument], Vec::new(), cwd);
    plan.ids = ids;
    assert_eq!(pidfd::reap(&spawn(&plan).unwrap().pidfd).ended, Ended::Code(0));
}

fn ours() {
    run(None);
}

/// Only root may take on groups, and all of the ids are its own: nothing changes but the way.
fn ours_as_user() {
    run(is_root().then(|| Ids { uid: 0, gid: 0, groups: Vec::new() }));
}

fn standard() {
    let status = Command::new(PROGRAM).env_clear().current_dir("/").status().unwrap();
    assert!(status.success());
}

/// With an id to take on the standard library forks.
fn standard_as_user() {
    let status = Command::new(PROGRAM).env_clear().current_dir("/").uid(getuid().as_raw()).status().unwrap();
    assert!(status.success());
}

fn is_root() -> bool {
    getuid().is_root()
}
