//! Programs that don't want to end, or that end in every wrong way. After `stop` nothing of them is alive.
//!
//! All of them without control groups, where the tree of processes, sessions and marks have to tell; the worst ones also
//! with one, as far as there is one to be had.

use crate::support::{Home, Signal, eventually, is_alive, signal, status_field};
use rpm_native::domain::{Outcome, Status};
use std::fs;
use std::time::Duration;

fn home() -> Home {
    Home::new().env("RPM_CGROUP_ROOT", "")
}

fn pid_in(home: &Home, file: &str) -> i32 {
    eventually(&format!("a pid in {file}"), || fs::read_to_string(home.work().join(file)).ok()?.trim().parse().ok())
}

fn there(home: &Home, file: &str) {
    eventually(&format!("{file} is there"), || home.work().join(file).exists().then_some(()));
}

fn daemonize(home: &Home) {
    home.write("daemonize.pl", include_str!("../fixtures/torture/daemonize.pl"));
}

/// What lives of the apps of a home, by a word of its command line.
fn living(home: &Home, word: &str) -> Vec<String> {
    home.processes().into_iter().map(|(_, line)| line).filter(|line| line.contains(word)).collect()
}

#[test]
fn a_double_fork_into_a_session_of_its_own() {
    let home = home();
    daemonize(&home);
    home.rpm(["start", "daemonize.pl", "--interpreter", "perl", "--name", "a", "--", "child"]).ok();
    let child = pid_in(&home, "child");
    home.rpm(["stop", "a"]).ok();
    assert!(!is_alive(child));
    assert_eq!(home.process("a").status, Status::Stopped);
}

#[test]
fn a_double_fork_that_minds_no_signal_while_its_daemon_is_killed() {
    let home = home();
    daemonize(&home);
    let line = ["--interpreter", "perl", "--name", "a", "--kill-timeout", "1500", "--", "child", "deaf"];
    home.rpm(["start", "daemonize.pl"].into_iter().chain(line)).ok();
    let (main, child) = (home.pid("a"), pid_in(&home, "child"));
    let stop = home.command(["stop", "a"]).begin();
    eventually("the main process has gone", || (!is_alive(main)).then_some(()));
    assert!(is_alive(child), "it has its time");
    home.kill_daemon();
    stop.end().ok();
    assert!(!is_alive(child));
    assert_eq!(home.process("a").status, Status::Stopped);
}

#[test]
fn what_a_crash_leaves_behind_ends_before_the_next_run() {
    let home = home();
    daemonize(&home);
    home.write("app.sh", "[ -e child ] && exec sleep 1000\nexec perl daemonize.pl child crash\n");
    home.rpm(["start", "app.sh"]).ok();
    let child = pid_in(&home, "child");
    home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    assert!(!is_alive(child));
}

#[test]
fn what_is_to_be_spared_is_spared_and_told() {
    let home = home();
    daemonize(&home);
    let line = ["--interpreter", "perl", "--name", "a", "--no-treekill", "--", "child"];
    home.rpm(["start", "daemonize.pl"].into_iter().chain(line)).ok();
    let child = pid_in(&home, "child");
    assert_eq!(home.describe("a")[0]["left_alive"], serde_json::json!([]), "it is of the run that goes on");
    home.rpm(["stop", "a"]).ok();
    assert!(is_alive(child));
    assert_eq!(home.describe("a")[0]["left_alive"], serde_json::json!([child]));
    let text = home.rpm(["describe", "a"]).ok().text();
    assert!(text.contains(&format!("by runs that have ended: {child}")), "{text}");
    signal(child, Signal::SIGKILL);
    eventually("it has gone", || (!is_alive(child)).then_some(()));
}

#[test]
fn what_has_lost_its_environment_and_its_session() {
    let home = home();
    home.write("app.sh", "setsid env -i sh -c 'trap \"\" INT; echo $$ > child; exec sleep 1000' &\nexec sleep 2000\n");
    home.rpm(["start", "app.sh", "--kill-timeout", "200"]).ok();
    let child = pid_in(&home, "child");
    home.rpm(["stop", "app"]).ok();
    assert!(!is_alive(child));
}

