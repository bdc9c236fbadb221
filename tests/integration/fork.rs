//! Apps in fork mode: every kind of program, what it is given, how it ends.

use crate::support::{Home, children, eventually, is_alive, session};
use rpm_native::domain::{Outcome, Status};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn executable(path: &std::path::Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_kind_of_program() {
    let home = Home::new();
    let script = "console.log('up', ...process.argv.slice(2)); setInterval(() => {}, 1000)";
    home.write("plain.js", script);
    home.write("common.cjs", script);
    home.write("module.mjs", format!("import 'node:fs'; {script}"));
    home.write("snake.py", "import sys, time\nprint('up', *sys.argv[1:])\ntime.sleep(1000)\n");
    home.write("shell.sh", "echo up \"$@\"; exec sleep 1000\n");
    executable(&home.write("direct", "#!/bin/sh\necho up \"$@\"; exec sleep 1000\n"));
    for file in ["plain.js", "common.cjs", "module.mjs", "snake.py", "shell.sh"] {
        home.rpm(["start", file, "--", "one two", "-x"]).ok();
    }
    home.rpm(["start", "./direct", "--interpreter", "none", "--", "one two", "-x"]).ok();
    home.rpm(["start", "echo up \"one two\" -x; exec sleep 1000", "--name", "line"]).ok();
    for name in ["plain", "common", "module", "snake", "shell", "direct", "line"] {
        assert_eq!(home.told(&format!("{name}-out.log"), "up "), "one two -x", "{name}");
        assert_eq!(home.process(name).status, Status::Online, "{name}");
    }
}

#[test]
fn a_program_of_the_path() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "nap", "--", "1000"]).ok();
    let pid = home.pid("nap");
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(line.ends_with(b"sleep\x001000\0"), "{}", String::from_utf8_lossy(&line));
}

#[test]
fn it_leads_a_session_of_its_own_below_the_guardian() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let pid = home.pid("sleep");
    assert_eq!(session(pid), Some(pid));
    assert!(children(home.guardian()).contains(&pid));
}

#[test]
fn it_gets_nothing_of_the_daemon_but_its_streams() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "first", "--", "1000"]).ok();
    home.write("app.js", "console.log('up'); setInterval(() => {}, 1000)");
    // Started last, when the daemon has descriptors of others.
    home.rpm(["start", "app.js"]).ok();
    home.rpm(["start", "sleep", "--name", "last", "--", "1000"]).ok();
    let pid = home.pid("last");
    let mut fds: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    fds.sort();
    assert_eq!(fds, ["0", "1", "2"]);
    let signals = |name| u64::from_str_radix(&crate::support::status_field(pid, name).unwrap(), 16).unwrap();
    // Numbers 32 and 33 are the C library's own, which whoever started the tests may have left ignored.
    assert_eq!((signals("SigBlk"), signals("SigIgn") & 0x7fff_ffff), (0, 0));
}

#[test]
fn its_input_stays_open() {
    let home = Home::new();
    home.write("read.js", "process.stdin.on('end', () => process.exit(9)).resume(); console.log('up')");
    home.rpm(["start", "read.js", "--no-autorestart"]).ok();
    home.told("read-out.log", "up");
    let pid = home.pid("read");
    // A program that saw the end of its input would have left by now; the restart of another takes far longer.
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    home.rpm(["restart", "sleep"]).ok();
    assert_eq!(home.pid("read"), pid);
}

