//! The daemon's own life: one for a home, detached, gone when told to.

use crate::support::{Home, Signal, cpu_ticks, eventually, eventually_within, is_alive, session, signal, terminal};
use rpm_native::domain::Status;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn commands_at_the_same_time_share_one_daemon() {
    let home = Home::new();
    let commands: Vec<_> = (0..6).map(|_| home.command(["ping", "--json", "-s"]).begin()).collect();
    let pids: Vec<i64> = commands
        .into_iter()
        .map(|command| {
            let answer: serde_json::Value = serde_json::from_slice(&command.end().ok().out).unwrap();
            answer["pid"].as_i64().unwrap()
        })
        .collect();
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
}

#[test]
fn it_is_detached_and_its_files_are_private() {
    let home = Home::new();
    let info = home.daemon();
    assert_ne!(session(info.pid), session(std::process::id() as i32));
    assert_eq!(terminal(info.pid), Some(0));
    assert_eq!(info.home, home.root());
    assert_eq!(mode(home.root()), 0o700);
    assert_eq!(mode(&home.root().join("rpm.sock")), 0o600);
    assert_eq!(fs::read_to_string(home.root().join("rpm.pid")).unwrap(), info.pid.to_string());
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", info.pid)).unwrap().to_str(), Some("/"));
}

#[test]
fn a_home_of_any_umask_is_private() {
    let home = Home::new();
    let line = "umask 0; exec \"$0\" ping";
    crate::support::Program::new("sh")
        .args(["-c", line])
        .args([home.program()])
        .env("RPM_HOME", home.root())
        .run()
        .ok();
    assert_eq!(mode(home.root()), 0o700);
    assert_eq!(mode(&home.root().join("rpm.sock")), 0o600);
}

#[test]
fn signals_end_it_in_order() {
    for number in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let home = Home::new();
        home.write("tidy.sh", "trap 'echo bye; exit 0' INT\necho up\nwhile :; do sleep 0.05; done\n");
        home.rpm(["start", "tidy.sh"]).ok();
        home.told("tidy-out.log", "up");
        let (daemon, app) = (home.daemon().pid, home.pid("tidy"));
        signal(daemon, number);
        eventually("the daemon has gone", || (!is_alive(daemon)).then_some(()));
        assert!(!is_alive(app), "after {number} the app lives");
        assert_eq!(home.lines("tidy-out.log"), ["up", "bye"]);
        assert!(!home.root().join("rpm.sock").exists());
        assert!(!home.root().join("rpm.pid").exists());
    }
}

#[test]
fn a_hangup_is_nothing_to_it() {
    let home = Home::new();
    let daemon = home.daemon().pid;
    signal(daemon, Signal::SIGHUP);
    assert_eq!(home.daemon().pid, daemon);
}

#[test]
fn what_a_killed_daemon_leaves_is_no_obstacle() {
    let home = Home::new();
    let first = home.daemon().pid;
    signal(first, Signal::SIGKILL);
    eventually("the daemon has gone", || (!is_alive(first)).then_some(()));
    assert!(home.root().join("rpm.sock").exists());
    assert_ne!(home.daemon().pid, first);
    home.rpm(["ls"]).ok();
}

#[test]
fn files_that_are_none_of_ours_are_no_obstacle() {
    let home = Home::new();
    fs::create_dir(home.root()).unwrap();
    fs::write(home.root().join("rpm.sock"), "no socket").unwrap();
    fs::write(home.root().join("lock"), "999999").unwrap();
    fs::write(home.root().join("rpm.pid"), "1").unwrap();
    home.rpm(["ls"]).ok();
}

#[test]
fn kill_without_a_daemon_starts_none() {
    let home = Home::new();
    assert!(home.rpm(["kill"]).ok().text().contains("no daemon is running"));
    assert!(!home.root().join("rpm.sock").exists());
}

#[test]
fn kill_stops_everything_and_the_next_command_begins_anew() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let (daemon, app) = (home.daemon().pid, home.pid("a"));
    home.rpm(["kill"]).ok();
    assert!(!is_alive(app));
    eventually("the daemon has gone", || (!is_alive(daemon)).then_some(()));
    assert!(home.list().is_empty());
}

#[test]
fn a_command_right_after_kill_finds_or_starts_a_daemon() {
    let home = Home::new();
    for _ in 0..5 {
        home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
        home.rpm(["kill"]).ok();
    }
}

#[test]
fn a_home_whose_path_is_too_long_for_a_socket_address() {
    let home = Home::at(&format!("{}/{}", "d".repeat(100), "e".repeat(100)));
    let runtime = home.temporary().join("runtime");
    fs::create_dir(&runtime).unwrap();
    let rpm = |args: &[&'static str]| home.command(args.iter().copied()).env("XDG_RUNTIME_DIR", &runtime).run().ok();
    rpm(&["start", "sleep", "--", "1000"]);
    assert_eq!(home.process("sleep").status, Status::Online);
    let socket = fs::read_link(home.root().join("rpm.sock")).unwrap();
    assert!(socket.starts_with(&runtime), "{}", socket.display());
    assert_eq!(mode(&socket), 0o600);
    rpm(&["kill"]);
    eventually("its socket has gone", || (!socket.exists()).then_some(()));
}

#[test]
fn an_unusable_home_is_told() {
    let home = Home::new();
    fs::write(home.root(), "a file").unwrap();
    home.rpm(["ls"]).fails(&[home.root().to_str().unwrap(), "RPM_HOME"]);
    fs::remove_file(home.root()).unwrap();
}

#[test]
fn a_daemon_in_the_foreground_refuses_a_home_that_is_held() {
    let home = Home::new();
    let (pid, guardian) = (home.daemon().pid, home.guardian());
    let second = home.rpm(["daemon"]);
    assert_eq!(second.code(), Some(1), "{}", second.told());
    let told = format!("{}{}", second.err, fs::read_to_string(home.root().join("rpm.log")).unwrap());
    assert!(told.contains(&format!("kill {guardian}")), "{told}");
    assert_eq!((home.daemon().pid, home.guardian()), (pid, guardian));
}

#[test]
fn idle_it_uses_no_processor_time() {
    let home = Home::new();
    let pid = home.daemon().pid;
    // A second in a row without a tick; the first may still pay for the start.
    eventually_within(Duration::from_secs(15), "an idle second", || {
        let before = cpu_ticks(pid);
        let mut steady = true;
        crate::support::watch_for(Duration::from_secs(1), || steady &= cpu_ticks(pid) == before);
        steady.then_some(())
    });
}

#[test]
#[cfg(not(debug_assertions))]
fn idle_it_is_small() {
    let home = Home::new();
    let pid = home.daemon().pid;
    for _ in 0..50 {
        home.rpm(["ls"]).ok();
    }
    let resident = crate::support::status_field(pid, "VmRSS").unwrap();
    let kilobytes: u64 = resident.trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 8 * 1024, "{resident}");
}