#[test]
fn what_has_lost_everything_is_still_in_its_control_group() {
    let home = Home::new();
    daemonize(&home);
    home.write("app.sh", "[ -e child ] && exec sleep 1000\nexec perl daemonize.pl child crash bare\n");
    home.rpm(["start", "app.sh"]).ok();
    let child = pid_in(&home, "child");
    let process = home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    let group = fs::read_to_string(format!("/proc/{}/cgroup", process.pid.unwrap())).unwrap();
    if !group.lines().any(|line| line.starts_with("0::") && line.contains("/rpm-")) {
        eprintln!("skipped: no control group can be made here: {group}");
        if is_alive(child) {
            signal(child, Signal::SIGKILL);
        }
        return;
    }
    eventually("it has ended before the second run", || (!is_alive(child)).then_some(()));
}

#[test]
fn what_an_app_has_launched_for_others_is_not_its_own() {
    for home in [home(), Home::new()] {
        let line = format!(
            "while [ ! -e go ]; do sleep 0.01; done; {} ping > said; exec sleep 1000",
            home.program().display()
        );
        home.rpm(["start", &line, "--name", "app"]).ok();
        let (guardian, daemon) = (home.guardian(), home.daemon().pid);
        let app = home.pid("app");
        signal(guardian, Signal::SIGSTOP);
        signal(daemon, Signal::SIGKILL);
        signal(guardian, Signal::SIGKILL);
        eventually("nobody is there", || (!is_alive(guardian) && !is_alive(daemon)).then_some(()));
        home.write("go", "");
        // Whoever asks now would launch them; the app does.
        eventually("the app was answered", || {
            fs::read_to_string(home.work().join("said")).ok().filter(|said| said.contains("pong"))
        });
        let now = home.daemon();
        assert_ne!(now.pid, daemon);
        home.rpm(["stop", "app"]).ok();
        assert!(!is_alive(app));
        assert_eq!(home.daemon().pid, now.pid, "it has outlived the app that launched it");
        assert_eq!(home.daemon().generation, now.generation);
    }
}

#[test]
fn what_changes_its_group() {
    let home = home();
    home.write("app.pl", "unless (fork) { setpgrp; $SIG{INT} = 'IGNORE'; open F, '>', 'child'; print F $$; close F; sleep 1 while 1 } sleep 1 while 1");
    home.rpm(["start", "app.pl", "--interpreter", "perl", "--kill-timeout", "200"]).ok();
    let child = pid_in(&home, "child");
    home.rpm(["stop", "app"]).ok();
    assert!(!is_alive(child));
}

#[test]
fn a_swarm_of_short_lives() {
    short_lives(&home());
    short_lives(&Home::new());
}

fn short_lives(home: &Home) {
    home.write("swarm.pl", include_str!("../fixtures/torture/swarm.pl"));
    home.rpm(["start", "swarm.pl", "--interpreter", "perl", "--kill-timeout", "100"]).ok();
    there(home, "swarming");
    home.rpm(["stop", "swarm"]).ok();
    assert_eq!(living(home, "swarm.pl"), [""; 0]);
}

#[test]
fn what_ignores_all_that_can_be_ignored_with_all_its_children() {
    let home = home();
    home.write(
        "deaf.sh",
        "trap '' INT TERM HUP QUIT\n(while :; do sleep 0.05; done) &\necho $! > child\nwhile :; do sleep 0.05; done\n",
    );
    for wanted in ["SIGINT", "SIGTERM"] {
        home.rpm(["start", "deaf.sh", "--name", wanted, "--kill-signal", wanted, "--kill-timeout", "100"]).ok();
        let (main, child) = (home.pid(wanted), pid_in(&home, "child"));
        home.rpm(["stop", wanted]).ok();
        assert!(!is_alive(main) && !is_alive(child), "{wanted}");
        assert_eq!(home.process(wanted).exit, Some(Outcome::Signal(9)));
        fs::remove_file(home.work().join("child")).unwrap();
    }
}