#[test]
fn it_runs_where_it_was_told() {
    let home = Home::new();
    let elsewhere = home.work().join("else where");
    fs::create_dir(&elsewhere).unwrap();
    home.write("app.js", "console.log('in ' + process.cwd()); setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "--name", "here"]).ok();
    let script = home.work().join("app.js");
    home.rpm(["start", script.to_str().unwrap(), "--name", "there", "--cwd", elsewhere.to_str().unwrap()]).ok();
    assert_eq!(home.told("here-out.log", "in "), home.work().to_str().unwrap());
    assert_eq!(home.told("there-out.log", "in "), elsewhere.to_str().unwrap());
}

#[test]
fn how_it_ended_is_recorded() {
    let home = Home::new();
    for (name, line, outcome) in [
        ("zero", "exit 0", Outcome::Code(0)),
        ("seven", "exit 7", Outcome::Code(7)),
        ("high", "exit 255", Outcome::Code(255)),
        ("killed", "kill -KILL $$", Outcome::Signal(9)),
        ("term", "kill -TERM $$", Outcome::Signal(15)),
    ] {
        home.rpm(["start", &format!("{line} ;"), "--name", name, "--no-autorestart"]).ok();
        let process = home.wait_status(name, Status::Stopped);
        assert_eq!(process.exit, Some(outcome), "{name}");
        assert_eq!(process.pid, None, "{name}");
    }
    let code = |name: &str| {
        let list = home.jlist();
        list.iter().find(|element| element["name"] == name).unwrap()["pm2_env"]["exit_code"].clone()
    };
    assert_eq!(code("seven"), 7);
    assert_eq!(code("killed"), 0);
}

#[test]
fn its_pid_is_in_a_file_while_it_runs() {
    let home = Home::new();
    let own = home.work().join("own.pid");
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    home.rpm(["start", "sleep", "--name", "b", "--pid", own.to_str().unwrap(), "--", "1000"]).ok();
    let files = [("a", home.root().join("pids/a-0.pid")), ("b", home.work().join("own-1.pid"))];
    for (name, file) in &files {
        assert_eq!(fs::read_to_string(file).unwrap(), home.pid(name).to_string());
    }
    home.rpm(["stop", "all"]).ok();
    for (_, file) in &files {
        assert!(!file.exists(), "{}", file.display());
    }
}

#[test]
fn the_file_of_an_app_may_change_between_runs() {
    let home = Home::new();
    home.write("app.js", "console.log('version 1'); setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js"]).ok();
    assert_eq!(home.told("app-out.log", "version "), "1");
    home.write("app.js", "console.log('version 2'); setInterval(() => {}, 1000)");
    home.rpm(["restart", "app"]).ok();
    eventually("the new version runs", || (home.lines("app-out.log").len() == 2).then_some(()));
    assert_eq!(home.told("app-out.log", "version "), "2");
}

#[test]
fn a_link_as_directory_is_followed_anew_at_each_start() {
    let home = Home::new();
    for version in ["1", "2"] {
        home.write(
            &format!("{version}/app.js"),
            format!("console.log('version {version}'); setInterval(() => {{}}, 1000)"),
        );
    }
    let current = home.work().join("current");
    std::os::unix::fs::symlink("1", &current).unwrap();
    home.rpm(["start", "current/app.js"]).ok();
    assert_eq!(home.told("app-out.log", "version "), "1");
    fs::remove_file(&current).unwrap();
    std::os::unix::fs::symlink("2", &current).unwrap();
    home.rpm(["restart", "app"]).ok();
    eventually("the new version runs", || (home.lines("app-out.log").len() == 2).then_some(()));
    assert_eq!(home.told("app-out.log", "version "), "2");
}

#[test]
fn a_second_start_of_what_runs_is_refused_unless_forced() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js"]).ok();
    let pid = home.pid("app");
    home.rpm(["start", "app.js"]).fails(&["app", "runs already", "--force"]);
    assert_eq!(home.pid("app"), pid);
    home.rpm(["start", "app.js", "--force"]).ok();
    assert_eq!(home.named("app").len(), 2);
    home.rpm(["start", "app.js", "--name", "other"]).ok();
    home.rpm(["stop", "other"]).ok();
    home.rpm(["start", "app.js", "--name", "other"]).ok();
    assert_eq!(home.process("other").status, Status::Online);
    assert!(is_alive(pid));
}