#[test]
fn what_it_has_started_may_end_it_by_ending() {
    let home = home();
    // It minds no signal itself, but leaves when its child has: as a supervisor of its own does.
    home.write("app.sh", "trap '' INT\nperl -e '$SIG{INT} = sub { exit 7 }; open F, \">\", \"up\"; close F; sleep 1 while 1' &\nwait $!\nexit $?\n");
    home.write("app.js", "process.on('SIGINT', () => {}); require('child_process').spawn('sh', ['app.sh'], { detached: true }).on('exit', (code) => process.exit(code))");
    home.rpm(["start", "app.js", "--kill-timeout", "300"]).ok();
    there(&home, "up");
    home.rpm(["stop", "app"]).ok();
    assert_eq!(home.process("app").exit, Some(Outcome::Code(7)));
}

#[test]
fn what_closes_its_output() {
    let home = home();
    home.write("app.sh", "exec >&- 2>&-\necho $$ > up\nexec sleep 1000\n");
    home.rpm(["start", "app.sh"]).ok();
    let pid = pid_in(&home, "up");
    assert_eq!((home.process("app").status, home.pid("app")), (Status::Online, pid));
    home.rpm(["stop", "app"]).ok();
    assert!(!is_alive(pid));
    assert_eq!(home.process("app").exit, Some(Outcome::Signal(2)));
}

#[test]
fn what_ends_at_once() {
    let home = home();
    home.rpm(["start", "true", "--name", "once", "--no-autorestart"]).ok();
    assert_eq!(home.wait_status("once", Status::Stopped).exit, Some(Outcome::Code(0)));
    home.rpm(["stop", "once"]).ok();
    home.rpm(["start", "true", "--name", "again"]).ok();
    let process = home.wait_status("again", Status::Errored);
    assert_eq!((process.restarts, process.exit), (15, Some(Outcome::Code(0))));
    home.rpm(["stop", "again"]).ok();
}

#[test]
fn what_ends_while_it_is_stopped() {
    let home = home();
    home.write("app.sh", "trap 'exit 3' INT\ntouch up\nwhile :; do sleep 0.01; done\n");
    home.rpm(["start", "app.sh"]).ok();
    there(&home, "up");
    home.rpm(["stop", "app"]).ok();
    assert_eq!(home.process("app").exit, Some(Outcome::Code(3)));
    // By itself, at about the moment of the stop.
    home.rpm(["start", "sleep 0.03; exit 4", "--name", "brief", "--max-restarts", "1000"]).ok();
    for _ in 0..8 {
        home.rpm(["stop", "brief"]).ok();
        assert_eq!((home.process("brief").status, home.process("brief").pid), (Status::Stopped, None));
        home.rpm(["start", "brief"]).ok();
    }
    home.rpm(["delete", "brief"]).ok();
    assert_eq!(living(&home, "sleep 0.03"), [""; 0]);
}

#[test]
fn what_holds_its_port_after_its_death() {
    let home = home();
    home.write("holder.js", "require('net').createServer().listen(0, function () { require('fs').writeFileSync('port', `${this.address().port}`) })");
    home.write(
        "app.js",
        "const fs = require('fs')
         if (fs.existsSync('port')) {
           require('net').createServer().listen(Number(fs.readFileSync('port')), () => console.log('bound'))
         } else {
           require('child_process').spawn(process.execPath, ['holder.js'], { detached: true, stdio: 'ignore' }).unref()
           setInterval(() => { if (fs.existsSync('port')) process.exit(1) }, 10)
         }",
    );
    home.rpm(["start", "app.js"]).ok();
    home.told("app-out.log", "bound");
    assert_eq!(home.process("app").restarts, 1);
    assert_eq!(living(&home, "holder.js"), [""; 0]);
}

#[test]
fn what_writes_without_end_and_without_a_line() {
    const MEGABYTES: u64 = 64;
    let home = home();
    home.write(
        "app.pl",
        format!("my $x = 'x' x (1 << 20); for (1..{MEGABYTES}) {{ syswrite STDOUT, $x }} sleep 1 while 1"),
    );
    let daemon = home.daemon().pid;
    let peak = || status_field(daemon, "VmHWM").unwrap().split(' ').next().unwrap().parse::<u64>().unwrap();
    let before = peak();
    home.rpm(["start", "app.pl", "--interpreter", "perl"]).ok();
    let log = home.log_path("app-out.log");
    let length = || fs::metadata(&log).map_or(0, |file| file.len());
    eventually("all is in the file", || (length() == MEGABYTES << 20).then_some(()));
    assert!(peak() - before < 32 << 10, "{before} kB before, {} kB at most", peak());
    home.rpm(["stop", "app"]).ok();
    assert_eq!(length(), MEGABYTES << 20);
}

#[test]
fn what_is_replaced_on_disk_while_it_runs() {
    let home = home();
    let replace = |text: &str| {
        home.write("new", text);
        fs::rename(home.work().join("new"), home.work().join("app.sh")).unwrap();
    };
    replace("echo one\nexec sleep 1000\n");
    home.rpm(["start", "app.sh"]).ok();
    home.told("app-out.log", "one");
    replace("echo two\nexec sleep 1000\n");
    home.rpm(["restart", "app"]).ok();
    home.told("app-out.log", "two");
    home.rpm(["stop", "app"]).ok();
}

#[test]
fn what_is_deleted_while_it_runs() {
    let home = home();
    home.write("gone/app.sh", "echo up\nexec sleep 1000\n");
    home.rpm(["start", "app.sh", "--cwd", "gone"]).ok();
    home.told("app-out.log", "up");
    let pid = home.pid("app");
    fs::remove_dir_all(home.work().join("gone")).unwrap();
    assert_eq!(home.process("app").status, Status::Online);
    home.rpm(["describe", "app"]).ok();
    home.rpm(["restart", "app"]).fails(&["app", "did not start"]);
    assert!(!is_alive(pid));
    home.rpm(["stop", "app"]).ok();
    home.rpm(["delete", "app"]).ok();
}

#[test]
fn what_stops_itself() {
    let home = home();
    home.write(
        "app.sh",
        "sh -c 'echo $$ > child; kill -STOP $$' &\nwhile [ ! -s child ]; do sleep 0.01; done\nkill -STOP $$\n",
    );
    home.rpm(["start", "app.sh", "--kill-timeout", "200"]).ok();
    let (main, child) = (home.pid("app"), pid_in(&home, "child"));
    for pid in [main, child] {
        eventually("it is stopped", || status_field(pid, "State")?.starts_with('T').then_some(()));
    }
    home.rpm(["stop", "app"]).ok();
    assert!(!is_alive(main) && !is_alive(child));
}

#[test]
fn what_never_waits_for_its_children() {
    let home = home();
    home.write("app.pl", "for (1..5) { fork or exit } open F, '>', 'up'; close F; sleep 1 while 1");
    home.rpm(["start", "app.pl", "--interpreter", "perl", "--kill-timeout", "60s"]).ok();
    there(&home, "up");
    // Zombies are nothing to wait for.
    home.rpm(["stop", "app"]).ok();
    home.check_children();
}

/// Minds no signal, and neither does its child; it would take two minutes.
fn stubborn(home: &Home, name: &str) -> [i32; 2] {
    home.write(
        "stubborn.sh",
        "trap '' INT\nsetsid sh -c 'trap \"\" INT; echo $$ > $0; exec sleep 1000' $1 &\nexec sleep 2000\n",
    );
    let child = format!("child-{name}");
    home.rpm(["start", "stubborn.sh", "--name", name, "--kill-timeout", "60s", "--", &child]).ok();
    [home.pid(name), pid_in(home, &child)]
}

#[test]
fn force_does_not_ask() {
    let home = home();
    let ends = |command: &[&str], name: &str| {
        let pids = stubborn(&home, name);
        home.rpm(command.iter().copied()).ok();
        assert!(!pids.into_iter().any(is_alive), "{command:?}");
    };
    ends(&["stop", "a", "--force"], "a");
    assert_eq!(home.process("a").status, Status::Stopped);
    ends(&["restart", "b", "-f"], "b");
    assert_eq!((home.process("b").status, home.process("b").restarts), (Status::Online, 1));
    ends(&["restart", "c", "--kill-timeout", "50s", "--force"], "c");
    ends(&["delete", "d", "-f"], "d");
    assert!(home.named("d").is_empty());
    ends(&["kill", "--force"], "e");
}

#[test]
fn a_stop_that_is_under_way_can_be_hurried() {
    let home = home();
    let pids = stubborn(&home, "a");
    let other = stubborn(&home, "b");
    let stop = home.command(["stop", "a"]).begin();
    home.wait_status("a", Status::Stopping);
    home.rpm(["stop", "a", "--force"]).ok();
    stop.end().ok();
    assert!(!pids.into_iter().any(is_alive));
    assert!(other.into_iter().all(is_alive), "nobody has spoken of it");
    home.rpm(["delete", "b", "--force"]).ok();
}

#[test]
fn the_second_interrupt_at_a_terminal_hurries() {
    let home = home();
    let pids = stubborn(&home, "a");
    let line = format!("{} stop a 2>&1", home.program().display());
    let terminal = crate::support::Program::new("script")
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .env("RPM_HOME", home.root())
        .env("HOME", home.temporary())
        .cwd(&home.work());
    let terminal = terminal.begin();
    let command = eventually("the command runs", || {
        home.processes().into_iter().find_map(|(pid, line)| line.ends_with("rpm stop a ").then_some(pid))
    });
    home.wait_status("a", Status::Stopping);
    let says = |words: &str| {
        eventually(words, || String::from_utf8_lossy(&terminal.out()).contains(words).then_some(()));
    };
    says("waiting for a");
    signal(command, Signal::SIGINT);
    says("Ctrl-C again kills it");
    assert!(pids.into_iter().all(is_alive));
    signal(command, Signal::SIGINT);
    terminal.end().ok();
    assert!(!pids.into_iter().any(is_alive));
}

#[test]
fn what_was_born_when_nobody_was_left_to_note_it_is_not_started_twice() {
    let home = Home::new();
    let mine = home.temporary().join("fault");
    let home = home.env("RPM_FAULT_FILE", &mine).env("RPM_CGROUP_ROOT", "");
    let guardian = home.guardian();
    let arm = |point: &str| fs::write(&mine, point).unwrap();
    arm("spawn.born");
    let start = home.command(["start", "echo $$ >> births; exec sleep 1000", "--name", "a"]).begin();
    eventually("the daemon has died after the birth", || (!mine.exists()).then_some(()));
    // Those after it die before they know of anything, until the guardian dies in between.
    eventually("the guardian is alone", || {
        if !mine.exists() {
            arm("adopt.begun");
        }
        signal(guardian, Signal::SIGSTOP);
        eventually("it is stopped", || status_field(guardian, "State")?.starts_with('T').then_some(()));
        let alone = home.daemon_of(guardian).is_none() && crate::support::children(guardian).len() == 1;
        signal(guardian, if alone { Signal::SIGKILL } else { Signal::SIGCONT });
        alone.then_some(())
    });
    fs::remove_file(&mine).unwrap();
    start.end().ok();
    let births = fs::read_to_string(home.work().join("births")).unwrap();
    assert_eq!(births.lines().collect::<Vec<_>>(), [home.pid("a").to_string()]);
    crate::support::watch_for(Duration::from_millis(300), || {
        assert_eq!(fs::read_to_string(home.work().join("births")).unwrap(), births);
    });
    home.rpm(["delete", "a"]).ok();
}
